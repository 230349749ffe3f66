import type { Family } from "../../ipvs/model.ts";
import type { RuleAdministration } from "../../ipvs/rules/administration.ts";
import { emptyRuleSet, type RuleSet } from "../../ipvs/rules/model.ts";

/** Rules that no packet meets, for tests. */
export class MemoryRules implements RuleAdministration {
  readonly #rules = new Map<Family, RuleSet>();
  /** How often rules were put in place of others. */
  changes = 0;

  ruleSet(family: Family): RuleSet {
    return this.#rules.get(family) ?? emptyRuleSet(family);
  }

  change(family: Family, change: (present: RuleSet) => RuleSet): void {
    const present = this.ruleSet(family);
    const changed = change(present);
    if (changed === present) return;
    this.changes++;
    this.#rules.set(family, changed);
  }

  close(): void {}
}
