// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Locality-based least connection: the server that the packet's destination address went to before, unless it is gone, quiesced or
 * crowded; then, and for new addresses, the one with the least load for its weight, which is remembered. What has not
 * been used for `lblc_expiration` seconds is forgotten at the next half hour. (Recordings: scheduling/lblc.)
 *
 * A remembered server is kept although it is overloaded by its thresholds.
 */
import { make, trace, type u32 } from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { SYSCTL_LBLC_EXPIRATION } from "../sysctls.ts";
import { Locality, LocalityKey, localities, pools, serviceTable } from "../tables.ts";
import { chooseLeast, LEAST_LOAD_FOR_WEIGHT } from "./least.ts";
import { isCrowded, isForgotten, setLocalityKey, sysctl } from "./locality.ts";
import { rememberedServer, serverWord } from "./server-word.ts";

/** The destination remembered for an address, if it is good for another connection, or 0. @separate */
function rememberedFor(index: u32, poolIndex: u32, address: u32): u32 {
  const service = serviceTable.lookup(index);
  const pool = pools.lookup(poolIndex);
  if (service === null || pool === null) return 0;
  const now = currentTick();
  const key = make(LocalityKey);
  setLocalityKey(key, index, service, address);
  const known = localities.lookup(key);
  if (known === null || isForgotten(service, known.usedAt, now, sysctl(SYSCTL_LBLC_EXPIRATION))) return 0;
  known.usedAt = now;
  const word = known.server;
  const server = rememberedServer(word, index);
  trace("remembered", word >>> 16);
  if (server === null || server.available === 0 || server.weight === 0 || isCrowded(pool, server)) return 0;
  return word >>> 16;
}

/** Remembers a destination for an address. @separate */
function remember(index: u32, address: u32, destination: u32): u32 {
  const service = serviceTable.lookup(index);
  if (service === null) return 0;
  const key = make(LocalityKey);
  setLocalityKey(key, index, service, address);
  return (
    localities.update(key, make(Locality, { server: serverWord(destination), usedAt: currentTick() })) >>> 0
  );
}

/** Chooses a destination of the pool for the service, both by slot; 0: none is usable. */
export function chooseByLocality(index: u32, poolIndex: u32, address: u32): u32 {
  const kept = rememberedFor(index, poolIndex, address);
  if (kept !== 0) return kept;
  const chosen = chooseLeast(poolIndex, LEAST_LOAD_FOR_WEIGHT);
  if (chosen !== 0) remember(index, address, chosen);
  return chosen;
}
