/** What rules count of a packet, against what its explanation says that it matched. */
import assert from "node:assert/strict";
import type { RuleSet } from "../../rules/model.ts";
import type { Explanation } from "../model.ts";

/** Packets by rule ("more 2") and of the policy ("policy"). */
function packetsOf({ chains }: RuleSet): Map<string, bigint> {
  const counts = chains.flatMap(({ name, rules }) =>
    rules.map(({ counters }, index) => [`${name} ${index + 1}`, counters.packets] as const),
  );
  return new Map([["policy", chains[0]!.counters.packets], ...counts]);
}

/** The rules that were named, and no others, have counted the packet. `before`, `after`: those of its family. */
export function compareRules({ steps }: Explanation, before: RuleSet, after: RuleSet): void {
  const told = steps.flatMap((step) =>
    step.step === "rules"
      ? [
          ...step.matched.map(({ chain, number }) => `${chain} ${number}`),
          ...(step.policy === null ? [] : ["policy"]),
        ]
      : [],
  );
  const former = packetsOf(before);
  const counted = [...packetsOf(after)].flatMap(([name, packets]) =>
    Array<string>(Number(packets - former.get(name)!)).fill(name),
  );
  assert.deepEqual(counted.sort(), told.sort(), "the rules that counted it");
}
