// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** A program that does what the clock does, when it is told: so that a fuzzed director's time is ours. */
import type { Packet, u32 } from "../../bpf/index.ts";
import { ticker } from "../tables.ts";
import { sweepShare } from "../timer/sweep.ts";

/** One tick's share of the sweeper's work. 0: done. */
export function sweepOnce(_packet: Packet): u32 {
  const clock = ticker.lookup(0);
  if (clock === null) return 1;
  return sweepShare(clock) ? 0 : 2;
}
