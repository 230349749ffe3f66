// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { u32 } from "../../bpf/index.ts";
import { chooseHeaviest } from "./heaviest.ts";

/**
 * Weighted overflow: the heaviest member that is not full, which it is with more active connections than its weight: weight 1
 * takes two. When all are full there is none. Inactive connections, so all of UDP's, do not count.
 */
export function chooseOverflow(poolIndex: u32): u32 {
  return chooseHeaviest(poolIndex, 1);
}
