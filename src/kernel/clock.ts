// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { coarseTime, type u32 } from "../bpf/index.ts";
import { TICK_SHIFT } from "./tables.ts";

/** Nanoseconds of a tick. */
export const TICK = 1n << TICK_SHIFT;

/** The present tick. */
export function currentTick(): u32 {
  return Number((coarseTime() >> TICK_SHIFT) & 0xffffffffn);
}
