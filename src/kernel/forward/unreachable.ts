// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { Packet, u32 } from "../../bpf/index.ts";
import { answerUnreachable } from "../icmp/answer.ts";
import { destinationTable, FROM_CLIENT } from "../tables.ts";

/**
 * A packet for which the kernel knows no way (NO_WAY). A client is told that its server cannot be reached: the answer is the verdict. 0: the
 * packet is for this host itself, to whose own addresses the kernel forwards nothing, either. `way`: see `hopOf`. @separate
 */
export function tellUnreachable(packet: Packet, direction: u32, way: u32): u32 {
  if (direction !== FROM_CLIENT) return 0;
  const server = destinationTable.lookup(way);
  return server === null || server.isLocal !== 0 ? 0 : answerUnreachable(packet);
}
