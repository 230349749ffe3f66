// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** Puts into a packet what its server is told, with all lengths and checksums. */
import {
  CHECKSUM_PSEUDO_HEADER,
  CHECKSUM_ZERO_IS_NONE,
  checksumDifference,
  type Packet,
  replaceL4Checksum,
  storeBytes,
  swap16,
  swap32,
  type u16,
  type u32,
} from "../../../bpf/index.ts";
import {
  FRAGMENT,
  IPV6_HEADER,
  Ipv4,
  Ipv6,
  LINK_HEADER,
  TCP_CHECKSUM,
  TCP_HEADER,
  Tcp,
  UDP_CHECKSUM,
  UDP_HEADER,
  Udp,
} from "../../headers.ts";
import { family } from "../../options.ts";
import { connectionTable, PROTOCOL_TCP, PROTOCOL_UDP, segment } from "../../tables.ts";
import { replaceWord } from "../checksum.ts";
import { tcpHeaderLength } from "../wire-length.ts";
import { proxyLength, toaLength } from "./known.ts";
import { makeRoom, makeRoomForAll } from "./room.ts";
import { writeProxy, writeToa } from "./words.ts";

/** The longest IP packet. */
const LONGEST_IP = 0xffff;

const TCP_URGENT = 0x20;

/**
 * Whether bytes can be put into a packet: it is whole (with IPv6: no header before the transport header could say otherwise), and
 * not too long.
 */
export function isRoomy(packet: Packet, transport: u16, length: u32, count: u32): boolean {
  if (length + count > LONGEST_IP) return false;
  if (family.value === 6) return transport === LINK_HEADER + IPV6_HEADER;
  const ip = packet.header(Ipv4, LINK_HEADER);
  return ip !== null && (ip.fragment & FRAGMENT) === 0 && ip.totalLength !== 0;
}

/** The IP packet is longer now, or, by a count modulo 2³², shorter. */
export function lengthen(packet: Packet, count: u32): void {
  if (family.value === 6) {
    const ip6 = packet.header(Ipv6, LINK_HEADER);
    if (ip6 !== null) ip6.payloadLength = ip6.payloadLength + count;
    return;
  }
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return;
  const before = ip.totalLength;
  const after = (before + count) & 0xffff;
  ip.totalLength = after;
  ip.checksum = replaceWord(ip.checksum, before, after);
}

/** TCP's data begin later, or its urgent data end later (`count` as above); corrects the checksum for that. */
export function adaptTcp(packet: Packet, transport: u16, count: u32, isOption: boolean): void {
  const tcp = packet.header(Tcp, transport & 0xfff);
  if (tcp === null) return;
  let before = 0;
  let after = 0;
  if (isOption) {
    before = (tcp.length << 8) | tcp.flags;
    tcp.length = tcp.length + ((count >>> 2) << 4);
    after = (tcp.length << 8) | tcp.flags;
  } else {
    if ((tcp.flags & TCP_URGENT) === 0) return;
    before = tcp.urgent;
    after = (before + count) & 0xffff;
    tcp.urgent = after;
  }
  replaceL4Checksum(packet, transport + TCP_CHECKSUM, swap16(before), swap16(after), 2);
}

/** UDP's datagram is longer; the same. */
function adaptUdp(packet: Packet, transport: u16, count: u32): void {
  const udp = packet.header(Udp, transport & 0xfff);
  if (udp === null) return;
  const before = udp.length;
  const after = (before + count) & 0xffff;
  udp.length = after;
  const checksum = transport + UDP_CHECKSUM;
  replaceL4Checksum(packet, checksum, swap16(before), swap16(after), CHECKSUM_ZERO_IS_NONE | 2);
}

/**
 * Puts TOA's option (`count` bytes: its length) in front of a packet's other options, or the PROXY header in front of its
 * data. `place`: as in forwardFullnat; `length`: of the IP packet, for which `isRoomy` holds. False: the packet is spoilt. @separate
 */
export function insertTold(packet: Packet, place: u32, length: u32, index: u32, count: u32): boolean {
  const transport = (place >>> 8) & 0xfff;
  const protocol = place & 0xff;
  const connection = connectionTable.lookup(index);
  const work = segment.lookup(0);
  if (connection === null || work === null) return false;
  const isOption = count === toaLength();
  let at = transport + TCP_HEADER;
  if (isOption) {
    writeToa(work, index, connection, count);
  } else {
    if (count !== proxyLength()) return false;
    writeProxy(work, index, connection, protocol);
    at = transport + UDP_HEADER;
    if (protocol === PROTOCOL_TCP) {
      const header = tcpHeaderLength(packet, transport);
      if (header < TCP_HEADER || header > 60) return false;
      at = transport + header;
    }
  }
  if (packet.gsoSize !== 0) {
    // Super-packets of datagrams would need a header in each.
    if (protocol === PROTOCOL_UDP || !makeRoomForAll(packet, at, count)) return false;
  } else if (!makeRoom(packet, at, (length + LINK_HEADER) >>> 0, count)) {
    return false;
  }
  if (count < 1 || count > 52 || storeBytes(packet, at, work.told, 0, count) !== 0) return false;
  lengthen(packet, count);
  if (protocol === PROTOCOL_UDP) adaptUdp(packet, transport, count);
  else adaptTcp(packet, transport, count, isOption);
  const checksum = transport + (protocol === PROTOCOL_UDP ? UDP_CHECKSUM : TCP_CHECKSUM);
  const flags = protocol === PROTOCOL_UDP ? CHECKSUM_ZERO_IS_NONE : 0;
  const inside = (length + LINK_HEADER - transport) >>> 0;
  replaceL4Checksum(
    packet,
    checksum,
    swap32(inside),
    swap32((inside + count) >>> 0),
    flags | CHECKSUM_PSEUDO_HEADER | 4,
  );
  replaceL4Checksum(packet, checksum, 0, checksumDifference(null, work.told, 0), flags);
  return true;
}
