// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Time in ticks. The timer writes the present one into memory, where the hot path reads it: asking the kernel would cost a
 * call for each packet. It may be late by a tick, and stands still if the timer does.
 */
import { monotonicTime, type u32 } from "../bpf/index.ts";
import { pressure, TICK_SHIFT } from "./tables.ts";

/** Nanoseconds of a tick. */
export const TICK = 1n << TICK_SHIFT;

/** The present tick. */
export function currentTick(): u32 {
  return pressure.at(0).now;
}

/** Brings the present tick up to date. */
export function updateTick(): void {
  pressure.at(0).now = Number((monotonicTime() >> TICK_SHIFT) & 0xffffffffn);
}
