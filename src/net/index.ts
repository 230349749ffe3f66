/**
 * Addresses, ports, checksums and packets: pure functions over bytes, for every platform that runs JavaScript.
 *
 * Functions that read text return undefined for what they do not understand; those that read packets throw
 * MalformedPacketError.
 */
export * from "./address.ts";
export * from "./checksum.ts";
export * from "./endpoint.ts";
export * from "./ipv4.ts";
export * from "./ipv6.ts";
export * from "./mac.ts";
export * from "./prefix.ts";
export * from "./wire/arp.ts";
export * from "./wire/build.ts";
export * from "./wire/describe.ts";
export * from "./wire/ethernet.ts";
export * from "./wire/icmp.ts";
export * from "./wire/ipv4.ts";
export * from "./wire/ipv6.ts";
export * from "./wire/layers.ts";
export { MalformedPacketError } from "./wire/malformed.ts";
export * from "./wire/pcap.ts";
export * from "./wire/protocol.ts";
export * from "./wire/tcp.ts";
export * from "./wire/tcp-options.ts";
export * from "./wire/udp.ts";
