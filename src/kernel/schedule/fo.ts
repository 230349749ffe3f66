// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { u32 } from "../../bpf/index.ts";
import { chooseHeaviest } from "./heaviest.ts";

/** Weighted failover: always the heaviest usable member. */
export function chooseFailover(poolIndex: u32): u32 {
  return chooseHeaviest(poolIndex, 0);
}
