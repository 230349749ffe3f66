/** Which rules a packet matched. */
import { ACTION_DROP } from "../../kernel/tables.ts";
import type { Family } from "../model.ts";
import { elementsOf } from "../rules/elements.ts";
import type { RuleSet } from "../rules/model.ts";
import { printRule } from "../rules/text/print-rule.ts";
import type { Step } from "./model.ts";
import type { Fact } from "./simulation.ts";

type RulesStep = Extract<Step, { step: "rules" }>;

export interface RulesOptions {
  readonly packet: { readonly family: Family };
  /** The rules that hold. */
  readonly rules: (family: Family) => RuleSet;
}

/** From what was said on the way through the rules. */
export function rulesStep(facts: readonly Fact[], { packet, rules }: RulesOptions): RulesStep {
  const set = rules(packet.family);
  const places = placesOf(set);
  const matched = facts.flatMap(({ what, values }) => {
    const place = what === "rule" ? places.get(values[0]!) : undefined;
    return place === undefined ? [] : [place];
  });
  const policy = facts.find(({ what }) => what === "rule-policy")?.values[0];
  return {
    step: "rules",
    matched,
    policy: policy === undefined ? null : policy === ACTION_DROP ? "drop" : "accept",
    mark: facts.find(({ what }) => what === "rules-end")?.values[0] ?? 0,
    dropped: facts.some(({ what }) => what === "rules-dropped"),
  };
}

/** Rules by the last of their elements, of which the datapath tells. Elements are numbered in the order of the rules. */
function placesOf({ chains }: RuleSet): Map<number, RulesStep["matched"][number]> {
  const places = new Map<number, RulesStep["matched"][number]>();
  let count = 0;
  for (const { name, rules } of chains) {
    for (const [index, rule] of rules.entries()) {
      count += elementsOf(rule).length;
      const words = printRule(rule);
      const text = words === "" ? `-A ${name}` : `-A ${name} ${words}`;
      places.set(count - 1, { chain: name, number: index + 1, text });
    }
  }
  return places;
}
