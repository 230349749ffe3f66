// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** The programs, and the clock that they share. */
import { arrayMap, type Infer, programArray, struct, timer, u32, u64 } from "../../bpf/index.ts";

/** The programs of the datapath, all of the same source (programs.ts), between which packets are handed on. */
export const programs = programArray("programs", { entries: 16 });
export const PROGRAM_IPV4 = 0;
export const PROGRAM_IPV4_ADMISSION = 1;
export const PROGRAM_IPV6 = 2;
export const PROGRAM_IPV6_ADMISSION = 3;
export const PROGRAM_IPV4_OUTGOING = 4;
export const PROGRAM_IPV6_OUTGOING = 5;
export const PROGRAM_IPV4_ASIDE = 6;
export const PROGRAM_IPV6_ASIDE = 7;
export const PROGRAM_IPV4_RULES = 8;
export const PROGRAM_IPV6_RULES = 9;
export const PROGRAM_IPV4_PAYLOAD = 10;
export const PROGRAM_IPV6_PAYLOAD = 11;

/** The clock of the sweeper and the estimator: one timer that re-arms itself every tick. Runtime. */
export const Ticker = struct("Ticker", {
  timer,
  /** Next slot of `due` to sweep; ticks done. */
  position: u32,
  ticks: u32,
  /** Monotonic ns of the last round: a director whose clock stands still is seen. */
  lastRun: u64,
  /** Monotonic ns at which the estimator's present round began, and how long the one before took. */
  estimatedAt: u64,
  interval: u64,
  /** Next destination of the estimator's round. */
  estimatePosition: u32,
  /** Connections ended in the present run of the sweeper. */
  removed: u32,
  /** Taken slots that the sweeper has passed in its present circle. */
  taken: u32,
  spare: u32,
});
export type Ticker = Infer<typeof Ticker>;
export const ticker = arrayMap("ticker", { value: Ticker, entries: 1 });
