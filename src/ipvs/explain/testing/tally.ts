/** What occurred among many explanations. */
import type { Explanation } from "../model.ts";

/** How often each verdict, and each step, was foretold. */
export type Tally = Map<string, number>;

export function countOne(tally: Tally, what: string): void {
  tally.set(what, (tally.get(what) ?? 0) + 1);
}

export function countIn(tally: Tally, { verdict, steps, ran }: Explanation): void {
  const count = (what: string) => countOne(tally, what);
  count(`verdict ${verdict.kind}`);
  count(`ran ${ran}`);
  if (verdict.kind === "answered") count(`answered ${verdict.error}`);
  for (const step of steps) {
    count(step.step);
    if (step.step === "schedule") count(`scheduler ${step.scheduler}`);
    if (step.step === "rewrite") count(`method ${step.method} ${step.outer?.type ?? ""}`.trimEnd());
    if (step.step === "rules") count(step.dropped ? "rules dropped" : "rules passed");
    if (step.step === "rules" && step.matched.length > 0) count("rules matched");
    if (step.step === "next-hop") count(`hop ${step.known}`);
  }
}
