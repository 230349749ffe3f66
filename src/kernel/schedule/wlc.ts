// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { u32 } from "../../bpf/index.ts";
import { chooseLeast, LEAST_LOAD_FOR_WEIGHT } from "./least.ts";

/** Weighted least connection: the least load for its weight. */
export function chooseWeightedLeastConnection(poolIndex: u32): u32 {
  return chooseLeast(poolIndex, LEAST_LOAD_FOR_WEIGHT);
}
