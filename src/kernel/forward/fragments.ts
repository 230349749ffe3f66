// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Fragmentation (RFC 791 section 2.3; RFC 8200 section 4.5, for tunnels over IPv6, whose ends are this host and the server), where the
 * kernel cannot do it: it would take packets to a virtual address for its own.
 */
import {
  cloneRedirect,
  type Packet,
  redirect,
  TC_SHOT,
  type u8,
  type u16,
  type u32,
} from "../../bpf/index.ts";
import {
  ETHERTYPE_IPV6,
  EXTENSION_FRAGMENT,
  FRAGMENT_HEADER,
  FRAGMENT_MORE6,
  FragmentHeader,
  IPV6_HEADER,
  Ipv4,
  Ipv6,
  LINK_HEADER,
  Link,
  MORE_FRAGMENTS,
} from "../headers.ts";
import { type Cut, cut, type NextHop, PIECE, PIECES } from "../tables.ts";
import { replaceWord } from "./checksum.ts";
import { address } from "./next-hop.ts";
import { completeChecksum, keepPieces, putPiece } from "./pieces.ts";

/** Describes a fragment of an IPv4 packet: `first` is what the packet's own fragment field was. */
function setPart(packet: Packet, first: u16, offset: u32, count: u32, more: boolean): boolean {
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return false;
  const length = ((ip.versionLength & 15) * 4 + count) & 0xffff;
  const part = ((first + (offset >>> 3)) | (more ? MORE_FRAGMENTS : 0)) & 0xffff;
  ip.checksum = replaceWord(replaceWord(ip.checksum, ip.totalLength, length), ip.fragment, part);
  ip.totalLength = length;
  ip.fragment = part;
  return true;
}

/**
 * Makes an IPv4 packet a first fragment of 8 bytes, which is good for nothing but to have the kernel find the neighbour that it
 * goes to.
 */
export function cutShort(packet: Packet): boolean {
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return false;
  const first = ip.fragment;
  const header = (ip.versionLength & 15) * 4;
  return putPiece(packet, (LINK_HEADER + header) >>> 0, 0, 8) && setPart(packet, first, 0, 8, true);
}

/** Describes a fragment of an IPv6 packet. */
function setPart6(packet: Packet, offset: u32, count: u32, more: boolean): boolean {
  const ip = packet.header(Ipv6, LINK_HEADER);
  const part = packet.header(FragmentHeader, LINK_HEADER + IPV6_HEADER);
  if (ip === null || part === null) return false;
  ip.payloadLength = count + FRAGMENT_HEADER;
  part.offset = (offset | (more ? FRAGMENT_MORE6 : 0)) & 0xffff;
  return true;
}

/** The answer of `sendFragment` after a fragment that others follow. */
const GO_ON = 0xfffffffe;

/** Sends fragment `i` of the packet that is being cut. Returns GO_ON, or of the last one the verdict. @separate */
export function sendFragment(packet: Packet, i: u32): u32 {
  const plan = cut.lookup(0);
  if (plan === null) return TC_SHOT;
  const size = plan.size;
  const total = plan.total;
  const offset = (i & 0xff) * (size & 0xfff);
  if (offset >= total) return TC_SHOT;
  const left = (total - offset) >>> 0;
  const more = left > size;
  const count = more ? size : left;
  if (!putPiece(packet, plan.offset, i, count)) return TC_SHOT;
  if (plan.isIpv6 !== 0) {
    if (!setPart6(packet, offset, count, more)) return TC_SHOT;
  } else {
    const last = (plan.fragment & MORE_FRAGMENTS) === 0;
    if (!setPart(packet, plan.fragment & 0xffff, offset, count, more || !last)) return TC_SHOT;
  }
  if (!more) return redirect(plan.out, 0);
  cloneRedirect(packet, plan.out, 0);
  return GO_ON;
}

/** Fills in how a packet is to be cut to fit the plan's MTU. False: it cannot be. */
function planCut(packet: Packet, plan: Cut): boolean {
  const link = packet.header(Link, 0);
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (link === null || ip === null) return false;
  const isIpv6 = link.type === ETHERTYPE_IPV6;
  let header = IPV6_HEADER + FRAGMENT_HEADER;
  if (isIpv6) {
    const wide = packet.header(Ipv6, LINK_HEADER);
    if (wide === null) return false;
    if (wide.nextHeader !== EXTENSION_FRAGMENT || wide.payloadLength <= FRAGMENT_HEADER) return false;
    plan.isIpv6 = 1;
    plan.total = wide.payloadLength - FRAGMENT_HEADER;
  } else {
    header = (ip.versionLength & 15) * 4;
    if (ip.totalLength <= header) return false;
    plan.isIpv6 = 0;
    plan.total = ip.totalLength - header;
    plan.fragment = ip.fragment;
  }
  const mtu = plan.mtu;
  if (mtu < header + 8) return false;
  plan.size = Math.min((mtu - header) >>> 0, PIECE) & ~7;
  plan.offset = LINK_HEADER + header;
  return true;
}

/** Answer of functions that want the packet sent in fragments: as it is, by `sendFragments`. No verdict is like it. */
export const IN_FRAGMENTS = 0xfffffff0;

/**
 * Has the packet sent out of `out` in fragments that fit an MTU: its frame's addresses are set, its time to live is what the
 * fragments get. It is no super-packet, its checksum is complete, and an IPv6 one has a fragment header. Returns IN_FRAGMENTS, which whoever has more of the stack
 * left hands to `sendFragments`.
 */
export function inFragments(mtu: u32, out: u32): u32 {
  const plan = cut.lookup(0);
  if (plan === null) return TC_SHOT;
  plan.mtu = mtu;
  plan.out = out;
  return IN_FRAGMENTS;
}

/** Whether a packet that is too large for a way can be cut here: the kernel knows the neighbour, and it is no super-packet. */
export function mayCut(packet: Packet, hop: NextHop): boolean {
  return hop.interface !== 0 && packet.gsoSize === 0;
}

/**
 * Sends a translated IPv4 packet that `mayCut` in fragments: so netfilter sees all of it or nothing, and does not wait for parts that went
 * another way. `protocol`, whose header begins at `transport`: 0 in later fragments. Returns the verdict.
 */
export function sendCut(packet: Packet, hop: NextHop, transport: u16, protocol: u8, length: u32): u32 {
  const mtu = hop.mtu;
  const out = hop.interface;
  if (completeChecksum(packet, transport, protocol, length) === 0 || !address(packet, hop)) return TC_SHOT;
  return inFragments(mtu, out) === IN_FRAGMENTS ? sendFragments(packet) : TC_SHOT;
}

/** Sends a packet as `inFragments` said. Returns the verdict. @separate */
export function sendFragments(packet: Packet): u32 {
  const plan = cut.lookup(0);
  if (plan === null || !planCut(packet, plan)) return TC_SHOT;
  if (!keepPieces(packet, plan.offset, plan.total, plan.size)) return TC_SHOT;
  for (let i = 0; i < PIECES; i++) {
    const verdict = sendFragment(packet, i);
    if (verdict !== GO_ON) return verdict;
  }
  return TC_SHOT;
}
