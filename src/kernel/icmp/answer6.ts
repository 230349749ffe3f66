// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** IPv6: a packet becomes an ICMPv6 error about itself (RFC 4443). */
import {
  adjustRoom,
  changeTail,
  copy,
  make,
  type Packet,
  ROOM_ENCAPSULATE_IPV6,
  ROOM_MAC,
  random,
  type u16,
  type u32,
} from "../../bpf/index.ts";
import { findTransport, NO_TRANSPORT } from "../extensions.ts";
import { fold, replaceWord } from "../forward/checksum.ts";
import { wordsOfAddress } from "../forward/inner-sum.ts";
import { NO_SUM, sumOf } from "../forward/sum-of.ts";
import {
  ETHERTYPE_IPV6,
  ICMP6_REDIRECT,
  Icmp,
  IPV6_HEADER,
  Ipv6,
  LINK_HEADER,
  TCP_CHECKSUM,
  UDP_CHECKSUM,
  Word,
} from "../headers.ts";
import {
  Address,
  hostAddresses,
  interfaceAddresses,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from "../tables.ts";
import { findTransport6, isError6 } from "./quote.ts";

/** As much of the packet as fits into IPv6's smallest MTU, 1280 bytes. */
const LARGEST_QUOTE = 1232;
/** What is put before the quoted packet, and where that is then. */
const ROOM = 48;
const QUOTE = 62;

const HOP_LIMIT = 64;
const VERSION = 0x60000000;
const FLOW_LABEL = 0xfffff;

/** Whether an address is one host's: not multicast, not :: or ::1. */
function isHost(address: Address): boolean {
  const words = address.words;
  if (words[0]! >>> 24 === 0xff) return false;
  return (words[0]! | words[1]! | words[2]!) !== 0 || words[3]! > 1;
}

/** Whether there may be an error about the packet (RFC 4443 2.4 e): its sender is a host, and it is no error or redirect itself. */
export function mayComplain6(packet: Packet): boolean {
  const ip = packet.header(Ipv6, LINK_HEADER);
  if (ip === null || !isHost(ip.source)) return false;
  const found = findTransport6(packet, LINK_HEADER);
  if (found === NO_TRANSPORT) return false;
  if ((found & 0xff) !== PROTOCOL_ICMPV6) return true;
  const icmp = packet.header(Icmp, (found >>> 8) & 0xfff);
  return icmp !== null && !isError6(icmp.type) && icmp.type !== ICMP6_REDIRECT;
}

/** Writes the headers but for the ICMPv6 checksum; answers the sum of its pseudo-header, or NO_SUM. */
function writeHeaders(packet: Packet, what: u16, mtu: u16, quoted: u32): u32 {
  const ip = packet.header(Ipv6, LINK_HEADER);
  const icmp = packet.header(Icmp, LINK_HEADER + IPV6_HEADER);
  const quote = packet.header(Ipv6, QUOTE);
  if (ip === null || icmp === null || quote === null) return NO_SUM;
  ip.versionClassLabel = (VERSION | (random() & FLOW_LABEL)) >>> 0;
  ip.payloadLength = ROOM - IPV6_HEADER + quoted;
  ip.nextHeader = PROTOCOL_ICMPV6;
  ip.hopLimit = HOP_LIMIT;
  copy(ip.destination, quote.source);
  const own = interfaceAddresses.lookup(packet.ifindex);
  const asked = make(Address, { words: quote.destination.words });
  if (own !== null && isHost(own.ipv6) && hostAddresses.lookup(asked) === null) copy(ip.source, own.ipv6);
  else copy(ip.source, quote.destination);
  icmp.type = what >>> 8;
  icmp.code = what & 0xff;
  icmp.checksum = 0;
  icmp.unused = 0;
  icmp.mtu = mtu;
  const addresses = wordsOfAddress(ip.source) + wordsOfAddress(ip.destination);
  return (addresses + (ROOM - IPV6_HEADER) + quoted + PROTOCOL_ICMPV6) >>> 0;
}

/** As for IPv4: the checksum, where a device will fill in that of the quoted segment or datagram. */
function filledIn(packet: Packet, checksum: u16, quoted: u32): u16 {
  const found = findTransport(packet, QUOTE);
  const protocol = found & 0xff;
  if (found === NO_TRANSPORT || (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP)) return checksum;
  const transport = (found >>> 8) & 0xfff;
  const end = QUOTE + quoted;
  if (transport >= end) return checksum;
  const sum = sumOf(packet, transport, (end - transport) >>> 0);
  const field = packet.header(Word, transport + (protocol === PROTOCOL_TCP ? TCP_CHECKSUM : UDP_CHECKSUM));
  return field === null || sum === NO_SUM ? checksum : replaceWord(checksum, field.value, fold(sum & 0xffff));
}

/**
 * Makes the packet an ICMPv6 error (`what`: type × 256 + code) to its sender. It comes from the address the packet was sent to if an
 * interface of the host has it (RFC 4443 2.2 a), else, as where the host has a whole network of virtual addresses by a route, from the
 * director's own address on the interface that it is on (recordings: packets/icmp6-no-server). The link header stays.
 * Returns 1, or 0 if that could not be done. @separate
 */
export function become6(packet: Packet, what: u16, mtu: u16): u32 {
  const ip = packet.header(Ipv6, LINK_HEADER);
  const all = packet.length;
  if (ip === null || all < LINK_HEADER + IPV6_HEADER) return 0;
  const there = (all - LINK_HEADER) >>> 0;
  const length = ip.payloadLength !== 0 ? Math.min(ip.payloadLength + IPV6_HEADER, there) : there;
  const quoted = Math.min(length, LARGEST_QUOTE);
  const isSuper = packet.gsoSize !== 0;
  if (changeTail(packet, LINK_HEADER + quoted, 0n) !== 0) return 0;
  // What came out of a tunnel over IPv4 still counts as IPv4.
  const flags = packet.protocol === ETHERTYPE_IPV6 ? 0n : ROOM_ENCAPSULATE_IPV6;
  if (adjustRoom(packet, ROOM, ROOM_MAC, flags) !== 0) return 0;
  const pseudo = writeHeaders(packet, what, mtu, quoted);
  const quotedSum = sumOf(packet, QUOTE, quoted);
  if (pseudo === NO_SUM || quotedSum === NO_SUM) return 0;
  let checksum = fold((pseudo + (quotedSum & 0xffff) + what + mtu) >>> 0);
  if (isSuper) checksum = filledIn(packet, checksum, quoted);
  const icmp = packet.header(Icmp, LINK_HEADER + IPV6_HEADER);
  if (icmp === null) return 0;
  icmp.checksum = checksum;
  return 1;
}
