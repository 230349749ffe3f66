// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Locality-based least connection with replication: of the servers that the packet's destination address went to before, the one
 * with the least load for its weight. If that is crowded, or none is usable, the least loaded of all joins them. A set of more than one
 * that has not changed for `lblcr_expiration` seconds loses its most loaded server, and one that has not been used for so long is
 * forgotten at the next half hour. (Recordings: scheduling/lblcr.)
 */
import { copy, make, trace, type u32 } from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { SYSCTL_LBLCR_EXPIRATION } from "../sysctls.ts";
import { destinationTable, LocalityKey, localitySets, pools, serviceTable, setInHand } from "../tables.ts";
import { chooseLeast, LEAST_LOAD_FOR_WEIGHT } from "./least.ts";
import { isCrowded, isForgotten, isOver, setLocalityKey, sysctl } from "./locality.ts";
import { join, leastOf, removeMost } from "./locality-set.ts";

/** The least loaded server of an address's set, if it is good for another connection, or 0. @separate */
function keptFor(index: u32, poolIndex: u32, address: u32): u32 {
  const service = serviceTable.lookup(index);
  const pool = pools.lookup(poolIndex);
  const set = setInHand.lookup(0);
  if (service === null || pool === null || set === null) return 0;
  const now = currentTick();
  const key = make(LocalityKey);
  setLocalityKey(key, index, service, address);
  const known = localitySets.lookup(key);
  const expiration = sysctl(SYSCTL_LBLCR_EXPIRATION);
  if (known === null || isForgotten(service, known.usedAt, now, expiration)) return 0;
  known.usedAt = now;
  copy(set, known);
  const least = leastOf(set, index, pool.zero);
  trace("remembered", least);
  if (set.count > 1 && isOver(set.changedAt, now, expiration)) {
    removeMost(set, index, pool.zero, now);
    localitySets.update(key, set);
  }
  const server = destinationTable.lookup(least);
  return least === 0 || server === null || isCrowded(pool, server) ? 0 : least;
}

/** A destination joins an address's set. @separate */
function joinFor(index: u32, poolIndex: u32, address: u32, destination: u32): u32 {
  const service = serviceTable.lookup(index);
  const pool = pools.lookup(poolIndex);
  const set = setInHand.lookup(0);
  if (service === null || pool === null || set === null) return 0;
  const now = currentTick();
  const key = make(LocalityKey);
  setLocalityKey(key, index, service, address);
  const known = localitySets.lookup(key);
  if (known !== null) copy(set, known);
  if (known === null || isForgotten(service, known.usedAt, now, sysctl(SYSCTL_LBLCR_EXPIRATION)))
    set.count = 0;
  set.usedAt = now;
  join(set, index, destination, pool.zero, now);
  return localitySets.update(key, set) >>> 0;
}

/** Chooses a destination of the pool for the service, both by slot; 0: none is usable. */
export function chooseByLocalitySet(index: u32, poolIndex: u32, address: u32): u32 {
  const kept = keptFor(index, poolIndex, address);
  if (kept !== 0) return kept;
  const chosen = chooseLeast(poolIndex, LEAST_LOAD_FOR_WEIGHT);
  if (chosen !== 0) joinFor(index, poolIndex, address, chosen);
  return chosen;
}
