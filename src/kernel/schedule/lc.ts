// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { u32 } from "../../bpf/index.ts";
import { chooseLeast, LEAST_LOAD } from "./least.ts";

/** Least connection: weights only say whether a member is used at all. */
export function chooseLeastConnection(poolIndex: u32): u32 {
  return chooseLeast(poolIndex, LEAST_LOAD);
}
