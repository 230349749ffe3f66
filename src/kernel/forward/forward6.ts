// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** Masquerading of IPv6: see forward.ts. Routers do not fragment IPv6, so what is too large is always answered. */
import {
  type Packet,
  redirectNeighbour,
  TC_NEXT,
  TC_SHOT,
  type u8,
  type u16,
  type u32,
} from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { NO_CONNECTION } from "../flow.ts";
import { answerTimeExceeded, answerTooLarge } from "../icmp/answer.ts";
import { FROM_CLIENT } from "../tables.ts";
import { mayPass, NO_HEADER, TOO_OLD } from "./age.ts";
import { hopOf, isFresh, NO_WAY, sendBy, TOO_LARGE } from "./next-hop.ts";
import { addressOf, resolve6 } from "./next-hop6.ts";
import { translate6 } from "./translate6.ts";
import { tellUnreachable } from "./unreachable.ts";
import { lengthOnWire } from "./wire-length.ts";

/** What `forward6` is to know of a packet, in one number. */
export function placeOf(direction: u32, transport: u16, protocol: u8): u32 {
  return ((direction << 24) | (transport << 8) | protocol) >>> 0;
}

/**
 * Sends an IPv6 packet of `length` bytes on: a client's to the server in slot `way`, and there to `port`; a server's as from the
 * virtual address and `port` of the connection in slot `way` (NO_CONNECTION: of the entry that `statelessReply` found).
 * `place`: see `placeOf`; of later fragments protocol 0. @separate
 */
export function forward6(packet: Packet, way: u32, length: u32, place: u32, port: u16): u32 {
  const direction = place >>> 24;
  const transport = (place >>> 8) & 0xffff;
  const protocol = place & 0xff;
  const to = addressOf(direction, way);
  const hop = hopOf(direction, way);
  if (to === null || hop === null) return TC_SHOT;
  const passage = mayPass(packet);
  if (passage === NO_HEADER) return TC_SHOT;
  if (passage === TOO_OLD) return direction === FROM_CLIENT ? answerTimeExceeded(packet) : TC_NEXT;

  const fresh = way !== NO_CONNECTION && isFresh(hop, currentTick());
  let out = hop.interface;
  if (!fresh || length > hop.mtu) {
    const longest = lengthOnWire(packet, transport, protocol, length);
    if (!fresh) out = resolve6(packet, direction, transport, protocol, to, hop, longest);
    else if (longest > hop.mtu) out = TOO_LARGE;
  }
  if (out === NO_WAY) {
    const told = tellUnreachable(packet, direction, way);
    if (told !== 0) return told;
  }
  if (out === TOO_LARGE) return direction === FROM_CLIENT ? answerTooLarge(packet, hop.mtu) : TC_NEXT;
  // What a server sends to the host itself only looks like the reply of a flow without state.
  if (out === NO_WAY && direction !== FROM_CLIENT && way === NO_CONNECTION) return TC_NEXT;

  if (!translate6(packet, transport, protocol, direction, to, port)) return TC_SHOT;
  if (out === NO_WAY) return TC_NEXT;
  return fresh ? sendBy(packet, hop, out) : redirectNeighbour(out, 0);
}
