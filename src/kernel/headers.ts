// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Wire formats as schemas. Offsets in a packet count from its Ethernet header, and every struct here is laid over the
 * packet at an even offset.
 */
import { array, bytes, type Infer, ipv4, struct, u8, u16be, u32be } from "../bpf/index.ts";
import { Address } from "./tables.ts";

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_IPV6 = 0x86dd;

/** `packet.type` of a frame that was sent to this host's link-layer address. */
export const PACKET_HOST = 0;
/** Of one that was sent to another host. */
export const PACKET_OTHERHOST = 3;

/** The index of the loopback interface, in every namespace. */
export const LOOPBACK = 1;

/** Bytes of an Ethernet header: where IPv4 begins. */
export const LINK_HEADER = 14;
/** Bytes of headers without options. */
export const IPV4_HEADER = 20;
export const IPV6_HEADER = 40;
export const TCP_HEADER = 20;
export const UDP_HEADER = 8;
export const ICMP_HEADER = 8;
/** Of IPv6's fragments. */
export const FRAGMENT_HEADER = 8;

/** Where the checksums are in TCP's, UDP's and ICMP's headers. */
export const TCP_CHECKSUM = 16;
export const UDP_CHECKSUM = 6;
export const ICMP_CHECKSUM = 2;

/** The smallest MTUs that IPv4 and IPv6 know. */
export const LEAST_MTU = 68;
export const LEAST_MTU6 = 1280;

/** Ethernet (IEEE 802.3): destination and source address, then the type. 14 bytes of the 16 are the header. */
export const Link = struct("Link", { addresses: array(u32be, 3), type: u16be });
export type Link = Infer<typeof Link>;

/** Ethernet, IPv4 and TCP without options: what must be directly accessible before anything is looked at. */
export const Headers = struct("Headers", { link: bytes(14), versionLength: u8, rest: bytes(39) });
export type Headers = Infer<typeof Headers>;

/** Ethernet, IPv6 and TCP without options: the same. */
export const Headers6 = struct("Headers6", {
  link: bytes(14),
  before: bytes(6),
  nextHeader: u8,
  rest: bytes(53),
});
export type Headers6 = Infer<typeof Headers6>;

/** The longest headers we look into: Ethernet, IPv4 with options, ICMP, IPv4 with options, 8 bytes of transport; or IPv6 with extensions, twice. */
export const LONGEST_HEADERS = 256;

/**
 * IPv4 without its options (RFC 791).
 *
 * ```
 *  0 version (4 bits), header length in words (4 bits)   1 type of service   2 total length
 *  4 identification   6 flags (3 bits), fragment offset in 8 bytes (13 bits)
 *  8 time to live   9 protocol   10 header checksum   12 source   16 destination
 * ```
 */
export const Ipv4 = struct("Ipv4", {
  versionLength: u8,
  service: u8,
  totalLength: u16be,
  identification: u16be,
  fragment: u16be,
  lifetime: u8,
  protocol: u8,
  checksum: u16be,
  source: ipv4,
  destination: ipv4,
});
export type Ipv4 = Infer<typeof Ipv4>;

/**
 * IPv6 (RFC 8200). The first word: version (4 bits), traffic class (8), flow label (20). Addresses as 32-bit words; the whole
 * is laid over the packet at an even offset only.
 */
export const Ipv6 = struct("Ipv6", {
  versionClassLabel: u32be,
  /** Bytes behind this header. */
  payloadLength: u16be,
  nextHeader: u8,
  hopLimit: u8,
  source: Address,
  destination: Address,
});
export type Ipv6 = Infer<typeof Ipv6>;

/** What IPv6 extension headers begin with: the next one's type, and this one's length in 8 bytes, less 8 (AH: in 4 bytes, less 8). */
export const Extension = struct("Extension", { nextHeader: u8, length: u8 });
export type Extension = Infer<typeof Extension>;

/** Types of extension headers. */
export const EXTENSION_HOP_BY_HOP = 0;
export const EXTENSION_ROUTING = 43;
export const EXTENSION_FRAGMENT = 44;
export const EXTENSION_DESTINATION = 60;
export const EXTENSION_MOBILITY = 135;

/** IPv6's fragment header: offset in 8 bytes (13 bits), 2 reserved bits, more to come (1 bit). */
export const FragmentHeader = struct("FragmentHeader", {
  nextHeader: u8,
  reserved: u8,
  offset: u16be,
  identification: u32be,
});
export type FragmentHeader = Infer<typeof FragmentHeader>;

/** Bits of `FragmentHeader.offset`. */
export const FRAGMENT_MORE6 = 1;
export const FRAGMENT_OFFSET6 = 0xfff8;

/** Bits of `Ipv4.fragment`: don't fragment; more to come; part of a larger datagram (more to come, or an offset); the offset. */
export const DONT_FRAGMENT = 0x4000;
export const MORE_FRAGMENTS = 0x2000;
export const FRAGMENT = 0x3fff;
export const FRAGMENT_OFFSET = 0x1fff;

/** What TCP and UDP begin with. */
export const Ports = struct("Ports", { source: u16be, destination: u16be });
export type Ports = Infer<typeof Ports>;

/** TCP without its options (RFC 9293). */
export const Tcp = struct("Tcp", {
  source: u16be,
  destination: u16be,
  sequence: u32be,
  acknowledgement: u32be,
  /** Header length in words in the upper 4 bits. */
  length: u8,
  flags: u8,
  window: u16be,
  checksum: u16be,
  urgent: u16be,
});
export type Tcp = Infer<typeof Tcp>;

export const TCP_FIN = 0x01;
export const TCP_SYN = 0x02;
export const TCP_RST = 0x04;
export const TCP_PSH = 0x08;
export const TCP_ACK = 0x10;
/** Congestion window reduced (RFC 3168). */
export const TCP_CWR = 0x80;

/** SCTP's common header (RFC 9260), and what a chunk begins with. */
export const Sctp = struct("Sctp", {
  source: u16be,
  destination: u16be,
  tag: u32be,
  checksum: u32be,
  chunk: u8,
  chunkFlags: u8,
  chunkLength: u16be,
});
export type Sctp = Infer<typeof Sctp>;

/** What each chunk of SCTP begins with; the length counts this too, not the padding to four bytes behind the chunk. */
export const SctpChunk = struct("SctpChunk", { type: u8, flags: u8, length: u16be });
export type SctpChunk = Infer<typeof SctpChunk>;

/** UDP (RFC 768). A checksum of 0: there is none. */
export const Udp = struct("Udp", { source: u16be, destination: u16be, length: u16be, checksum: u16be });
export type Udp = Infer<typeof Udp>;

/** Protocols that carry IP packets in tunnels: IPv4, IPv6, GRE. */
export const PROTOCOL_IPIP = 4;
export const PROTOCOL_IPV6 = 41;
export const PROTOCOL_GRE = 47;

/**
 * UDP with what GUE puts behind it (draft-ietf-intarea-gue, version 0): version (2 bits), control (1), length of optional fields in
 * words (5); the protocol of what follows; flags.
 */
export const Gue = struct("Gue", {
  source: u16be,
  destination: u16be,
  length: u16be,
  checksum: u16be,
  versionLength: u8,
  protocol: u8,
  flags: u16be,
});
export type Gue = Infer<typeof Gue>;

/** GRE (RFC 2784): flags (the highest bit: with checksum), EtherType of what follows; then the checksum, if there is one. */
export const Gre = struct("Gre", { flags: u16be, protocol: u16be });
export type Gre = Infer<typeof Gre>;
/** GRE: there is a checksum; it and its reserved bits take 4 bytes. */
export const GRE_CHECKSUM_PRESENT = 0x8000;
export const GreChecksum = struct("GreChecksum", { checksum: u16be, reserved: u16be });
export type GreChecksum = Infer<typeof GreChecksum>;

/** An ICMP error (RFC 792, RFC 1191): what follows is the packet that it is about, as far as it is quoted. */
export const Icmp = struct("Icmp", { type: u8, code: u8, checksum: u16be, unused: u16be, mtu: u16be });
export type Icmp = Infer<typeof Icmp>;

export const ICMP_UNREACHABLE = 3;
export const ICMP_SOURCE_QUENCH = 4;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_PARAMETER_PROBLEM = 12;
/** Codes of ICMP_UNREACHABLE. */
export const ICMP_HOST_UNREACHABLE = 1;
export const ICMP_PORT_UNREACHABLE = 3;
export const ICMP_FRAGMENTATION_NEEDED = 4;

/** Types of ICMPv6 messages (RFC 4443, RFC 4861): the errors, and the redirect. */
export const ICMP6_UNREACHABLE = 1;
export const ICMP6_TOO_BIG = 2;
export const ICMP6_TIME_EXCEEDED = 3;
export const ICMP6_PARAMETER_PROBLEM = 4;
export const ICMP6_REDIRECT = 137;
/** Codes of ICMP6_UNREACHABLE. */
export const ICMP6_ADDRESS_UNREACHABLE = 3;
export const ICMP6_PORT_UNREACHABLE = 4;

/** Any 16-bit word, such as a checksum. */
export const Word = struct("Word", { value: u16be });
export type Word = Infer<typeof Word>;
