// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The usable member of a pool with the least load, by one of four measures. The first in list order wins a tie.
 * (Recordings: scheduling/lc, wlc, sed, nq.)
 */
import { type Infer, make, repeat, struct, trace, u32, u64 } from "../../bpf/index.ts";
import { thresholds } from "../options.ts";
import { isOverloaded } from "../state/activity.ts";
import { type Destination, destinationTable, members, pools } from "../tables.ts";

/** The load as it is. */
export const LEAST_LOAD = 0;
/** The load divided by the weight. */
export const LEAST_LOAD_FOR_WEIGHT = 1;
/** What active connections will be with the new one, divided by the weight. */
export const LEAST_DELAY = 2;
/** The same, but a member without active connections is taken at once. */
export const LEAST_DELAY_OR_IDLE = 3;

/** The load of a server: an active connection weighs as much as 256 inactive ones. Below 2^33. */
export function loadOf(server: Destination): u64 {
  return BigInt(server.active * 256 + server.inactive);
}

export const Least = struct("Least", {
  start: u32,
  /** LEAST_*. */
  measure: u32,
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
  const measure = least.measure;
  if (measure === LEAST_DELAY_OR_IDLE && server.active === 0) {
    trace("idle", member.destination);
    least.chosen = member.destination;
    return 1;
  }
  const load = measure >= LEAST_DELAY ? BigInt(server.active + 1) : loadOf(server);
  const divisor = measure === LEAST_LOAD ? 1 : weight;
  trace("load", member.destination, load, divisor);
  if (least.chosen !== 0) {
    // Connections are fewer than 2^25 and weights below 2^31: the products fit.
    const mine = BigInt.asUintN(64, load * BigInt(least.weight));
    const best = BigInt.asUintN(64, least.load * BigInt(divisor));
    if (mine >= best) return 0;
  }
  least.load = load;
  least.weight = divisor;
  least.chosen = member.destination;
  return 0;
}

/** Chooses a destination of the pool in that slot; 0: none is usable. `measure` is one of LEAST_*. @separate */
export function chooseLeast(poolIndex: u32, measure: u32): u32 {
  const pool = pools.lookup(poolIndex);
  if (pool === null) return 0;
  const unknown = pool.zero;
  const least = make(Least, {
    start: pool.start,
    measure,
    load: BigInt(unknown),
    weight: unknown,
    chosen: unknown,
  });
  repeat(pool.count, leastStep, least);
  return least.chosen;
}
