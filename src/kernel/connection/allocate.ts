// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Slots of the connection table. Each CPU has a cursor that walks the table; the CPUs start at equal distances, so that
 * they seldom meet. A slot is taken by compare-and-exchange of its `due` from 0.
 */
import {
  atomicCompareExchange,
  cpu,
  divide64,
  type Infer,
  make,
  random,
  repeat,
  struct,
  u32,
} from "../../bpf/index.ts";
import { NO_CONNECTION } from "../flow.ts";
import { allocator, due, settings } from "../tables.ts";

/** Slots tried before giving up; after every RUN neighbouring ones the search goes on at a random place. */
const TRIES = 128;
const RUN = 16;

/** Ticks that a slot rests before it can be used again: longer than any program that may still look at it runs. */
export const REST = 2;

export const Probe = struct("Probe", { slot: u32, limit: u32, tick: u32, taken: u32 });
export type Probe = Infer<typeof Probe>;

function tryNext(i: u32, probe: Probe): u32 {
  if (i % RUN === RUN - 1) probe.slot = random();
  const slot = (probe.slot % probe.limit) >>> 0;
  probe.slot = slot + 1;
  const entry = due.lookup(slot);
  if (entry === null) return 1;
  if (entry.tick !== 0 || atomicCompareExchange(entry, "tick", 0, probe.tick) !== 0) return 0;
  probe.taken = slot;
  return 1;
}

/** Takes a free slot, to be looked at by the sweeper in tick `tick` (not 0). NO_CONNECTION: (almost) all are taken. */
export function takeSlot(tick: u32): u32 {
  const mine = allocator.lookup(0);
  if (mine === null) return NO_CONNECTION;
  const limit = settings.at(0).connectionLimit;
  let slot = mine.next;
  if (mine.started === 0) {
    mine.started = 1;
    const share = divide64(BigInt(limit) * BigInt(cpu()), BigInt(settings.at(0).cpus));
    slot = Number(share & 0xffffffffn);
  }
  if (slot >= limit) slot = 0;
  const entry = due.lookup(slot);
  if (entry === null) return NO_CONNECTION;
  mine.next = (slot + 1) >>> 0;
  if (entry.tick === 0 && atomicCompareExchange(entry, "tick", 0, tick) === 0) return slot;
  const probe = make(Probe, { slot: mine.next, limit, tick, taken: NO_CONNECTION });
  repeat(TRIES, tryNext, probe);
  mine.next = probe.slot;
  return probe.taken;
}
