// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Locality-based least connection with replication: of the servers that the packet's destination address went to before, the one
 * with the least load for its weight. If that is crowded, or none is usable, the least loaded of all joins them. A set of more than one
 * that has not changed for `lblcr_expiration` seconds loses its most loaded server, and one that has not been used for so long is
 * forgotten. (Recordings: scheduling/lblcr.)
 *
 * Of equals the one that joined last is taken, both to use and to remove.
 */
import { make, type u32 } from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { SYSCTL_LBLCR_EXPIRATION } from "../sysctls.ts";
import {
  destinationTable,
  LOCALITY_SERVERS,
  LocalityKey,
  LocalitySet,
  localitySets,
  type Pool,
  pools,
  serviceTable,
} from "../tables.ts";
import { chooseLeast, LEAST_LOAD_FOR_WEIGHT, loadOf } from "./least.ts";
import { isCrowded, isOver, setLocalityKey, sysctl } from "./locality.ts";
import { takesConnections } from "./member.ts";
import { rememberedServer, serverWord } from "./server-word.ts";

/** No place in a set. */
const NOWHERE = LOCALITY_SERVERS;

/** The destination of the set with the least load for its weight that is usable; 0: none is. */
function leastOf(set: LocalitySet, service: u32): u32 {
  const count = set.count;
  let chosen = 0;
  let load = 0n;
  let weight = 0;
  for (let i = LOCALITY_SERVERS - 1; i >= 0; i--) {
    if (i >= count) continue;
    const word = set.servers[i]!;
    const server = rememberedServer(word, service);
    if (server === null || server.available === 0 || server.weight === 0) continue;
    if (!takesConnections(word >>> 16)) continue;
    const mine = loadOf(server);
    if (chosen !== 0) {
      const others = BigInt.asUintN(64, load * BigInt(server.weight));
      if (BigInt.asUintN(64, mine * BigInt(weight)) >= others) continue;
    }
    chosen = word >>> 16;
    load = mine;
    weight = server.weight;
  }
  return chosen;
}

/** The place in the set of the server with the greatest load for its weight, or of one that is not the service's any more. */
function mostOf(set: LocalitySet, service: u32): u32 {
  const count = set.count;
  let place = NOWHERE;
  let load = 0n;
  let weight = 0;
  for (let i = LOCALITY_SERVERS - 1; i >= 0; i--) {
    if (i >= count) continue;
    const server = rememberedServer(set.servers[i]!, service);
    if (server === null) return i;
    if (server.weight === 0) continue;
    const mine = loadOf(server);
    if (place !== NOWHERE) {
      const others = BigInt.asUintN(64, load * BigInt(server.weight));
      if (BigInt.asUintN(64, mine * BigInt(weight)) <= others) continue;
    }
    place = i;
    load = mine;
    weight = server.weight;
  }
  return place;
}

/** Takes the server at a place out of a set. */
function removeAt(set: LocalitySet, place: u32, now: u32): void {
  const count = set.count;
  if (place >= count) return;
  for (let i = 0; i < LOCALITY_SERVERS - 1; i++) {
    if (i >= place) set.servers[i] = set.servers[i + 1]!;
  }
  set.count = (count - 1) >>> 0;
  set.changedAt = now;
}

/** Puts a destination into a set, if it is not in it; into a full one instead of the most loaded. */
function join(set: LocalitySet, service: u32, destination: u32, now: u32): void {
  const word = serverWord(destination);
  for (let i = 0; i < LOCALITY_SERVERS; i++) {
    if (i < set.count && set.servers[i]! === word) return;
  }
  if (set.count >= LOCALITY_SERVERS) {
    const most = mostOf(set, service);
    removeAt(set, most === NOWHERE ? 0 : most, now);
  }
  const count = set.count;
  if (count >= LOCALITY_SERVERS) return;
  set.servers[count] = word;
  set.count = count + 1;
  set.changedAt = now;
}

/** The set's server for a new connection, or 0 if all are crowded or unusable. Sets that are long unchanged shrink. */
function keep(set: LocalitySet, index: u32, pool: Pool, now: u32): u32 {
  const least = leastOf(set, index);
  if (set.count > 1 && isOver(set.changedAt, now, sysctl(SYSCTL_LBLCR_EXPIRATION)))
    removeAt(set, mostOf(set, index), now);
  const server = destinationTable.lookup(least);
  if (least === 0 || server === null) return 0;
  return isCrowded(pool, server) ? 0 : least;
}

/** Chooses a destination of the pool for the service, both by slot; 0: none is usable. @separate */
export function chooseByLocalitySet(index: u32, poolIndex: u32, destination: u32): u32 {
  const service = serviceTable.lookup(index);
  const pool = pools.lookup(poolIndex);
  if (service === null || pool === null) return 0;
  const now = currentTick();
  const key = make(LocalityKey);
  setLocalityKey(key, index, service, destination);
  const known = localitySets.lookup(key);
  if (known !== null) {
    if (isOver(known.usedAt, now, sysctl(SYSCTL_LBLCR_EXPIRATION))) known.count = 0;
    known.usedAt = now;
    const kept = keep(known, index, pool, now);
    if (kept !== 0) return kept;
  }
  const chosen = chooseLeast(pool, LEAST_LOAD_FOR_WEIGHT);
  if (chosen === 0) return 0;
  if (known !== null) {
    join(known, index, chosen, now);
    return chosen;
  }
  const set = make(LocalitySet, { usedAt: now, changedAt: now, count: 1 });
  set.servers[0] = serverWord(chosen);
  localitySets.update(key, set);
  return chosen;
}
