// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Tunnelling: the packet goes to the real server inside another one, whole; the server unpacks it, has the virtual address
 * itself, and answers the client directly. The server may be anywhere that IP reaches, and of the other family.
 *
 * A packet that is too large with the outer headers is answered with what fits, or, if it may be fragmented (or the sysctl
 * pmtu_disc is 0), goes in fragments of the outer packet, which the server puts together. TUNNEL_REMOTE_CHECKSUM is treated as
 * TUNNEL_CHECKSUM, as IPVS does with packets whose checksum is complete: where the device fills it in, a program cannot
 * keep it from doing so.
 */
import {
  make,
  NeighbourHop,
  type Packet,
  redirectNeighbour,
  TC_NEXT,
  TC_SHOT,
  trace,
  type u8,
  type u16,
  type u32,
} from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { DONT_FRAGMENT, Ipv4, Ipv6, LEAST_MTU, LEAST_MTU6, LINK_HEADER } from "../headers.ts";
import { answerTimeExceeded, answerTooLarge, answerUnreachable } from "../icmp/answer.ts";
import { family } from "../options.ts";
import { SYSCTL_PMTU_DISC } from "../sysctls.ts";
import {
  type Destination,
  destinationTable,
  type NextHop,
  settings,
  TUNNEL_GRE,
  TUNNEL_GUE,
} from "../tables.ts";
import { age, MAY_FRAGMENT, mayPass, NO_HEADER, TOO_OLD } from "./age.ts";
import { encapsulate, isSummed, Outer, outerService, overheadOf } from "./encapsulate.ts";
import { flowNumber } from "./flow-number.ts";
import { IN_FRAGMENTS, inFragments, sendFragments } from "./fragments.ts";
import { enterLoopback, rejuvenate } from "./hand-over.ts";
import { sumOfPacket } from "./inner-sum.ts";
import { address, isFresh, NO_WAY, sendBy } from "./next-hop.ts";
import { completeChecksum } from "./pieces.ts";
import { forget, IN_SEGMENTS, sendSegments } from "./segments.ts";
import { NO_SUM } from "./sum-of.ts";
import { askWay, HERE } from "./way.ts";
import { lengthOnWire } from "./wire-length.ts";

/** GUE's source ports: Linux's default range of ephemeral ports. */
const FIRST_PORT = 32768;
const PORTS = 28232;

/** What the outer headers say of a packet of `length` bytes that has aged. */
function describe(
  packet: Packet,
  transport: u16,
  protocol: u8,
  length: u32,
  server: Destination,
  outer: Outer,
): boolean {
  outer.length = (length + overheadOf(server)) >>> 0;
  outer.sum = NO_SUM;
  if (family.value === 6) {
    const ip = packet.header(Ipv6, LINK_HEADER);
    if (ip === null) return false;
    outer.service = outerService((ip.versionClassLabel >>> 20) & 0xff);
    outer.lifetime = ip.hopLimit;
  } else {
    const ip = packet.header(Ipv4, LINK_HEADER);
    if (ip === null) return false;
    outer.service = outerService(ip.service);
    outer.lifetime = ip.lifetime;
    if (settings.at(0).sysctls[SYSCTL_PMTU_DISC]! !== 0) outer.flags = ip.fragment & DONT_FRAGMENT;
  }
  if (server.tunnelType === TUNNEL_GUE) {
    const number = flowNumber(packet, transport, protocol);
    outer.port = FIRST_PORT + (((number >>> 16) * PORTS) >>> 16);
  }
  // Segments of a super-packet would each need a checksum of their own: GUE's go without, which UDP allows.
  if (isSummed(server) && packet.gsoSize === 0) {
    outer.sum = sumOfPacket(packet, transport, protocol, length);
    if (outer.sum === NO_SUM) return false;
  }
  return true;
}

/**
 * Sends an encapsulated packet that is too large with its outer headers. A super-packet is handed over to the kernel, which cuts it
 * into segments first.
 */
function sendLarge(packet: Packet, hop: NextHop, out: u32): u32 {
  if (packet.gsoSize !== 0) {
    rejuvenate(packet);
    return enterLoopback(packet);
  }
  // While the neighbour is not known, only small packets make the kernel find it.
  if (hop.interface === 0 || !address(packet, hop)) return TC_SHOT;
  return inFragments(hop.mtu, out);
}

/** `tunnelTo`, but that it may answer IN_FRAGMENTS or IN_SEGMENTS instead of a verdict. @separate */
export function tunnelBy(packet: Packet, transport: u16, protocol: u8, length: u32, destination: u32): u32 {
  const server = destinationTable.lookup(destination);
  if (server === null) return TC_SHOT;
  // Without an address of our own towards it, there is nothing that the server would take.
  if (server.source.words[0]! === 0 && server.source.words[3]! === 0) {
    trace("no-source", destination);
    return answerUnreachable(packet);
  }
  const hop = server.hop;
  const overhead = overheadOf(server);
  const longest = (lengthOnWire(packet, transport, protocol, length) + overhead) >>> 0;
  const next = make(NeighbourHop);
  const fresh = isFresh(hop, currentTick());
  let out = hop.interface;
  if (!fresh) out = askWay(packet, server, longest, next);
  if (out === HERE) return TC_NEXT;
  if (out === NO_WAY) {
    trace("no-way", destination);
    return answerUnreachable(packet);
  }

  const passage = mayPass(packet);
  if (passage === NO_HEADER) return TC_SHOT;
  if (passage === TOO_OLD) return answerTimeExceeded(packet);
  const mtu = hop.mtu;
  trace("overhead", overhead, mtu);
  if (mtu < overhead + (family.value === 6 ? LEAST_MTU6 : LEAST_MTU)) return TC_SHOT;
  const tooLarge = longest > mtu;
  const isSuper = packet.gsoSize !== 0;
  if (tooLarge) {
    if (family.value === 6) return answerTooLarge(packet, (mtu - overhead) >>> 0);
    const isFinal = passage !== MAY_FRAGMENT && settings.at(0).sysctls[SYSCTL_PMTU_DISC]! !== 0;
    if (isFinal || (isSuper && server.family === 6)) {
      return answerTooLarge(packet, (mtu - overhead) >>> 0);
    }
    if (!isSuper && completeChecksum(packet, transport, protocol, length) === 0) return TC_SHOT;
  }
  if (isSuper && !tooLarge && server.tunnelType === TUNNEL_GRE && isSummed(server)) {
    forget(packet, destination, length);
    return IN_SEGMENTS;
  }
  age(packet);
  const outer = make(Outer);
  if (!describe(packet, transport, protocol, length, server, outer)) return TC_SHOT;
  const inParts = family.value === 4 && tooLarge && !isSuper;
  if (!encapsulate(packet, server, overhead, outer, inParts)) return TC_SHOT;
  if (family.value === 4 && tooLarge) return sendLarge(packet, hop, out);
  return fresh ? sendBy(packet, hop, out) : redirectNeighbour(out, 0, next);
}

/**
 * Sends a client's packet to the server in slot `destination` through a tunnel. `length` is that of the IP packet,
 * `transport` where the header of `protocol` begins (of later fragments protocol 0). What cannot go on is answered as a
 * router does; what is for a server on this host goes up the stack. Returns the verdict.
 */
export function tunnelTo(packet: Packet, transport: u16, protocol: u8, length: u32, destination: u32): u32 {
  const verdict = tunnelBy(packet, transport, protocol, length, destination);
  if (verdict === IN_FRAGMENTS) return sendFragments(packet);
  if (verdict === IN_SEGMENTS) return sendSegments(packet, transport, protocol, length);
  return verdict;
}
