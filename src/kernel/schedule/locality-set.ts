// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The set of servers that lblcr has in hand, in `setInHand`: its least and most loaded server, joining and leaving. Of
 * equals the one that joined last is taken in both cases.
 */
import { type Infer, make, repeat, struct, u32, u64 } from "../../bpf/index.ts";
import { LOCALITY_SERVERS, type LocalitySet, setInHand } from "../tables.ts";
import { loadOf } from "./least.ts";
import { takesConnections } from "./member.ts";
import { rememberedServer, serverWord } from "./server-word.ts";

/** No place in a set. */
const NOWHERE = LOCALITY_SERVERS;

export const SetSearch = struct("SetSearch", {
  service: u32,
  count: u32,
  /** The best so far: its place, destination, load and weight; `found` 0: none. */
  found: u32,
  place: u32,
  destination: u32,
  weight: u32,
  load: u64,
});
export type SetSearch = Infer<typeof SetSearch>;

function leastStep(round: u32, search: SetSearch): u32 {
  const set = setInHand.lookup(0);
  if (set === null) return 1;
  const word = set.servers[(search.count - 1 - round) & (LOCALITY_SERVERS - 1)]!;
  const server = rememberedServer(word, search.service);
  if (server === null || server.available === 0) return 0;
  const weight = server.weight;
  if (weight === 0 || !takesConnections(word >>> 16)) return 0;
  const load = loadOf(server);
  if (search.found !== 0) {
    const best = BigInt.asUintN(64, search.load * BigInt(weight));
    if (BigInt.asUintN(64, load * BigInt(search.weight)) >= best) return 0;
  }
  search.found = 1;
  search.destination = word >>> 16;
  search.load = load;
  search.weight = weight;
  return 0;
}

function mostStep(round: u32, search: SetSearch): u32 {
  const set = setInHand.lookup(0);
  if (set === null) return 1;
  const place = (search.count - 1 - round) & (LOCALITY_SERVERS - 1);
  const server = rememberedServer(set.servers[place]!, search.service);
  if (server === null) {
    search.place = place;
    return 1;
  }
  const weight = server.weight;
  if (weight === 0) return 0;
  const load = loadOf(server);
  if (search.found !== 0) {
    const best = BigInt.asUintN(64, search.load * BigInt(weight));
    if (BigInt.asUintN(64, load * BigInt(search.weight)) <= best) return 0;
  }
  search.found = 1;
  search.place = place;
  search.load = load;
  search.weight = weight;
  return 0;
}

function startOf(set: LocalitySet, service: u32, zero: u32, search: SetSearch): void {
  search.service = service;
  search.count = set.count;
  search.found = zero;
  search.destination = zero;
  search.place = (zero + NOWHERE) >>> 0;
  search.weight = zero;
  search.load = BigInt(zero);
}

/** The destination with the least load for its weight among those that are usable; 0: none is. `zero`: `Pool.zero`. */
export function leastOf(set: LocalitySet, service: u32, zero: u32): u32 {
  const search = make(SetSearch);
  startOf(set, service, zero, search);
  repeat(Math.min(set.count, LOCALITY_SERVERS), leastStep, search);
  return search.destination;
}

/** Takes out the server with the greatest load for its weight, or one that is not the service's any more. */
export function removeMost(set: LocalitySet, service: u32, zero: u32, now: u32): void {
  const search = make(SetSearch);
  startOf(set, service, zero, search);
  repeat(Math.min(set.count, LOCALITY_SERVERS), mostStep, search);
  const place = search.place;
  if (place >= set.count) return;
  for (let i = 0; i < LOCALITY_SERVERS - 1; i++) {
    if (i >= place) set.servers[i] = set.servers[i + 1]!;
  }
  set.count = (set.count - 1) >>> 0;
  set.changedAt = now;
}

/** Puts a destination into a set, if it is not in it; into a full one instead of the most loaded. */
export function join(set: LocalitySet, service: u32, destination: u32, zero: u32, now: u32): void {
  const word = serverWord(destination);
  for (let i = 0; i < LOCALITY_SERVERS; i++) {
    if (i < set.count && set.servers[i]! === word) return;
  }
  if (set.count >= LOCALITY_SERVERS) removeMost(set, service, zero, now);
  const count = set.count;
  if (count >= LOCALITY_SERVERS) return;
  set.servers[count] = word;
  set.count = count + 1;
  set.changedAt = now;
}
