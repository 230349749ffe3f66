// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The sweeper: walks `due` in a circle, an eighth of it in each tick, and ends connections whose time is over. The hot path
 * only ever moves a connection's `expires` (mostly later), so a slot that comes due is first asked whether it still is.
 */
import { atomicCompareExchange, type Infer, make, readOnce, repeat, struct, u32 } from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { retire } from "../connection/retire.ts";
import { isHeld } from "../ftp/control.ts";
import { ftp } from "../options.ts";
import { PUT_OFF } from "../persistence/template.ts";
import { dueNoLaterThan } from "../state/follow.ts";
import {
  connectionTable,
  type Due,
  due,
  KIND_TEMPLATE,
  pressure,
  STATE_ENDED,
  STATE_MASK,
  STATE_REMOVED,
  settings,
  type Ticker,
  ticker,
} from "../tables.ts";

/** A full circle takes so many ticks. */
export const TICKS_A_CIRCLE = 8;

/** Slots looked at in one call. */
const BATCH = 16;

/** Connections ended in one run of the timer, at most: it runs with packet processing held up on its CPU. */
const MOST_REMOVALS = 4096;

/**
 * Slots `first` to `end` (not included), as of tick `now`. What a sweep counts is in `ticker`: the verifier follows numbers on
 * the stack from one call of a callback to the next, and would never be done with one that grows.
 */
export const Sweep = struct("Sweep", { first: u32, end: u32, now: u32 });
export type Sweep = Infer<typeof Sweep>;

/** A slot that came due. Returns how many connections ended: 0 or 1. */
function visit(index: u32, entry: Due, now: u32): u32 {
  const connection = connectionTable.lookup(index);
  if (connection === null) return 0;
  const planned = readOnce(entry, "tick");
  const word = readOnce(connection, "state");
  if ((word & STATE_REMOVED) !== 0 || (word & STATE_MASK) === 0) {
    // It has rested long enough: the slot is free.
    atomicCompareExchange(entry, "tick", planned, 0);
    return 0;
  }
  const expires = readOnce(connection, "expires");
  if ((word & STATE_ENDED) === 0) {
    if (expires > now) {
      atomicCompareExchange(entry, "tick", planned, expires);
      // A packet may have brought its end nearer, and seen that it was looked for sooner still.
      const nearer = readOnce(connection, "expires");
      if (nearer < expires) dueNoLaterThan(index, nearer);
      return 0;
    }
    const isFollowed = (connection.kind & KIND_TEMPLATE) !== 0 && connection.control !== 0;
    if (isFollowed || (ftp.value && isHeld(connection, index))) {
      connection.expires = (now + PUT_OFF) >>> 0;
      atomicCompareExchange(entry, "tick", planned, (now + PUT_OFF) >>> 0);
      return 0;
    }
  }
  return retire(connection, index, word, now) ? 1 : 0;
}

function sweepSlot(i: u32, sweep: Sweep): u32 {
  const index = (sweep.first + i) >>> 0;
  const entry = due.lookup(index);
  const clock = ticker.lookup(0);
  if (entry === null || clock === null || index >= sweep.end) return 1;
  const tick = readOnce(entry, "tick");
  if (tick !== 0 && tick <= sweep.now) clock.removed = clock.removed + visit(index, entry, sweep.now);
  return 0;
}

/** Looks through the next slots; only if one came due, goes through them again one by one. */
function sweepBatch(batch: u32, sweep: Sweep): u32 {
  const clock = ticker.lookup(0);
  if (clock === null) return 1;
  const first = (sweep.first + batch * BATCH) >>> 0;
  const now = sweep.now;
  const left = (sweep.end - first) | 0;
  let some = 0;
  let taken = 0;
  for (let i = 0; i < BATCH; i++) {
    const entry = due.lookup((first + i) >>> 0);
    if (entry !== null) {
      const tick = readOnce(entry, "tick");
      // 0, a free slot, becomes the largest number.
      if ((tick - 1) >>> 0 < now) some = 1;
      // Without a branch: 1 for a slot before the end that is not free. The verifier would walk every way through these.
      taken = (taken + (((tick | (0 - tick)) & (i - left)) >>> 31)) >>> 0;
    }
  }
  clock.taken = (clock.taken + taken) >>> 0;
  if (some !== 0) {
    const slots = make(Sweep, { first, end: sweep.end, now });
    repeat(BATCH, sweepSlot, slots);
  }
  const next = (first + BATCH) >>> 0;
  clock.position = Math.min(next, sweep.end);
  return next >= sweep.end || clock.removed >= MOST_REMOVALS ? 1 : 0;
}

/**
 * Sweeps on from where the last run ended. Answers false if more connections were over than one run may end: then it did
 * less than a tick's share.
 */
export function sweepShare(clock: Ticker): boolean {
  const limit = settings.at(0).connectionLimit;
  const share = Math.trunc((limit + TICKS_A_CIRCLE - 1) / TICKS_A_CIRCLE);
  const position = clock.position;
  const first = position < limit ? position : 0;
  if (position >= limit) {
    // A new circle.
    pressure.at(0).taken = clock.taken;
    clock.taken = 0;
  }
  const end = limit - first < share ? limit : first + share;
  clock.removed = 0;
  const sweep = make(Sweep, { first, end: end >>> 0, now: currentTick() });
  repeat(Math.trunc((share + BATCH - 1) / BATCH), sweepBatch, sweep);
  return clock.removed < MOST_REMOVALS;
}
