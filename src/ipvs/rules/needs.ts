/** What rules ask of the datapath's programs. */
import type { Family } from "../model.ts";
import type { Feature, Needs, Plane } from "../plane.ts";
import { hasRuleTables, RuleMemory, type SetFacts } from "./memory.ts";

const FAMILIES: readonly Family[] = [4, 6];

/** Of a set. */
export function needsOfSet(family: Family, { isTrivial, drops }: SetFacts): Needs {
  const needs = new Set<Feature>();
  if (isTrivial) return needs;
  needs.add("rules");
  if (drops) needs.add("ruleDrops");
  if (family === 6) needs.add("ipv6");
  return needs;
}

/** Of the rules that hold; `but`: not of those of that family. */
export function needsOfRules(plane: Plane, but?: Family): Needs {
  if (!hasRuleTables(plane)) return new Set();
  return new Set(
    FAMILIES.filter((family) => family !== but).flatMap((family) => [
      ...needsOfSet(family, new RuleMemory(plane, family).facts()),
    ]),
  );
}
