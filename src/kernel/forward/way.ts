// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Ways to real servers whose address is not the packet's destination: under direct routing and through tunnels. The kernel
 * is asked as for a packet that this host sends itself: from the loopback interface. So these methods need no
 * `ip_forward`, as with IPVS; only the loopback interface must forward, which the administration sees to
 * (`net.ipv4.conf.lo.forwarding`, `net.ipv6.conf.lo.forwarding`; with ip_forward on, it does anyway).
 */
import {
  copy,
  FAMILY_IPV4,
  FAMILY_IPV6,
  FIB_FORWARDING_DISABLED,
  FIB_FRAGMENTATION_NEEDED,
  FIB_NO_NEIGHBOUR,
  FIB_SUCCESS,
  FibLookup,
  fibLookup,
  make,
  type NeighbourHop,
  type Packet,
  type s32,
  type u32,
} from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { LOOPBACK } from "../headers.ts";
import type { Destination } from "../tables.ts";
import { CHECK_EVERY, keepWay, NO_WAY } from "./next-hop.ts";

/** Answer of `askWay` that is not an interface, besides NO_WAY: the server is this host itself. */
export const HERE = 0xfffffffe;

/** An MTU that is not known, and that the packet fits. */
const NO_LIMIT = 0xffff;

/** Asks about the way of a packet of `length` bytes that comes in by `interface`. Answers a FIB_* code. */
function ask(packet: Packet, server: Destination, length: u32, request: FibLookup, from: u32): s32 {
  request.family = server.family === 6 ? FAMILY_IPV6 : FAMILY_IPV4;
  request.ifindex = from;
  request.totalLength = Math.min(Math.max(length, 1), 0xffff);
  copy(request.destination, server.address.words);
  return fibLookup(packet, request, 0);
}

/**
 * Asks the kernel for the way to a server, for a packet of at most `length` bytes on the wire, and keeps it in the
 * server's hop. Answers the interface, NO_WAY or HERE. With an interface, `next` is the neighbour to send to, and the packet
 * is too large if `length` is more than the hop's `mtu`.
 */
export function askWay(packet: Packet, server: Destination, length: u32, next: NeighbourHop): u32 {
  const hop = server.hop;
  hop.checkAgain = (currentTick() + CHECK_EVERY) >>> 0;
  const request = make(FibLookup);
  let from = LOOPBACK;
  let mtu = NO_LIMIT;
  let answer = ask(packet, server, length, request, from);
  if (answer === FIB_FORWARDING_DISABLED) {
    from = packet.ifindex;
    answer = ask(packet, server, length, request, from);
  }
  if (answer === FIB_FRAGMENTATION_NEEDED) {
    mtu = request.totalLength;
    answer = ask(packet, server, mtu, request, from);
  }
  if (answer === FIB_SUCCESS) keepWay(hop, request);
  else hop.interface = 0;
  if (answer === FIB_NO_NEIGHBOUR) hop.mtu = mtu;
  if (answer === FIB_SUCCESS || answer === FIB_NO_NEIGHBOUR) {
    next.family = request.family;
    copy(next.address, request.destination);
    return request.ifindex;
  }
  return server.isLocal !== 0 ? HERE : NO_WAY;
}
