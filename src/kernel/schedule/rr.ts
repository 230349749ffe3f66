// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Round robin: the next usable member in list order, after the one chosen last. Weights only say whether a member is
 * used at all. (Recordings: scheduling/rr.)
 *
 * The cursor holds a position in the list of one generation. Whoever edits the list says in `Pool.resume` where that is in the
 * new one: the turn goes on behind the same server, or, if that was removed, behind the one that stood before it.
 */
import { atomicCompareExchange, make, readOnce, repeat, trace, type u32, type u64 } from "../../bpf/index.ts";
import { type Pool, pools, serviceTable } from "../tables.ts";
import { isUsable, memberAt, NOWHERE, Search, search, TRIES, Turn } from "./member.ts";

const POSITION_MASK = 0xffffn;
const DESTINATION_SHIFT = 16n;
const GENERATION_SHIFT = 40n;
const GENERATION_MASK = 0xffffff;

/** The position that the next choice comes after, or NOWHERE. */
export function lastPosition(cursor: u64, pool: Pool): u32 {
  const isCurrent = Number(cursor >> GENERATION_SHIFT) === (pool.generation & GENERATION_MASK);
  return isCurrent ? Number(cursor & POSITION_MASK) : pool.resume;
}

/** The position of the next usable member after `last`, or NOWHERE. */
export function nextPosition(pool: Pool, last: u32): u32 {
  const count = pool.count;
  const following = (last + 1) >>> 0;
  const from = following < count && last !== NOWHERE ? following : 0;
  const first = memberAt(pool, from);
  if (first === null) return NOWHERE;
  if (isUsable(first, 1)) return from;
  const result = make(Search);
  search(pool, from, count, 1, result);
  return result.found;
}

function takeTurn(_round: u32, turn: Turn): u32 {
  const service = serviceTable.lookup(turn.service);
  const pool = pools.lookup(turn.pool);
  if (service === null || pool === null) return 1;
  const cursor = readOnce(service, "cursor");
  const position = nextPosition(pool, lastPosition(cursor, pool));
  trace("turn", lastPosition(cursor, pool), position);
  const member = memberAt(pool, position);
  if (member === null) return 1;
  const chosen = member.destination;
  turn.chosen = chosen;
  const next =
    BigInt(position & 0xffff) |
    (BigInt(chosen & 0xffffff) << DESTINATION_SHIFT) |
    (BigInt(pool.generation & GENERATION_MASK) << GENERATION_SHIFT);
  return atomicCompareExchange(service, "cursor", cursor, next) === cursor ? 1 : 0;
}

/** Chooses a destination of the pool for the service, both by slot; 0: none is usable. */
export function chooseRoundRobin(service: u32, pool: u32): u32 {
  const turn = make(Turn, { service, pool });
  repeat(TRIES, takeTurn, turn);
  return turn.chosen;
}
