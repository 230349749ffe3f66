// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { type Packet, random, timerCallback, timerInit, timerStart, type u32 } from "../bpf/index.ts";
import { TICK, updateTick } from "./clock.ts";
import { pressure, ticker } from "./tables.ts";
import { tick } from "./timer/tick.ts";

const EBUSY = -16;

/**
 * Starts the clock, or hands a clock that runs already to this program's code. A program of its own, run once by whoever loads
 * the datapath; it may be run again at any time. Returns 0, or which step failed: 1 no clock, 2 prepare, 3 callback, 4 start.
 */
export function arm(_packet: Packet): u32 {
  // Both come before the first packet, as the datapath is attached after the clock runs.
  updateTick();
  if (pressure.at(0).seed === 0) pressure.at(0).seed = random();
  const clock = ticker.lookup(0);
  if (clock === null) return 1;
  const prepared = timerInit(ticker, clock, "timer");
  if (prepared !== 0 && prepared !== EBUSY) return 2;
  if (timerCallback(clock, "timer", tick) !== 0) return 3;
  return timerStart(clock, "timer", TICK) === 0 ? 0 : 4;
}
