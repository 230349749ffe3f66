// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Two random choices: two usable members are drawn, each with probability proportional to its weight (they may be the same), and
 * the one with the lesser load for its weight is chosen.
 */
import { type Infer, make, modulo64, random, repeat, struct, trace, u32, u64 } from "../../bpf/index.ts";
import { destinationTable, members, pools } from "../tables.ts";
import { loadOf } from "./least.ts";
import { isUsable } from "./member.ts";

export const Lots = struct("Lots", {
  /** Of the usable members seen so far: the sum of weights. */
  sum: u64,
  /** The lots: a member is drawn when the sum, with its weight, exceeds one. */
  first: u64,
  second: u64,
  start: u32,
  reserved: u32,
  /** The destinations drawn (0: none yet), and their weights. */
  firstDrawn: u32,
  firstWeight: u32,
  secondDrawn: u32,
  secondWeight: u32,
});
export type Lots = Infer<typeof Lots>;

function sumStep(position: u32, lots: Lots): u32 {
  const member = members.lookup((lots.start + position) >>> 0);
  if (member === null) return 1;
  if (isUsable(member, 1)) lots.sum = lots.sum + BigInt(member.weight);
  return 0;
}

function drawStep(position: u32, lots: Lots): u32 {
  const member = members.lookup((lots.start + position) >>> 0);
  if (member === null) return 1;
  if (!isUsable(member, 1)) return 0;
  const weight = member.weight;
  const destination = member.destination;
  const sum = BigInt.asUintN(64, lots.sum + BigInt(weight));
  lots.sum = sum;
  if (lots.firstDrawn === 0 && sum > lots.first) {
    lots.firstDrawn = destination;
    lots.firstWeight = weight;
  }
  if (lots.secondDrawn === 0 && sum > lots.second) {
    lots.secondDrawn = destination;
    lots.secondWeight = weight;
  }
  return lots.firstDrawn !== 0 && lots.secondDrawn !== 0 ? 1 : 0;
}

function random64(): u64 {
  return (BigInt(random()) << 32n) | BigInt(random());
}

/** Of two members that were drawn, with their weights, the one with the lesser load for its weight; the first of equals. */
export function lighterOf(first: u32, firstWeight: u32, second: u32, secondWeight: u32): u32 {
  const one = destinationTable.lookup(first);
  const other = destinationTable.lookup(second);
  // Members that became overloaded meanwhile may leave a lot without an owner.
  if (first === 0 || one === null) return second;
  if (second === 0 || other === null) return first;
  trace("load", first, loadOf(one), firstWeight);
  trace("load", second, loadOf(other), secondWeight);
  const mine = BigInt.asUintN(64, loadOf(one) * BigInt(secondWeight));
  const others = BigInt.asUintN(64, loadOf(other) * BigInt(firstWeight));
  return others < mine ? second : first;
}

/** Chooses a destination of the pool in that slot; 0: none is usable. @separate */
export function chooseOfTwo(poolIndex: u32): u32 {
  const pool = pools.lookup(poolIndex);
  if (pool === null) return 0;
  const unknown = pool.zero;
  const none = BigInt(unknown);
  const lots = make(Lots, { start: pool.start, sum: none });
  repeat(pool.count, sumStep, lots);
  const total = lots.sum;
  if (total === 0n) return 0;
  lots.first = modulo64(random64(), total);
  lots.second = modulo64(random64(), total);
  lots.sum = none;
  lots.firstDrawn = unknown;
  lots.secondDrawn = unknown;
  repeat(pool.count, drawStep, lots);
  trace("lots", lots.firstDrawn, lots.secondDrawn);
  return lighterOf(lots.firstDrawn, lots.firstWeight, lots.secondDrawn, lots.secondWeight);
}
