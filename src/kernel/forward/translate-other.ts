// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** Network address translation of IPv4 packets that are neither TCP nor UDP. */
import type { Packet, u16, u32 } from "../../bpf/index.ts";
import { Ipv4, LINK_HEADER, Ports } from "../headers.ts";
import { portMapping } from "../options.ts";
import { FROM_CLIENT } from "../tables.ts";
import { replaceAddressAndAge } from "./checksum.ts";
import { replaceSctpChecksum } from "./sctp-checksum.ts";

/**
 * Gives a client's packet another destination, a server's another source; the time to live falls by one. For protocols without ports, and
 * for fragments but the first. False: the header is not there.
 */
export function translateAddressOnly(packet: Packet, direction: u32, address: u32): boolean {
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return false;
  let from = 0;
  if (direction === FROM_CLIENT) {
    from = ip.destination;
    ip.destination = address;
  } else {
    from = ip.source;
    ip.source = address;
  }
  ip.lifetime = ip.lifetime - 1;
  ip.checksum = replaceAddressAndAge(ip.checksum, from, address);
  return true;
}

/** Gives an SCTP packet, of `length` bytes, another port at the servers' end. False: its header is not there. */
export function translateSctpPort(
  packet: Packet,
  transport: u16,
  length: u16,
  direction: u32,
  port: u16,
): boolean {
  const ports = packet.header(Ports, transport);
  if (ports === null) return false;
  if (!portMapping.value) return true;
  const from = ((ports.source << 16) | ports.destination) >>> 0;
  if (direction === FROM_CLIENT) ports.destination = port;
  else ports.source = port;
  const to = ((ports.source << 16) | ports.destination) >>> 0;
  replaceSctpChecksum(packet, transport, length, from, to);
  return true;
}

/** An SCTP packet, or one of a protocol without ports. False: its headers are not there. */
export function translateSctp(
  packet: Packet,
  transport: u16,
  direction: u32,
  address: u32,
  port: u16,
): boolean {
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return false;
  const length = (ip.totalLength - (transport - LINK_HEADER)) & 0xffff;
  return (
    translateSctpPort(packet, transport, length, direction, port) &&
    translateAddressOnly(packet, direction, address)
  );
}
