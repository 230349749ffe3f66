// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { type Packet, TC_NEXT, TC_SHOT, type u8, type u16, type u32 } from "../../bpf/index.ts";
import { directRouting, tunnels } from "../options.ts";
import { destinationTable, FORWARD_ROUTE, FORWARD_TUNNEL } from "../tables.ts";
import { routeTo } from "./route.ts";
import { tunnelTo } from "./tunnel.ts";

/**
 * Sends a client's packet to the server in slot `destination` by a method other than masquerading; under local (FORWARD_LOCAL)
 * and bypass (FORWARD_BYPASS) that is the kernel's stack. `transport` is where the header of `protocol` begins,
 * `length` that of the IP packet.
 */
export function forwardOtherwise(
  packet: Packet,
  method: u32,
  transport: u16,
  protocol: u8,
  length: u32,
  destination: u32,
  now: u32,
): u32 {
  if (directRouting.value && method === FORWARD_ROUTE) {
    const server = destinationTable.lookup(destination);
    if (server === null) return TC_SHOT;
    return routeTo(packet, transport, protocol, length, destination, server, now);
  }
  if (tunnels.value && method === FORWARD_TUNNEL) {
    return tunnelTo(packet, transport, protocol, length, destination);
  }
  return TC_NEXT;
}
