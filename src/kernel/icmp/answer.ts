// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * ICMP errors to clients (RFC 792, RFC 1191, RFC 1812 4.3.2), as the virtual address: the packet itself becomes the error. It
 * is cut to what is quoted, an IPv4 and an ICMP header are put before it, and it goes back the way it came.
 */
import {
  adjustRoom,
  changeTail,
  type Packet,
  ROOM_MAC,
  random,
  redirect,
  TC_SHOT,
  type u16,
  type u32,
} from "../../bpf/index.ts";
import { countAnswered, countUnanswered } from "../events.ts";
import { fold, replaceWord } from "../forward/checksum.ts";
import {
  ICMP_FRAGMENTATION_NEEDED,
  ICMP_PORT_UNREACHABLE,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  Icmp,
  IPV4_HEADER,
  Ipv4,
  LINK_HEADER,
  Link,
} from "../headers.ts";
import { PROTOCOL_ICMP, PROTOCOL_TCP } from "../tables.ts";
import { isUnicast, mayAnswer } from "./limit.ts";
import { CHUNK, Word, wordsOf } from "./sum.ts";

/** RFC 1812: as much of the packet as fits into 576 bytes. */
const LARGEST_QUOTE = 548;
/** What is put before the quoted packet, and where that is then. */
const ROOM = 28;
const QUOTE = 42;

/** Type of service of errors: precedence "internetwork control", and the packet's own lower bits. */
const CONTROL = 0xc0;
const OWN_SERVICE = 0x1e;

const LIFETIME = 64;

function writeHeaders(packet: Packet, what: u16, mtu: u32, service: u32, quoted: u32): boolean {
  const ip = packet.header(Ipv4, LINK_HEADER);
  const icmp = packet.header(Icmp, LINK_HEADER + IPV4_HEADER);
  const quote = packet.header(Ipv4, QUOTE);
  if (ip === null || icmp === null || quote === null) return false;
  ip.versionLength = 0x45;
  ip.service = service;
  ip.totalLength = ROOM + quoted;
  ip.identification = random() & 0xffff;
  ip.fragment = 0;
  ip.lifetime = LIFETIME;
  ip.protocol = PROTOCOL_ICMP;
  ip.source = quote.destination;
  ip.destination = quote.source;
  icmp.type = what >>> 8;
  icmp.code = what & 0xff;
  icmp.checksum = 0;
  icmp.unused = 0;
  icmp.mtu = mtu;
  const first = 0x4500 + service + ROOM + quoted + ip.identification + LIFETIME * 256 + PROTOCOL_ICMP;
  const source = (ip.source >>> 16) + (ip.source & 0xffff);
  ip.checksum = fold((first + source + (ip.destination >>> 16) + (ip.destination & 0xffff)) >>> 0);
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
  const field = packet.header(Word, transport + (quote.protocol === PROTOCOL_TCP ? 16 : 6));
  if (field === null) return checksum;
  // An IPv4 header adds nothing to a sum, so that of the whole quote is that of its transport part.
  return replaceWord(checksum, field.value, fold(quotedSum));
}

/** Makes the packet an ICMP error (`what`: type × 256 + code) to its sender and sends it back. Returns the verdict. @separate */
export function answer(packet: Packet, what: u16, mtu: u32): u32 {
  const link = packet.header(Link, 0);
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (link === null || ip === null || !isUnicast(ip.source)) return TC_SHOT;
  if (!mayAnswer()) {
    countUnanswered();
    return TC_SHOT;
  }
  const service = (ip.service & OWN_SERVICE) | CONTROL;
  const first = link.addresses[0]!;
  const second = link.addresses[1]!;
  const third = link.addresses[2]!;
  link.addresses[0] = ((second << 16) | (third >>> 16)) >>> 0;
  link.addresses[1] = ((third << 16) | (first >>> 16)) >>> 0;
  link.addresses[2] = ((first << 16) | (second >>> 16)) >>> 0;

  const length = ip.totalLength !== 0 ? ip.totalLength : (packet.length - LINK_HEADER) >>> 0;
  const quoted = Math.min(length, LARGEST_QUOTE);
  const chunks = (quoted + CHUNK - 1) >>> 6;
  const padded = chunks * CHUNK;
  const isSuper = packet.gsoSize !== 0;
  if (changeTail(packet, LINK_HEADER + quoted, 0n) !== 0) return TC_SHOT;
  // Zeroes up to a whole number of chunks, for the checksum, and off again at the end.
  if (padded !== quoted && changeTail(packet, LINK_HEADER + padded, 0n) !== 0) return TC_SHOT;
  if (adjustRoom(packet, ROOM, ROOM_MAC, 0n) !== 0) return TC_SHOT;
  if (!writeHeaders(packet, what, mtu, service, quoted)) return TC_SHOT;

  const quotedSum = wordsOf(packet, QUOTE, chunks);
  const icmp = packet.header(Icmp, LINK_HEADER + IPV4_HEADER);
  if (icmp === null) return TC_SHOT;
  let checksum = fold((quotedSum + what + mtu) >>> 0);
  if (isSuper) checksum = filledIn(packet, checksum, quotedSum);
  const finished = packet.header(Icmp, LINK_HEADER + IPV4_HEADER);
  if (finished === null) return TC_SHOT;
  finished.checksum = checksum;
  if (padded !== quoted && changeTail(packet, QUOTE + quoted, 0n) !== 0) return TC_SHOT;
  countAnswered();
  return redirect(packet.ifindex, 0);
}

/** No server for a new flow. */
export function answerRefused(packet: Packet): u32 {
  return answer(packet, ICMP_UNREACHABLE * 256 + ICMP_PORT_UNREACHABLE, 0);
}

/** The time to live ran out here. */
export function answerTimeExceeded(packet: Packet): u32 {
  return answer(packet, ICMP_TIME_EXCEEDED * 256, 0);
}

/** The packet must not be fragmented and is larger than `mtu`. As behind any router, the quote has aged by one. */
export function answerTooLarge(packet: Packet, mtu: u32): u32 {
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return TC_SHOT;
  const before = (ip.lifetime << 8) | ip.protocol;
  ip.lifetime = ip.lifetime - 1;
  ip.checksum = replaceWord(ip.checksum, before, (ip.lifetime << 8) | ip.protocol);
  return answer(packet, ICMP_UNREACHABLE * 256 + ICMP_FRAGMENTATION_NEEDED, mtu);
}
