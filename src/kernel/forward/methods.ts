// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { type Packet, TC_NEXT, TC_SHOT, type u16, type u32 } from "../../bpf/index.ts";
import { directRouting, family, tunnels } from "../options.ts";
import { destinationTable, FORWARD_MASQ, FORWARD_ROUTE, FORWARD_TUNNEL } from "../tables.ts";
import { forward6 } from "./forward6.ts";
import { routeTo } from "./route.ts";
import { tunnelTo } from "./tunnel.ts";

/**
 * Sends a packet by any method but masquerading of IPv4. `place`: its direction, transport header and protocol (`placeOf`); `length`:
 * of the IP packet; `way`: of a client's, the server's slot, of a server's, the connection's; `port`: what it gets
 * under masquerading. Under local (FORWARD_LOCAL) and bypass (FORWARD_BYPASS) it goes to the kernel's stack.
 */
export function forwardOtherwise(
  packet: Packet,
  method: u32,
  place: u32,
  length: u32,
  way: u32,
  port: u16,
  now: u32,
): u32 {
  const transport = (place >>> 8) & 0xffff;
  const protocol = place & 0xff;
  if (family.value === 6 && method === FORWARD_MASQ) return forward6(packet, way, length, place, port);
  if (directRouting.value && method === FORWARD_ROUTE) {
    const server = destinationTable.lookup(way);
    if (server === null) return TC_SHOT;
    return routeTo(packet, transport, protocol, length, way, server, now);
  }
  if (tunnels.value && method === FORWARD_TUNNEL) return tunnelTo(packet, transport, protocol, length, way);
  return TC_NEXT;
}
