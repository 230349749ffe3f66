// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Outer headers of tunnels: IPv4 or IPv6, and behind it nothing (ipip: RFC 2003, RFC 4213, RFC 2473), UDP and GUE
 * (draft-ietf-intarea-gue, version 0) or GRE (RFC 2784). Super-packets stay whole: the kernel is told what the new
 * headers are, and gives each segment its own.
 *
 * What IPVS writes (recordings: tunnels.json, packets/tun-*): the inner packet's class of service, with "congestion experienced"
 * become "capable" (RFC 3168 9.1.1); its time to live, as it goes on; over IPv4 its "don't fragment", and then 0 for
 * identification; over IPv6 no flow label.
 */
import {
  adjustRoom,
  copy,
  type Infer,
  type Packet,
  ROOM_ENCAPSULATE_GRE,
  ROOM_ENCAPSULATE_IPV4,
  ROOM_ENCAPSULATE_IPV6,
  ROOM_ENCAPSULATE_UDP,
  ROOM_FIXED_GSO,
  ROOM_MAC,
  random,
  struct,
  u8,
  u16,
  u32,
  type u64,
} from "../../bpf/index.ts";
import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  EXTENSION_FRAGMENT,
  FRAGMENT_HEADER,
  FragmentHeader,
  GRE_CHECKSUM_PRESENT,
  Gre,
  GreChecksum,
  Gue,
  IPV4_HEADER,
  IPV6_HEADER,
  Ipv4,
  Ipv6,
  LINK_HEADER,
  Link,
  PROTOCOL_GRE,
  PROTOCOL_IPIP,
  PROTOCOL_IPV6,
  UDP_HEADER,
} from "../headers.ts";
import { family } from "../options.ts";
import {
  type Destination,
  PROTOCOL_UDP,
  TUNNEL_GRE,
  TUNNEL_GUE,
  TUNNEL_IPIP,
  TUNNEL_NO_CHECKSUM,
} from "../tables.ts";
import { fold } from "./checksum.ts";
import { wordsIn, wordsOfAddress } from "./inner-sum.ts";
import { NO_SUM } from "./sum-of.ts";

/** Bytes of GUE's and GRE's headers, and of GRE's checksum. */
const GUE_HEADER = 4;
const GRE_HEADER = 4;
const GRE_CHECKSUM_FIELD = 4;
/** Bits of the class of service: congestion experienced; the same capability without that. */
const CONGESTION = 3;
const CAPABLE = 2;

/** Whether outer headers hold a checksum of the packet inside. */
export function isSummed(server: Destination): boolean {
  return server.tunnelType !== TUNNEL_IPIP && server.tunnelChecksum !== TUNNEL_NO_CHECKSUM;
}

/** Bytes that a tunnel to the server adds. */
export function overheadOf(server: Destination): u8 {
  const header = server.family === 6 ? IPV6_HEADER : IPV4_HEADER;
  if (server.tunnelType === TUNNEL_GUE) return header + UDP_HEADER + GUE_HEADER;
  if (server.tunnelType !== TUNNEL_GRE) return header;
  return header + GRE_HEADER + (server.tunnelChecksum === TUNNEL_NO_CHECKSUM ? 0 : GRE_CHECKSUM_FIELD);
}

function roomFlags(server: Destination): u64 {
  const outer = server.family === 6 ? ROOM_ENCAPSULATE_IPV6 : ROOM_ENCAPSULATE_IPV4;
  if (server.tunnelType === TUNNEL_GUE) return outer | ROOM_ENCAPSULATE_UDP | ROOM_FIXED_GSO;
  if (server.tunnelType === TUNNEL_GRE) return outer | ROOM_ENCAPSULATE_GRE | ROOM_FIXED_GSO;
  return outer | ROOM_FIXED_GSO;
}

function outerProtocol(server: Destination): u8 {
  if (server.tunnelType === TUNNEL_GUE) return PROTOCOL_UDP;
  if (server.tunnelType === TUNNEL_GRE) return PROTOCOL_GRE;
  return family.value === 6 ? PROTOCOL_IPV6 : PROTOCOL_IPIP;
}

/** What outer headers say. */
export const Outer = struct("Outer", {
  /** Bytes of the packet with them. */
  length: u32,
  /** The sum of the packet inside, if they hold a checksum of it; or NO_SUM. */
  sum: u32,
  /** GUE's source port. */
  port: u16,
  /** IPv4: DONT_FRAGMENT or 0. */
  flags: u16,
  /** Class of service, and time to live or hop limit. */
  service: u8,
  lifetime: u8,
});
export type Outer = Infer<typeof Outer>;

/** Of a class of service, what goes outside. */
export function outerService(service: u8): u8 {
  return (service & CONGESTION) === CONGESTION ? (service & ~CONGESTION) | CAPABLE : service;
}

function writeIpv4(packet: Packet, server: Destination, outer: Outer): boolean {
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return false;
  const protocol = outerProtocol(server);
  const identification = outer.flags === 0 ? random() & 0xffff : 0;
  // A super-packet of 64 KiB or more has no total length.
  const length = outer.length > 0xffff ? 0 : outer.length;
  ip.versionLength = 0x45;
  ip.service = outer.service;
  ip.totalLength = length;
  ip.identification = identification;
  ip.fragment = outer.flags;
  ip.lifetime = outer.lifetime;
  ip.protocol = protocol;
  ip.source = server.source.words[0]!;
  ip.destination = server.address.words[0]!;
  const addresses = wordsIn(server.source.words[0]!) + wordsIn(server.address.words[0]!);
  const first = 0x4500 + outer.service + length + identification + outer.flags;
  ip.checksum = fold((first + ((outer.lifetime << 8) | protocol) + addresses) >>> 0);
  return true;
}

function writeIpv6(packet: Packet, server: Destination, outer: Outer): boolean {
  const ip = packet.header(Ipv6, LINK_HEADER);
  if (ip === null) return false;
  ip.versionClassLabel = ((6 << 28) | (outer.service << 20)) >>> 0;
  ip.payloadLength = outer.length - IPV6_HEADER > 0xffff ? 0 : outer.length - IPV6_HEADER;
  ip.nextHeader = outerProtocol(server);
  ip.hopLimit = outer.lifetime;
  copy(ip.source, server.source);
  copy(ip.destination, server.address);
  return true;
}

/** UDP and GUE. Over IPv6 as well there is no checksum unless it was asked for (RFC 6935). */
function writeGue(packet: Packet, offset: u16, server: Destination, outer: Outer): boolean {
  const gue = packet.header(Gue, offset);
  if (gue === null) return false;
  const length = (outer.length - (server.family === 6 ? IPV6_HEADER : IPV4_HEADER)) & 0xffff;
  const protocol = family.value === 6 ? PROTOCOL_IPV6 : PROTOCOL_IPIP;
  gue.source = outer.port;
  gue.destination = server.tunnelPort;
  gue.length = length;
  gue.checksum = 0;
  gue.versionLength = 0;
  gue.protocol = protocol;
  gue.flags = 0;
  if (outer.sum === NO_SUM) return true;
  const header = outer.port + server.tunnelPort + length + protocol;
  const addresses = wordsOfAddress(server.source) + wordsOfAddress(server.address);
  const checksum = fold((addresses + PROTOCOL_UDP + length + header + (outer.sum & 0xffff)) >>> 0);
  gue.checksum = checksum === 0 ? 0xffff : checksum;
  return true;
}

function writeGre(packet: Packet, offset: u16, outer: Outer): boolean {
  const gre = packet.header(Gre, offset);
  if (gre === null) return false;
  const protocol = family.value === 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
  gre.flags = 0;
  gre.protocol = protocol;
  if (outer.sum === NO_SUM) return true;
  const field = packet.header(GreChecksum, (offset + GRE_HEADER) & 0xffff);
  if (field === null) return false;
  gre.flags = GRE_CHECKSUM_PRESENT;
  field.checksum = fold((GRE_CHECKSUM_PRESENT + protocol + (outer.sum & 0xffff)) >>> 0);
  field.reserved = 0;
  return true;
}

/** Makes an IPv6 packet one in fragments, whose fragment header is what follows. */
function writeFragmentHeader(packet: Packet): boolean {
  const ip = packet.header(Ipv6, LINK_HEADER);
  const part = packet.header(FragmentHeader, LINK_HEADER + IPV6_HEADER);
  if (ip === null || part === null) return false;
  part.nextHeader = ip.nextHeader;
  part.reserved = 0;
  part.offset = 0;
  part.identification = random();
  ip.nextHeader = EXTENSION_FRAGMENT;
  ip.payloadLength = ip.payloadLength + FRAGMENT_HEADER;
  return true;
}

/**
 * Puts outer headers of `overhead` bytes before the packet, over IPv6 with `inParts` also a fragment header. Packets that are cut then
 * are no encapsulated ones to the kernel: it would not let their ends be changed. False: it cannot be; the packet is of no more use.
 */
export function encapsulate(
  packet: Packet,
  server: Destination,
  overhead: u8,
  outer: Outer,
  inParts: boolean,
): boolean {
  const isIpv6 = server.family === 6;
  const extra = inParts && isIpv6 ? FRAGMENT_HEADER : 0;
  if (adjustRoom(packet, overhead + extra, ROOM_MAC, inParts ? 0n : roomFlags(server)) !== 0) return false;
  const link = packet.header(Link, 0);
  if (link === null) return false;
  link.type = isIpv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
  if (isIpv6 ? !writeIpv6(packet, server, outer) : !writeIpv4(packet, server, outer)) return false;
  if (extra !== 0 && !writeFragmentHeader(packet)) return false;
  const offset = LINK_HEADER + (isIpv6 ? IPV6_HEADER : IPV4_HEADER) + extra;
  if (server.tunnelType === TUNNEL_GUE) return writeGue(packet, offset, server, outer);
  return server.tunnelType !== TUNNEL_GRE || writeGre(packet, offset, outer);
}
