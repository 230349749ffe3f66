// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Weighted round robin: rounds through the list with a falling current weight; in each round every usable member of at
 * least that weight gets one connection. After an edit the round begins again at the head of the list; whoever edits it says
 * in `Pool.initialWeight` with which current weight. (Recordings: scheduling/wrr.)
 *
 * Rounds in which nobody would get a turn are not walked but skipped: the current weight falls at once to the first
 * step at which somebody does.
 */
import { atomicCompareExchange, make, readOnce, repeat, trace, type u32 } from "../../bpf/index.ts";
import { type Pool, pools, serviceTable } from "../tables.ts";
import { isUsable, memberAt, NOWHERE, Search, search, TRIES, Turn } from "./member.ts";
import { highestStep } from "./wrr-weight.ts";

const POSITION_MASK = 0xffffn;
const WEIGHT_SHIFT = 16n;
const WEIGHT_MASK = 0x7fffffffn;
const GENERATION_SHIFT = 47n;
const GENERATION_MASK = 0x1ffff;

/**
 * Looks for the next turn: from position `from` on with at least `weight`, or in the next round that gives anyone a turn.
 * Leaves the position in `turn.found` (NOWHERE: nobody is usable) and the current weight in `turn.weight`.
 */
function nextTurn(pool: Pool, from: u32, weight: u32, highest: u32, turn: Search): void {
  const count = pool.count;
  if (from < count) {
    const first = memberAt(pool, from);
    if (first !== null && isUsable(first, weight)) {
      turn.found = from;
      turn.weight = weight;
      return;
    }
    search(pool, from, (count - from) >>> 0, weight, turn);
    if (turn.found !== NOWHERE) return;
  }
  const divisor = pool.weightDivisor;
  const lowered = weight > divisor ? (weight - divisor) >>> 0 : highest;
  search(pool, 0, count, lowered, turn);
  if (turn.found !== NOWHERE || turn.heaviest === 0) return;
  turn.found = turn.heaviestAt;
  turn.weight = highestStep(turn.heaviest, divisor);
}

function takeTurn(_round: u32, turn: Turn): u32 {
  const service = serviceTable.lookup(turn.service);
  const pool = pools.lookup(turn.pool);
  if (service === null || pool === null) return 1;
  const highest = highestStep(pool.maximumWeight, pool.weightDivisor);
  if (highest === 0) return 1;
  const cursor = readOnce(service, "cursor");
  let from = Number(cursor & POSITION_MASK);
  let weight = Number((cursor >> WEIGHT_SHIFT) & WEIGHT_MASK);
  if (Number(cursor >> GENERATION_SHIFT) !== (pool.generation & GENERATION_MASK)) {
    from = 0;
    weight = pool.initialWeight;
  }
  const next = make(Search);
  nextTurn(pool, from, weight, highest, next);
  trace("weighted-turn", from, weight, next.found, next.weight);
  const member = memberAt(pool, next.found);
  if (member === null) return 1;
  turn.chosen = member.destination;
  const moved =
    BigInt((next.found + 1) & 0xffff) |
    (BigInt(next.weight & 0x7fffffff) << WEIGHT_SHIFT) |
    (BigInt(pool.generation & GENERATION_MASK) << GENERATION_SHIFT);
  return atomicCompareExchange(service, "cursor", cursor, moved) === cursor ? 1 : 0;
}

/** Chooses a destination of the pool for the service, both by slot; 0: none is usable. */
export function chooseWeightedRoundRobin(service: u32, pool: u32): u32 {
  const turn = make(Turn, { service, pool });
  repeat(TRIES, takeTurn, turn);
  return turn.chosen;
}
