// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { u32 } from "../../bpf/index.ts";
import { chooseLeast, LEAST_DELAY_OR_IDLE } from "./least.ts";

/** Never queue: the first idle member, whatever its weight; if none is, the shortest expected delay. */
export function chooseNeverQueue(poolIndex: u32): u32 {
  return chooseLeast(poolIndex, LEAST_DELAY_OR_IDLE);
}
