// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Direct routing: the frame goes to the real server's link-layer address, the IP packet stays as it is, addressed to the
 * virtual address, which the server has too. Only the time to live falls by one, as behind any router (recordings:
 * packets/dr-tcp). The server answers the client itself; no reply comes this way.
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
import { answerTimeExceeded, answerTooLarge, answerUnreachable } from "../icmp/answer.ts";
import { family } from "../options.ts";
import { type Destination, destinationTable } from "../tables.ts";
import { age, MAY_FRAGMENT, mayPass, NO_HEADER, TOO_OLD } from "./age.ts";
import { cutShort, IN_FRAGMENTS, inFragments, sendFragments } from "./fragments.ts";
import { address, isFresh, NO_WAY, sendBy } from "./next-hop.ts";
import { completeChecksum } from "./pieces.ts";
import { askWay, HERE } from "./way.ts";
import { lengthOnWire } from "./wire-length.ts";

/**
 * Sends a packet by a way that is asked for first. A super-packet that is too large is answered as if it must not be
 * fragmented. Returns the verdict, or IN_FRAGMENTS. @separate
 */
export function routeAnew(packet: Packet, transport: u16, protocol: u8, length: u32, destination: u32): u32 {
  const server = destinationTable.lookup(destination);
  if (server === null) return TC_SHOT;
  const hop = server.hop;
  const longest = lengthOnWire(packet, transport, protocol, length);
  const next = make(NeighbourHop);
  const out = askWay(packet, server, longest, next);
  if (out === HERE) return TC_NEXT;
  if (out === NO_WAY) {
    trace("no-way", destination);
    return answerUnreachable(packet);
  }
  const passage = mayPass(packet);
  if (passage === NO_HEADER) return TC_SHOT;
  if (passage === TOO_OLD) return answerTimeExceeded(packet);
  const mtu = hop.mtu;
  if (longest <= mtu) {
    age(packet);
    return redirectNeighbour(out, 0, next);
  }
  if (family.value === 6 || passage !== MAY_FRAGMENT || packet.gsoSize !== 0)
    return answerTooLarge(packet, mtu);
  if (completeChecksum(packet, transport, protocol, length) === 0) return TC_SHOT;
  age(packet);
  if (hop.interface === 0) return cutShort(packet) ? redirectNeighbour(out, 0, next) : TC_SHOT;
  return address(packet, hop) ? inFragments(mtu, out) : TC_SHOT;
}

/**
 * Sends a client's packet to the server in slot `destination`. `length` is that of the IP packet, `transport` where the header of
 * `protocol` begins. What cannot go on is answered as a router does; what is for a server on this host goes up the
 * stack.
 */
export function routeTo(
  packet: Packet,
  transport: u16,
  protocol: u8,
  length: u32,
  destination: u32,
  server: Destination,
  now: u32,
): u32 {
  const hop = server.hop;
  const out = hop.interface;
  const isLarge = length > hop.mtu && lengthOnWire(packet, transport, protocol, length) > hop.mtu;
  if (!isFresh(hop, now) || isLarge) {
    const verdict = routeAnew(packet, transport, protocol, length, destination);
    return verdict === IN_FRAGMENTS ? sendFragments(packet) : verdict;
  }
  const passage = mayPass(packet);
  if (passage === NO_HEADER) return TC_SHOT;
  if (passage === TOO_OLD) return answerTimeExceeded(packet);
  age(packet);
  return sendBy(packet, hop, out);
}
