// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Least connection, plain and weighted: the usable member with the least load (divided by its weight, if weighted). The
 * first in list order wins a tie. An active connection weighs as much as 256 inactive ones. (Recordings: scheduling/lc,
 * scheduling/wlc.)
 */
import { type Infer, make, repeat, struct, u32, u64 } from "../../bpf/index.ts";
import { thresholds } from "../options.ts";
import { isOverloaded } from "../state/activity.ts";
import { type Destination, destinationTable, members, type Pool } from "../tables.ts";

/** The load of a server. */
export function loadOf(server: Destination): u64 {
  return BigInt(server.active * 256 + server.inactive);
}

export const Least = struct("Least", {
  start: u32,
  weighted: u32,
  /** The best so far: its load and weight, and the destination (0: none). */
  load: u64,
  weight: u32,
  chosen: u32,
});
export type Least = Infer<typeof Least>;

function leastStep(position: u32, least: Least): u32 {
  const member = members.lookup((least.start + position) >>> 0);
  if (member === null) return 1;
  const weight = member.weight;
  if (weight === 0) return 0;
  const server = destinationTable.lookup(member.destination);
  if (server === null) return 0;
  if (thresholds.value && isOverloaded(server)) return 0;
  const load = loadOf(server);
  // Loads stay below 2^33 as connections are below 2^25, so that the products, of weights below 2^31, fit.
  const divisor = least.weighted === 0 ? 1 : weight;
  if (least.chosen !== 0) {
    const mine = BigInt.asUintN(64, load * BigInt(least.weight));
    const best = BigInt.asUintN(64, least.load * BigInt(divisor));
    if (mine >= best) return 0;
  }
  least.load = load;
  least.weight = divisor;
  least.chosen = member.destination;
  return 0;
}

/** Chooses a destination of the pool; 0: none is usable. `weighted` 1: loads are divided by weights; 0: as they are. */
export function chooseLeast(pool: Pool, weighted: u32): u32 {
  const unknown = pool.zero;
  const least = make(Least, {
    start: pool.start,
    weighted,
    load: BigInt(unknown),
    weight: unknown,
    chosen: unknown,
  });
  repeat(pool.count, leastStep, least);
  return least.chosen;
}
