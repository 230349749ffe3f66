// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { u32 } from "../../bpf/index.ts";
import type { Pool } from "../tables.ts";
import { chooseHeaviest } from "./heaviest.ts";

/** Weighted failover: always the heaviest usable member. */
export function chooseFailover(pool: Pool): u32 {
  return chooseHeaviest(pool, 0);
}
