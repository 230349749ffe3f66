/**
 * What schedulers are told about the weights of a service's servers, and how weighted round robin's current weight
 * follows changes of the list (recordings: scheduling/wrr.json).
 */

/** What the weights of a list have in common. */
export interface WeightSummary {
  /** The largest; 0 for an empty list. */
  readonly maximum: number;
  /** The greatest common divisor of those above 0; 1 if there are none. */
  readonly divisor: number;
}

export const NO_WEIGHTS: WeightSummary = { maximum: 0, divisor: 1 };

/** The summary of a list with one weight more than that of `summary`. */
export function withWeight(summary: WeightSummary, weight: number): WeightSummary {
  if (weight === 0) return summary;
  const divisor = summary.maximum === 0 ? weight : greatestCommonDivisor(summary.divisor, weight);
  return { maximum: Math.max(summary.maximum, weight), divisor };
}

export function summarise(weights: Iterable<number>): WeightSummary {
  let summary = NO_WEIGHTS;
  for (const weight of weights) summary = withWeight(summary, weight);
  return summary;
}

/**
 * Where a round of weighted round robin begins: not at the largest weight, but so that it comes down to 1 in steps of
 * the divisor.
 */
export function roundTop(summary: WeightSummary): number {
  return summary.maximum === 0 ? 0 : summary.maximum - summary.divisor + 1;
}

/**
 * The current weight of weighted round robin after a server was added, removed or edited: it is kept where it can be,
 * brought onto the new steps, and starts at the top of the round if it was 0 or is now above it.
 */
export function currentWeightAfterChange(current: number, summary: WeightSummary): number {
  const top = roundTop(summary);
  if (current === 0 || current > top) return top;
  if (summary.divisor === 1) return current;
  return Math.trunc(current / summary.divisor) * summary.divisor + 1;
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
