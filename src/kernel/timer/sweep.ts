// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The sweeper: walks `due` in a circle, an eighth of it in each tick, and ends connections whose time is over. The hot path
 * only ever moves a connection's `expires` (mostly later), so a slot that comes due is first asked whether it still is.
 */
import { atomicCompareExchange, type Infer, readOnce, repeat, struct, u32 } from "../../bpf/index.ts";
import { retire } from "../connection/retire.ts";
import { connectionTable, type Due, due, STATE_MASK, STATE_REMOVED, settings } from "../tables.ts";

/** A full circle takes so many ticks. */
export const TICKS_A_CIRCLE = 8;

/** Slots looked at in one call. */
const BATCH = 8;

/** Connections ended in one run of the timer, at most: it runs with packet processing held up on its CPU. */
const MOST_REMOVALS = 4096;

export const Sweep = struct("Sweep", {
  /** Where the run began, where it will end (not included), and how far it came. */
  start: u32,
  end: u32,
  position: u32,
  now: u32,
  removed: u32,
  reserved: u32,
});
export type Sweep = Infer<typeof Sweep>;

/** A slot that came due. Returns how many connections ended: 0 or 1. */
function visit(index: u32, entry: Due, now: u32): u32 {
  const connection = connectionTable.lookup(index);
  if (connection === null) return 0;
  const planned = readOnce(entry, "tick");
  const word = readOnce(connection, "state");
  if ((word & STATE_REMOVED) !== 0 || (word & STATE_MASK) === 0) {
    // It has rested long enough: the slot is free.
    entry.tick = 0;
    return 0;
  }
  const expires = readOnce(connection, "expires");
  if (expires > now) {
    atomicCompareExchange(entry, "tick", planned, expires);
    return 0;
  }
  return retire(connection, index, word, now) ? 1 : 0;
}

function sweepBatch(batch: u32, sweep: Sweep): u32 {
  const first = (sweep.start + batch * BATCH) >>> 0;
  for (let i = 0; i < BATCH; i++) {
    const index = first + i;
    if (index >= sweep.end) {
      sweep.position = sweep.end;
      return 1;
    }
    const entry = due.lookup(index);
    if (entry === null) return 1;
    const tick = readOnce(entry, "tick");
    if (tick !== 0 && tick <= sweep.now) sweep.removed = sweep.removed + visit(index, entry, sweep.now);
  }
  sweep.position = (first + BATCH) >>> 0;
  return sweep.removed >= MOST_REMOVALS ? 1 : 0;
}

/** Sweeps on from `position` in tick `now`. Returns where to go on; less than a tick's share was done if too much was due. */
export function sweepFrom(position: u32, now: u32, result: Sweep): void {
  const limit = settings.at(0).connectionLimit;
  const share = Math.trunc((limit + TICKS_A_CIRCLE - 1) / TICKS_A_CIRCLE);
  const start = position < limit ? position : 0;
  const end = limit - start < share ? limit : start + share;
  result.start = start;
  result.end = end >>> 0;
  result.position = start;
  result.now = now;
  result.removed = 0;
  repeat(Math.trunc((share + BATCH - 1) / BATCH), sweepBatch, result);
}

/** Whether a run ended because too many connections ended in it. */
export function wasCutShort(sweep: Sweep): boolean {
  return sweep.removed >= MOST_REMOVALS && sweep.position < sweep.end;
}
