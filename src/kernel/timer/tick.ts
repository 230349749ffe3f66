// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What happens in each tick, with no process running: connections that are over end, floods are met, and rates are estimated. */
import { monotonicTime, timerStart, type u32 } from "../../bpf/index.ts";
import { TICK, updateTick } from "../clock.ts";
import { defend } from "../defence/defend.ts";
import type { Ticker } from "../tables.ts";
import { estimateFrom, TICKS_A_ROUND } from "./estimate.ts";
import { sweepShare } from "./sweep.ts";

/** When more connections are over than one run may end, the next one comes so soon, ns. */
const SOON = 4_000_000n;

/** The timer's callback; `clock` is the one element of `ticker`. */
export function tick(_key: u32, clock: Ticker): void {
  // First of all, so that nothing that follows can stop the clock.
  timerStart(clock, "timer", TICK);
  clock.lastRun = monotonicTime();
  updateTick();

  if (!sweepShare(clock)) {
    timerStart(clock, "timer", SOON);
    return;
  }
  defend();
  clock.ticks = (clock.ticks + 1) >>> 0;
  if (clock.ticks % TICKS_A_ROUND === 0) {
    const now = clock.lastRun;
    clock.interval = clock.estimatedAt === 0n ? 0n : now - clock.estimatedAt;
    clock.estimatedAt = now;
    clock.estimatePosition = 1;
  }
  clock.estimatePosition = estimateFrom(clock.estimatePosition, clock.interval);
}
