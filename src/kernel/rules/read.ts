// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What rules ask of a packet, read from it, as netfilter finds it behind the checks that the stack makes first. */
import type { Packet, u8, u16, u32 } from "../../bpf/index.ts";
import {
  EXTENSION_DESTINATION,
  EXTENSION_FRAGMENT,
  EXTENSION_HOP_BY_HOP,
  EXTENSION_ROUTING,
  Extension,
  FRAGMENT_OFFSET,
  FRAGMENT_OFFSET6,
  IPV4_HEADER,
  IPV6_HEADER,
  Ipv4,
  Ipv6,
  LINK_HEADER,
  LONGEST_HEADERS,
  Tcp,
  Word,
} from "../headers.ts";
import { family } from "../options.ts";
import { interfaceNames, PROTOCOL_AH, type RuleWalk } from "../tables.ts";

/** `RuleWalk.protocol`: it cannot be told. */
const NO_PROTOCOL = 0x100;
/** Answer of `findHeader`: as that. */
const NO_HEADER = 0xffffffff;
/** Part of its answer: it is a fragment other than the first. */
const LATER = 0x100000;
/** Extension headers that are looked at. */
const MOST_EXTENSIONS = 8;

/** Reads ports and flags of a transport header at `at`, of which there are `walk.reach` bytes. */
function readTransport(packet: Packet, walk: RuleWalk, at: u16): void {
  walk.sourcePort = 0;
  walk.destinationPort = 0;
  walk.flags = 0;
  const tcp = packet.header(Tcp, at);
  if (tcp !== null) {
    walk.sourcePort = tcp.source;
    walk.destinationPort = tcp.destination;
    walk.flags = tcp.flags;
    return;
  }
  const source = packet.header(Word, at);
  if (source !== null) walk.sourcePort = source.value;
  const destination = packet.header(Word, (at + 2) & 0xffff);
  if (destination !== null) walk.destinationPort = destination.value;
  const flags = packet.header(Word, (at + 12) & 0xffff);
  if (flags !== null) walk.flags = flags.value & 0xff;
}

/** False: the stack drops it before netfilter sees it. */
function read4(packet: Packet, walk: RuleWalk): boolean {
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return false;
  const all = packet.length;
  const headerLength = (ip.versionLength & 15) * 4;
  const length = ip.totalLength !== 0 || packet.gsoSize === 0 ? ip.totalLength : all - LINK_HEADER;
  if (ip.versionLength >>> 4 !== 4 || headerLength < IPV4_HEADER) return false;
  if (length < headerLength || length + LINK_HEADER > all) return false;
  walk.source.words[0] = ip.source;
  walk.destination.words[0] = ip.destination;
  walk.protocol = ip.protocol;
  walk.fragment = ip.fragment & FRAGMENT_OFFSET;
  walk.length = length;
  walk.reach = walk.fragment === 0 ? length - headerLength : 0;
  readTransport(packet, walk, LINK_HEADER + headerLength);
  return true;
}

/** Whether IPv6 headers of that type lead on to another. AH is taken for a protocol, as by iptables. */
function isExtension(type: u8): boolean {
  return (
    type === EXTENSION_HOP_BY_HOP ||
    type === EXTENSION_ROUTING ||
    type === EXTENSION_FRAGMENT ||
    type === EXTENSION_DESTINATION
  );
}

/**
 * The header behind the extension headers of an IPv6 packet that ends at `end` in the frame: bits 0–7 its protocol, 8–19 where it is; LATER:
 * in the first fragment. NO_HEADER: it is not within reach. @separate
 */
export function findHeader(packet: Packet, first: u8, end: u32): u32 {
  let type: u8 = first;
  let offset = LINK_HEADER + IPV6_HEADER;
  for (let i = 0; i < MOST_EXTENSIONS; i++) {
    const at = offset & 0x1ff;
    // AH ends the search, but netfilter has begun to read it.
    if (type === PROTOCOL_AH && at + 2 > end) return NO_HEADER;
    if (!isExtension(type)) return ((at << 8) | type) >>> 0;
    const extension = packet.header(Extension, at);
    if (extension === null) return NO_HEADER;
    // As much as netfilter reads of it has to be there.
    const isRead = type === EXTENSION_FRAGMENT || type === EXTENSION_ROUTING;
    if (at + (isRead ? 4 : 2) > end) return NO_HEADER;
    if (type === EXTENSION_FRAGMENT) {
      const inside = extension.nextHeader;
      const place = packet.header(Word, (at + 2) & 0x3ff);
      if (place === null) return NO_HEADER;
      if ((place.value & FRAGMENT_OFFSET6) !== 0) {
        const isTold = !isExtension(inside) && inside !== PROTOCOL_AH;
        return isTold ? (LATER | (at << 8) | inside) >>> 0 : NO_HEADER;
      }
      type = inside;
      offset = at + 8;
    } else {
      type = extension.nextHeader;
      offset = at + (extension.length + 1) * 8;
    }
    if (offset > LONGEST_HEADERS) return NO_HEADER;
  }
  return isExtension(type) ? NO_HEADER : (((offset & 0x1ff) << 8) | type) >>> 0;
}

/** As `read4`. */
function read6(packet: Packet, walk: RuleWalk): boolean {
  const ip = packet.header(Ipv6, LINK_HEADER);
  if (ip === null || ip.versionClassLabel >>> 28 !== 6) return false;
  const all = packet.length;
  // A super-packet of 64 KiB or more has no payload length.
  const isLong = ip.payloadLength === 0 && packet.gsoSize !== 0;
  const length = isLong ? all - LINK_HEADER : ip.payloadLength + IPV6_HEADER;
  if (length < IPV6_HEADER || length + LINK_HEADER > all) return false;
  for (let i = 0; i < 4; i++) {
    walk.source.words[i] = ip.source.words[i]!;
    walk.destination.words[i] = ip.destination.words[i]!;
  }
  walk.length = length;
  walk.reach = 0;
  walk.fragment = 0;
  walk.protocol = NO_PROTOCOL;
  const end = (length + LINK_HEADER) >>> 0;
  const found = findHeader(packet, ip.nextHeader, end);
  if (found === NO_HEADER) return true;
  walk.protocol = found & 0xff;
  const at = (found >>> 8) & 0xfff;
  if ((found & LATER) !== 0) {
    const place = packet.header(Word, (at + 2) & 0x3ff);
    if (place !== null) walk.fragment = place.value >>> 3;
    return true;
  }
  walk.reach = Math.max(end, at) - at;
  readTransport(packet, walk, at);
  return true;
}

/** Reads a packet whose headers are accessible. False: netfilter would not see it. */
export function readPacket(packet: Packet, walk: RuleWalk): boolean {
  const isRead = family.value === 6 ? read6(packet, walk) : read4(packet, walk);
  if (!isRead) return false;
  const name = interfaceNames.lookup(packet.ifindex);
  for (let i = 0; i < 4; i++) walk.interface.words[i] = name === null ? 0 : name.words[i]!;
  walk.mark = packet.mark;
  return true;
}
