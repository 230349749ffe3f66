import { isDeepStrictEqual } from "node:util";
import type { Rule } from "./model.ts";

/** Whether two rules ask and do the same; they may have counted differently. */
export function sameRule(a: Rule, b: Rule): boolean {
  const { counters: _, ...one } = a;
  const { counters: __, ...other } = b;
  return isDeepStrictEqual(one, other);
}
