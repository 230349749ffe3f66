/** What schedulers are told about the weights of a service's servers. */

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

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
