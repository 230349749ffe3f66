// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { u32 } from "../../bpf/index.ts";
import { chooseLeast, LEAST_DELAY } from "./least.ts";

/** Shortest expected delay: the least (active + 1) / weight. Inactive connections, so all of UDP's, do not count. */
export function chooseShortestExpectedDelay(poolIndex: u32): u32 {
  return chooseLeast(poolIndex, LEAST_DELAY);
}
