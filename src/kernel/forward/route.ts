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
  type u8,
  type u16,
  type u32,
} from "../../bpf/index.ts";
import { answerTimeExceeded, answerTooLarge } from "../icmp/answer.ts";
import { type Destination, destinationTable } from "../tables.ts";
import { age, MAY_FRAGMENT, mayPass, NO_HEADER, TOO_OLD } from "./age.ts";
import { isFresh, NO_WAY, sendBy } from "./next-hop.ts";
import { askWay, HERE } from "./way.ts";
import { lengthOnWire } from "./wire-length.ts";

/** Sends a packet whose largest part on the wire has `length` bytes by a way that is asked for first. @separate */
export function routeAnew(packet: Packet, length: u32, destination: u32): u32 {
  const server = destinationTable.lookup(destination);
  if (server === null) return TC_SHOT;
  const next = make(NeighbourHop);
  const out = askWay(packet, server, length, next);
  if (out === HERE) return TC_NEXT;
  if (out === NO_WAY) return TC_SHOT;
  const passage = mayPass(packet);
  if (passage === NO_HEADER) return TC_SHOT;
  if (passage === TOO_OLD) return answerTimeExceeded(packet);
  if (length > server.hop.mtu) {
    return passage === MAY_FRAGMENT ? TC_SHOT : answerTooLarge(packet, server.hop.mtu);
  }
  age(packet);
  return redirectNeighbour(out, 0, next);
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
  if (!isFresh(hop, now)) {
    return routeAnew(packet, lengthOnWire(packet, transport, protocol, length), destination);
  }
  if (length > hop.mtu) {
    const longest = lengthOnWire(packet, transport, protocol, length);
    if (longest > hop.mtu) return routeAnew(packet, longest, destination);
  }
  const passage = mayPass(packet);
  if (passage === NO_HEADER) return TC_SHOT;
  if (passage === TOO_OLD) return answerTimeExceeded(packet);
  age(packet);
  return sendBy(packet, hop, out);
}
