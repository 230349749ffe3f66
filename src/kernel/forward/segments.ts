// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Segmentation of super-packets, where they cannot stay whole: a GRE header with a checksum would need another one for each segment,
 * and a program cannot have the kernel see to that. The segments come in where the super-packet came in, and go their way one by one.
 */
import {
  CHECKSUM_PSEUDO_HEADER,
  cloneRedirect,
  type Packet,
  REDIRECT_INGRESS,
  replaceL4Checksum,
  swap32,
  TC_SHOT,
  type u8,
  type u16,
  type u32,
} from "../../bpf/index.ts";
import { packetsOf } from "../count.ts";
import {
  IPV6_HEADER,
  Ipv4,
  Ipv6,
  LINK_HEADER,
  TCP_CHECKSUM,
  TCP_CWR,
  TCP_FIN,
  TCP_PSH,
  Tcp,
  UDP_CHECKSUM,
  UDP_HEADER,
  Udp,
} from "../headers.ts";
import { family } from "../options.ts";
import { type Cut, counters, cut, PIECE, PIECES, PROTOCOL_TCP } from "../tables.ts";
import { replaceWord } from "./checksum.ts";
import { keepPieces, putPiece } from "./pieces.ts";
import { tcpHeaderLength } from "./wire-length.ts";

/** Answer of functions that want the packet sent in segments, by `sendSegments`. No verdict is like it. */
export const IN_SEGMENTS = 0xfffffff1;

/** Forgets a super-packet of `length` bytes that was counted for a destination: its segments will be. */
export function forget(packet: Packet, destination: u32, length: u32): void {
  const mine = counters.lookup(destination);
  if (mine === null) return;
  mine.inPackets = BigInt.asUintN(64, mine.inPackets - BigInt(packetsOf(packet)));
  mine.inBytes = BigInt.asUintN(64, mine.inBytes - BigInt(length));
}

/** The IP header of segment `i`, of `length` bytes. */
function setInternet(packet: Packet, i: u32, length: u16): boolean {
  if (family.value === 6) {
    const ip = packet.header(Ipv6, LINK_HEADER);
    if (ip === null) return false;
    ip.payloadLength = length - IPV6_HEADER;
    return true;
  }
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return false;
  const identification = (ip.identification + (i === 0 ? 0 : 1)) & 0xffff;
  const checksum = replaceWord(ip.checksum, ip.totalLength, length);
  ip.checksum = replaceWord(checksum, ip.identification, identification);
  ip.totalLength = length;
  ip.identification = identification;
  return true;
}

/** The TCP header of segment `i`: it follows on the one before, and only the last one ends what the sender ended. */
function setTcp(packet: Packet, transport: u16, i: u32, plan: Cut, isLast: boolean): boolean {
  const tcp = packet.header(Tcp, transport);
  if (tcp === null) return false;
  if (i === 0) plan.flags = tcp.flags;
  else tcp.sequence = (tcp.sequence + plan.size) >>> 0;
  let flags = plan.flags & 0xff;
  if (!isLast) flags = flags & ~(TCP_FIN | TCP_PSH) & 0xff;
  if (i !== 0) flags = flags & ~TCP_CWR & 0xff;
  tcp.flags = flags;
  return true;
}

/** Sends segment `i` of the super-packet that is being cut; `protocol`, whose header begins at `transport`. 1 if others follow. @separate */
export function sendSegment(packet: Packet, i: u32, transport: u16, protocol: u8): u32 {
  const plan = cut.lookup(0);
  if (plan === null || transport > 0xff || transport < LINK_HEADER) return 0;
  const size = plan.size;
  const total = plan.total;
  const offset = (i & 0xff) * (size & 0xfff);
  if (offset >= total) return 0;
  const left = (total - offset) >>> 0;
  const isLast = left <= size;
  const count = isLast ? left : size;
  const end = (plan.offset + count) & 0xffff;
  if (end <= transport || !putPiece(packet, plan.offset, i, count)) return 0;
  if (!setInternet(packet, i, (end - LINK_HEADER) & 0xffff)) return 0;
  const length = (end - transport) & 0xffff;
  let field = transport + TCP_CHECKSUM;
  if (protocol === PROTOCOL_TCP) {
    if (!setTcp(packet, transport, i, plan, isLast)) return 0;
  } else {
    const udp = packet.header(Udp, transport);
    if (udp === null) return 0;
    udp.length = length;
    field = transport + UDP_CHECKSUM;
  }
  // The checksum of a super-packet is always left to the device, so all that it holds is the pseudo-header's sum.
  replaceL4Checksum(packet, field, swap32(plan.said), swap32(length), CHECKSUM_PSEUDO_HEADER | 4);
  plan.said = length;
  cloneRedirect(packet, packet.ifindex, REDIRECT_INGRESS);
  return isLast ? 0 : 1;
}

/**
 * Has the segments of a super-packet of TCP or UDP, an IP packet of `length` bytes, come in one by one instead of it. Returns the verdict.
 * @separate
 */
export function sendSegments(packet: Packet, transport: u16, protocol: u8, length: u32): u32 {
  const plan = cut.lookup(0);
  if (plan === null) return TC_SHOT;
  const isTcp = protocol === PROTOCOL_TCP;
  const header = isTcp ? tcpHeaderLength(packet, transport) : UDP_HEADER;
  const size = packet.gsoSize;
  const begin = (transport + header) >>> 0;
  const end = (length + LINK_HEADER) >>> 0;
  // A stream may be cut smaller, datagrams may not.
  if (header === 0 || end <= begin || size === 0 || (!isTcp && size > PIECE)) return TC_SHOT;
  plan.offset = begin;
  plan.total = end - begin;
  plan.size = Math.min(size, PIECE);
  plan.said = end - transport;
  if (!keepPieces(packet, begin, plan.total, plan.size)) return TC_SHOT;
  for (let i = 0; i < PIECES; i++) if (sendSegment(packet, i, transport, protocol) === 0) break;
  return TC_SHOT;
}
