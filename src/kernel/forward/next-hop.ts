// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Where frames go. The kernel is asked once (`fibLookup`: routing and neighbour tables) and the answer kept beside the
 * destination, or the connection for its client, so that most packets only have their link-layer addresses written.
 *
 * About once a second it is asked again, and that packet is handed to the kernel's own neighbour code: so routes and
 * moved servers are noticed, and the neighbour entry is kept alive as if the kernel forwarded the traffic itself.
 */
import {
  copy,
  FIB_FRAGMENTATION_NEEDED,
  FIB_NO_NEIGHBOUR,
  FIB_SUCCESS,
  FibLookup,
  fibLookup,
  make,
  type Packet,
  redirect,
  TC_SHOT,
  type u32,
} from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { Ipv4, LINK_HEADER, Link, Ports } from "../headers.ts";
import {
  connectionTable,
  destinationTable,
  FROM_CLIENT,
  type NextHop,
  PROTOCOL_ICMP,
  scratch,
} from "../tables.ts";
import { remember } from "./client-hops.ts";

/** Ticks between two questions: about a second. */
export const CHECK_EVERY = 8;

const AF_INET = 2;

/** Answers of `resolve` that are not interfaces: the kernel does not forward there; the packet is too large. */
export const NO_WAY = 0;
export const TOO_LARGE = 0xffffffff;

/** Whether what is kept can be used without asking. */
export function isFresh(hop: NextHop, now: u32): boolean {
  return hop.interface !== 0 && now < hop.checkAgain;
}

/** Describes the packet to the routing table as it will be with `address` for its destination (or a server's, its source). */
function describe(packet: Packet, direction: u32, address: u32, request: FibLookup): void {
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return;
  const protocol = ip.protocol;
  request.family = AF_INET;
  request.protocol = protocol;
  request.ifindex = packet.ifindex;
  request.flow = (ip.service << 24) >>> 0;
  request.source[0] = direction === FROM_CLIENT ? ip.source : address;
  request.destination[0] = direction === FROM_CLIENT ? address : ip.destination;
  if (protocol === PROTOCOL_ICMP) return;
  const ports = packet.header(Ports, LINK_HEADER + (ip.versionLength & 15) * 4);
  if (ports === null) return;
  request.sourcePort = ports.source;
  request.destinationPort = ports.destination;
}

/**
 * Where the hop of a direction is kept: of a client's packets in the destination in slot `way`, of a server's in the connection in
 * slot `way`, or, with NO_CONNECTION, nowhere for long.
 */
export function hopOf(direction: u32, way: u32): NextHop | null {
  if (direction === FROM_CLIENT) {
    const destination = destinationTable.lookup(way);
    return destination === null ? null : destination.hop;
  }
  const connection = connectionTable.lookup(way);
  if (connection !== null) return connection.hop;
  const mine = scratch.lookup(0);
  return mine === null ? null : mine.hop;
}

/** Keeps a way that the kernel answered. */
export function keepWay(hop: NextHop, request: FibLookup): void {
  const to = request.destinationMac;
  const from = request.sourceMac;
  hop.addresses[0] = ((to[0]! << 24) | (to[1]! << 16) | (to[2]! << 8) | to[3]!) >>> 0;
  hop.addresses[1] = ((to[4]! << 24) | (to[5]! << 16) | (from[0]! << 8) | from[1]!) >>> 0;
  hop.addresses[2] = ((from[2]! << 24) | (from[3]! << 16) | (from[4]! << 8) | from[5]!) >>> 0;
  hop.mtu = request.totalLength;
  hop.interface = request.ifindex;
}

/**
 * Asks the kernel for a way, of a packet of `request.totalLength` bytes, and keeps it. Returns the interface to send the packet out of by
 * way of the neighbour code, NO_WAY, or TOO_LARGE: then the hop's `mtu` says for what, and its parts can go by the hop if
 * its interface is not 0.
 */
export function askKernel(packet: Packet, request: FibLookup, hop: NextHop): u32 {
  let answer = fibLookup(packet, request, 0);
  const isTooLarge = answer === FIB_FRAGMENTATION_NEEDED;
  const mtu = request.totalLength;
  // What fits has a way all the same.
  if (isTooLarge) answer = fibLookup(packet, request, 0);
  if (answer === FIB_SUCCESS) keepWay(hop, request);
  else hop.interface = 0;
  if (isTooLarge) {
    hop.mtu = mtu;
    return TOO_LARGE;
  }
  return answer === FIB_SUCCESS || answer === FIB_NO_NEIGHBOUR ? request.ifindex : NO_WAY;
}

/**
 * Asks the kernel for the way of the packet as it will be with `address`; `length` is that of its largest part on the wire.
 * Keeps the answer in the hop of `way`. Answers as `askKernel` does. @separate
 */
export function resolve(packet: Packet, direction: u32, way: u32, address: u32, length: u32): u32 {
  const hop = hopOf(direction, way);
  if (hop === null) return NO_WAY;
  hop.checkAgain = (currentTick() + CHECK_EVERY) >>> 0;
  const request = make(FibLookup);
  describe(packet, direction, address, request);
  request.totalLength = Math.min(length, 0xffff);
  const client = request.destination[0]!;
  const out = askKernel(packet, request, hop);
  if (hop.interface !== 0 && direction !== FROM_CLIENT) remember(hop, client, address);
  return out;
}

/** Gives the frame the addresses of a hop. */
export function address(packet: Packet, hop: NextHop): boolean {
  const link = packet.header(Link, 0);
  if (link === null) return false;
  copy(link.addresses, hop.addresses);
  return true;
}

/** Sends the packet by a hop that is fresh. */
export function sendBy(packet: Packet, hop: NextHop, out: u32): u32 {
  return address(packet, hop) ? redirect(out, 0) : TC_SHOT;
}
