// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The current weight of weighted round robin: what a member must weigh at least to get its turn in the present round. It
 * goes down by the divisor (the weights' greatest common divisor) with each round and starts again at the highest step.
 */
import type { u32 } from "../../bpf/index.ts";

/** The highest step: the least that leaves only the heaviest members in. 0 if there is none with a weight. */
export function highestStep(maximumWeight: u32, weightDivisor: u32): u32 {
  return maximumWeight < weightDivisor ? 0 : (maximumWeight - weightDivisor + 1) >>> 0;
}

/**
 * The current weight after an edit of the service's servers (recordings: scheduling/wrr): none or out of range, the
 * highest step; else the step of the new divisor at or below it.
 */
export function currentWeightAfterEdit(current: u32, maximumWeight: u32, weightDivisor: u32): u32 {
  const highest = highestStep(maximumWeight, weightDivisor);
  if (current === 0 || current > highest) return highest;
  if (weightDivisor <= 1) return current;
  return (current - (current % weightDivisor) + 1) >>> 0;
}
