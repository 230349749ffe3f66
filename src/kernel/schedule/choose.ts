// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { u16, u32 } from "../../bpf/index.ts";
import {
  destinationHashing,
  leastConnection,
  localityLeastConnection,
  localityWithReplication,
  maglevHashing,
  neverQueue,
  roundRobin,
  shortestExpectedDelay,
  sourceHashing,
  twoChoices,
  weightedFailover,
  weightedLeastConnection,
  weightedOverflow,
  weightedRoundRobin,
} from "../options.ts";
import {
  pools,
  SCHEDULER_DH,
  SCHEDULER_FO,
  SCHEDULER_LBLC,
  SCHEDULER_LBLCR,
  SCHEDULER_LC,
  SCHEDULER_MH,
  SCHEDULER_NQ,
  SCHEDULER_OVF,
  SCHEDULER_RR,
  SCHEDULER_SED,
  SCHEDULER_SH,
  SCHEDULER_TWOS,
  SCHEDULER_WLC,
  SCHEDULER_WRR,
} from "../tables.ts";
import { chooseByDestination } from "./dh.ts";
import { chooseFailover } from "./fo.ts";
import { chooseByLocality } from "./lblc.ts";
import { chooseByLocalitySet } from "./lblcr.ts";
import { chooseLeastConnection } from "./lc.ts";
import { chooseByMaglev } from "./mh.ts";
import { chooseNeverQueue } from "./nq.ts";
import { chooseOverflow } from "./ovf.ts";
import { chooseRoundRobin } from "./rr.ts";
import { chooseShortestExpectedDelay } from "./sed.ts";
import { chooseBySource } from "./sh.ts";
import { chooseOfTwo } from "./twos.ts";
import { chooseWeightedLeastConnection } from "./wlc.ts";
import { chooseWeightedRoundRobin } from "./wrr.ts";

/**
 * The destination that the scheduler chooses for a new connection of the service in that slot; 0: none is usable. Of the packet
 * it may go by the addresses, as numbers (IPv6: folded, words.ts), and the client's port.
 */
export function choose(service: u32, poolIndex: u32, source: u32, destination: u32, port: u16): u32 {
  const pool = pools.lookup(poolIndex);
  if (pool === null) return 0;
  const scheduler = pool.scheduler;
  if (roundRobin.value && scheduler === SCHEDULER_RR) return chooseRoundRobin(service, poolIndex);
  if (weightedRoundRobin.value && scheduler === SCHEDULER_WRR)
    return chooseWeightedRoundRobin(service, poolIndex);
  if (leastConnection.value && scheduler === SCHEDULER_LC) return chooseLeastConnection(poolIndex);
  if (weightedLeastConnection.value && scheduler === SCHEDULER_WLC)
    return chooseWeightedLeastConnection(poolIndex);
  if (shortestExpectedDelay.value && scheduler === SCHEDULER_SED)
    return chooseShortestExpectedDelay(poolIndex);
  if (neverQueue.value && scheduler === SCHEDULER_NQ) return chooseNeverQueue(poolIndex);
  if (weightedFailover.value && scheduler === SCHEDULER_FO) return chooseFailover(poolIndex);
  if (weightedOverflow.value && scheduler === SCHEDULER_OVF) return chooseOverflow(poolIndex);
  if (twoChoices.value && scheduler === SCHEDULER_TWOS) return chooseOfTwo(poolIndex);
  if (sourceHashing.value && scheduler === SCHEDULER_SH) return chooseBySource(poolIndex, source, port);
  if (destinationHashing.value && scheduler === SCHEDULER_DH) return chooseByDestination(pool, destination);
  if (maglevHashing.value && scheduler === SCHEDULER_MH) return chooseByMaglev(poolIndex, source, port);
  if (localityLeastConnection.value && scheduler === SCHEDULER_LBLC)
    return chooseByLocality(service, poolIndex, destination);
  if (localityWithReplication.value && scheduler === SCHEDULER_LBLCR)
    return chooseByLocalitySet(service, poolIndex, destination);
  return 0;
}
