// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { u32 } from "../../bpf/index.ts";
import { leastConnection, roundRobin, weightedLeastConnection, weightedRoundRobin } from "../options.ts";
import { type Pool, SCHEDULER_LC, SCHEDULER_RR, SCHEDULER_WLC, SCHEDULER_WRR } from "../tables.ts";
import { chooseLeastConnection } from "./lc.ts";
import { chooseRoundRobin } from "./rr.ts";
import { chooseWeightedLeastConnection } from "./wlc.ts";
import { chooseWeightedRoundRobin } from "./wrr.ts";

/** The destination that the scheduler chooses for a new connection of the service in that slot; 0: none is usable. */
export function choose(service: u32, poolIndex: u32, pool: Pool): u32 {
  const scheduler = pool.scheduler;
  if (roundRobin.value && scheduler === SCHEDULER_RR) return chooseRoundRobin(service, poolIndex);
  if (weightedRoundRobin.value && scheduler === SCHEDULER_WRR)
    return chooseWeightedRoundRobin(service, poolIndex);
  if (leastConnection.value && scheduler === SCHEDULER_LC) return chooseLeastConnection(pool);
  if (weightedLeastConnection.value && scheduler === SCHEDULER_WLC)
    return chooseWeightedLeastConnection(pool);
  return 0;
}
