// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** IPv4: a packet becomes an ICMP error about itself (RFC 792, RFC 1191, RFC 1812 4.3.2). */
import {
  adjustRoom,
  changeTail,
  type Packet,
  ROOM_ENCAPSULATE_IPV4,
  ROOM_MAC,
  random,
  type u16,
  type u32,
} from "../../bpf/index.ts";
import { fold, replaceWord } from "../forward/checksum.ts";
import { wordsIn } from "../forward/inner-sum.ts";
import { NO_SUM, sumOf } from "../forward/sum-of.ts";
import {
  ETHERTYPE_IPV4,
  FRAGMENT_OFFSET,
  Icmp,
  IPV4_HEADER,
  Ipv4,
  LINK_HEADER,
  TCP_CHECKSUM,
  UDP_CHECKSUM,
  Word,
} from "../headers.ts";
import { PROTOCOL_ICMP, PROTOCOL_TCP } from "../tables.ts";
import { isUnicast } from "./limit.ts";
import { isError4 } from "./quote.ts";

/** RFC 1812: as much of the packet as fits into 576 bytes. */
const LARGEST_QUOTE = 548;
/** What is put before the quoted packet, and where that is then. */
const ROOM = 28;
const QUOTE = 42;

/** Type of service of errors: precedence "internetwork control", and the packet's own lower bits. */
const CONTROL = 0xc0;
const OWN_SERVICE = 0x1e;

const LIFETIME = 64;

/**
 * Whether there may be an error about the packet (RFC 1122 3.2.2): its sender is a host, it is no ICMP error itself, and not a
 * later fragment.
 */
export function mayComplain4(packet: Packet): boolean {
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null || !isUnicast(ip.source) || (ip.fragment & FRAGMENT_OFFSET) !== 0) return false;
  if (ip.protocol !== PROTOCOL_ICMP) return true;
  const icmp = packet.header(Icmp, LINK_HEADER + (ip.versionLength & 15) * 4);
  return icmp !== null && !isError4(icmp.type);
}

/** Writes the headers but for the ICMP checksum. */
function writeHeaders(packet: Packet, what: u16, mtu: u16, from: u32, service: u32, quoted: u32): boolean {
  const ip = packet.header(Ipv4, LINK_HEADER);
  const icmp = packet.header(Icmp, LINK_HEADER + IPV4_HEADER);
  const quote = packet.header(Ipv4, QUOTE);
  if (ip === null || icmp === null || quote === null) return false;
  const source = from === 0 ? quote.destination : from;
  ip.versionLength = 0x45;
  ip.service = service;
  ip.totalLength = ROOM + quoted;
  ip.identification = random() & 0xffff;
  ip.fragment = 0;
  ip.lifetime = LIFETIME;
  ip.protocol = PROTOCOL_ICMP;
  ip.source = source;
  ip.destination = quote.source;
  icmp.type = what >>> 8;
  icmp.code = what & 0xff;
  icmp.checksum = 0;
  icmp.unused = 0;
  icmp.mtu = mtu;
  const first = 0x4500 + service + ROOM + quoted + ip.identification + LIFETIME * 256 + PROTOCOL_ICMP;
  ip.checksum = fold((first + wordsIn(source) + wordsIn(ip.destination)) >>> 0);
  return true;
}

/**
 * Where a device will fill in the quoted packet's own checksum (a super-packet's is always left to it), that happens after
 * this program: then the error's checksum must be right for what will be there, not for what is.
 */
function filledIn(packet: Packet, checksum: u16, quotedSum: u32): u16 {
  const quote = packet.header(Ipv4, QUOTE);
  if (quote === null) return checksum;
  const transport = QUOTE + (quote.versionLength & 15) * 4;
  const field = packet.header(
    Word,
    transport + (quote.protocol === PROTOCOL_TCP ? TCP_CHECKSUM : UDP_CHECKSUM),
  );
  if (field === null) return checksum;
  // An IPv4 header adds nothing to a sum, so that of the whole quote is that of its transport part.
  return replaceWord(checksum, field.value, fold(quotedSum));
}

/**
 * Makes the packet an ICMP error (`what`: type × 256 + code) to its sender, from the address `from`, or with 0 from the one it
 * was sent to. The link header stays. Returns 1, or 0 if that could not be done. @separate
 */
export function become4(packet: Packet, what: u16, mtu: u16, from: u32): u32 {
  const ip = packet.header(Ipv4, LINK_HEADER);
  const all = packet.length;
  if (ip === null || all < LINK_HEADER + IPV4_HEADER) return 0;
  const service = (ip.service & OWN_SERVICE) | CONTROL;
  const there = (all - LINK_HEADER) >>> 0;
  const length = ip.totalLength !== 0 ? Math.min(ip.totalLength, there) : there;
  const quoted = Math.min(length, LARGEST_QUOTE);
  const isSuper = packet.gsoSize !== 0;
  if (changeTail(packet, LINK_HEADER + quoted, 0n) !== 0) return 0;
  // What came out of a tunnel over IPv6 still counts as IPv6.
  const flags = packet.protocol === ETHERTYPE_IPV4 ? 0n : ROOM_ENCAPSULATE_IPV4;
  if (adjustRoom(packet, ROOM, ROOM_MAC, flags) !== 0) return 0;
  if (!writeHeaders(packet, what, mtu, from, service, quoted)) return 0;
  const quotedSum = sumOf(packet, QUOTE, quoted);
  if (quotedSum === NO_SUM) return 0;
  let checksum = fold(((quotedSum & 0xffff) + what + mtu) >>> 0);
  if (isSuper) checksum = filledIn(packet, checksum, quotedSum & 0xffff);
  const icmp = packet.header(Icmp, LINK_HEADER + IPV4_HEADER);
  if (icmp === null) return 0;
  icmp.checksum = checksum;
  return 1;
}
