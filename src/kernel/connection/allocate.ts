// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Slots of the connection table. Each CPU has a cursor that walks the table; the CPUs start at equal distances, so that
 * they seldom meet. A slot is taken by compare-and-exchange of its `due` from 0.
 */
import { atomicCompareExchange, cpu, divide64, random, type u32 } from "../../bpf/index.ts";
import { NO_CONNECTION } from "../flow.ts";
import { allocator, due, settings } from "../tables.ts";

/** Neighbouring slots tried before the cursor jumps to a random place, and how often it jumps before giving up. */
const RUN = 16;
const JUMPS = 8;

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
  for (let jump = 0; jump < JUMPS; jump++) {
    for (let i = 0; i < RUN; i++) {
      if (slot >= limit) slot = 0;
      const entry = due.lookup(slot);
      if (entry === null) return NO_CONNECTION;
      if (entry.tick === 0 && atomicCompareExchange(entry, "tick", 0, tick) === 0) {
        mine.next = slot + 1;
        return slot;
      }
      slot = (slot + 1) >>> 0;
    }
    slot = (random() % limit) >>> 0;
  }
  mine.next = slot;
  return NO_CONNECTION;
}
