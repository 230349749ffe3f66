// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { u16, u32 } from "../../bpf/index.ts";
import { leastConnection, roundRobin, weightedLeastConnection, weightedRoundRobin } from "../options.ts";
import { pools, SCHEDULER_LC, SCHEDULER_RR, SCHEDULER_WLC, SCHEDULER_WRR } from "../tables.ts";
import { chooseLeastConnection } from "./lc.ts";
import { chooseRoundRobin } from "./rr.ts";
import { chooseWeightedLeastConnection } from "./wlc.ts";
import { chooseWeightedRoundRobin } from "./wrr.ts";

/**
 * The destination that the scheduler chooses for a new connection of the service in that slot; 0: none is usable. Of the packet
 * it may go by the addresses, as numbers (IPv6: folded, words.ts), and the client's port.
 */
export function choose(service: u32, poolIndex: u32, _source: u32, _destination: u32, _port: u16): u32 {
  const pool = pools.lookup(poolIndex);
  if (pool === null) return 0;
  const scheduler = pool.scheduler;
  if (roundRobin.value && scheduler === SCHEDULER_RR) return chooseRoundRobin(service, poolIndex);
  if (weightedRoundRobin.value && scheduler === SCHEDULER_WRR)
    return chooseWeightedRoundRobin(service, poolIndex);
  if (leastConnection.value && scheduler === SCHEDULER_LC) return chooseLeastConnection(pool);
  if (weightedLeastConnection.value && scheduler === SCHEDULER_WLC)
    return chooseWeightedLeastConnection(pool);
  return 0;
}
