// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { type Packet, redirectNeighbour, TC_NEXT, TC_SHOT, type u16, type u32 } from "../../bpf/index.ts";
import { NO_CONNECTION } from "../flow.ts";
import { DONT_FRAGMENT, Ipv4, LINK_HEADER } from "../headers.ts";
import { answerTimeExceeded, answerTooLarge } from "../icmp/answer.ts";
import { FROM_CLIENT, type NextHop } from "../tables.ts";
import { recall } from "./client-hops.ts";
import { mayCut, sendCut } from "./fragments.ts";
import { handOver } from "./hand-over.ts";
import { isFresh, NO_WAY, resolve, sendBy, TOO_LARGE } from "./next-hop.ts";
import { translate } from "./translate.ts";
import { tellUnreachable } from "./unreachable.ts";
import { lengthOnWire } from "./wire-length.ts";

/**
 * Sends a packet on: to `address` and `port` if it comes from a client, as from there if it comes from a server. `length` is
 * that of the IP packet, `transport` where its TCP or UDP header begins, `hop` what is known about the way and `way`
 * whose that is (see `hopOf`).
 *
 * What cannot go on is answered as a router does (time exceeded, fragmentation needed, host unreachable). On the servers' side the kernel
 * does that: it gets the packet untouched and comes to the same end. Packets for which the kernel knows no way or another one (the host
 * itself), and those that must be fragmented and cannot be here, are handed over to it translated.
 */
export function forward(
  packet: Packet,
  transport: u16,
  direction: u32,
  length: u32,
  address: u32,
  port: u16,
  way: u32,
  hop: NextHop,
  now: u32,
): u32 {
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return TC_SHOT;
  if (ip.lifetime <= 1) return direction === FROM_CLIENT ? answerTimeExceeded(packet) : TC_NEXT;
  const mayFragment = (ip.fragment & DONT_FRAGMENT) === 0;
  const protocol = ip.protocol;

  const fresh = isFresh(hop, now) || (direction !== FROM_CLIENT && recall(hop, ip.destination, address, now));
  let out = hop.interface;
  if (!fresh) {
    out = resolve(packet, direction, way, address, lengthOnWire(packet, transport, protocol, length));
  } else if (length > hop.mtu && lengthOnWire(packet, transport, protocol, length) > hop.mtu) {
    out = TOO_LARGE;
  }
  // What a server sends to the host itself (an answer to a health check) only looks like the reply of a flow without state.
  if (out === NO_WAY && direction !== FROM_CLIENT && way === NO_CONNECTION) return TC_NEXT;
  if (out === NO_WAY) {
    const told = tellUnreachable(packet, direction, way);
    if (told !== 0) return told;
  }
  if (out === TOO_LARGE && !mayFragment)
    return direction === FROM_CLIENT ? answerTooLarge(packet, hop.mtu) : TC_NEXT;

  if (!translate(packet, transport, direction, address, port)) return TC_SHOT;
  if (out === TOO_LARGE && mayCut(packet, hop)) return sendCut(packet, hop, transport, protocol, length);
  if (out === NO_WAY || out === TOO_LARGE) return handOver(packet, direction);
  return fresh ? sendBy(packet, hop, out) : redirectNeighbour(out, 0);
}
