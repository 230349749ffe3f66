import type { Family } from "../model.ts";
import { appendedSoundly, edited } from "./editing.ts";
import { Links } from "./links.ts";
import type { Rule, RuleSet } from "./model.ts";
import type { RulesCommand } from "./text/command.ts";
import { RulesError } from "./text/rules-error.ts";

/** Rules to which many commands come one after the other. Appending costs what is appended, however much is there. */
export class RuleDraft {
  #settled: RuleSet;
  /** Appended rules by chain, not yet in `#settled`. */
  #appended = new Map<string, Rule[]>();
  /** Which of the chains lead to which; null: they have not been looked at. */
  #links: Links | null = null;

  constructor(rules: RuleSet) {
    this.#settled = rules;
  }

  get family(): Family {
    return this.#settled.family;
  }

  /** The rules as they are now. */
  get rules(): RuleSet {
    if (this.#appended.size > 0) {
      const chains = this.#settled.chains.map((chain) => {
        const more = this.#appended.get(chain.name);
        return more === undefined ? chain : { ...chain, rules: chain.rules.concat(more) };
      });
      this.#settled = { ...this.#settled, chains };
      this.#appended.clear();
    }
    return this.#settled;
  }

  /** Puts others in their place. */
  set rules(rules: RuleSet) {
    this.#settled = rules;
    this.#appended.clear();
    this.#links = null;
  }

  /** @throws RulesError: nothing has changed */
  apply(command: RulesCommand): void {
    if (command.kind !== "append") {
      this.rules = edited(this.rules, command);
      return;
    }
    const { chain, rules } = command;
    appendedSoundly(this.#settled, command);
    for (const { target } of rules) if (target?.kind === "jump") this.#link(chain, target.chain);
    const appended = this.#appended.get(chain);
    if (appended === undefined) this.#appended.set(chain, [...rules]);
    else appended.push(...rules);
  }

  #link(from: string, to: string): void {
    this.#links ??= new Links(this.rules);
    this.#links.add(from, to);
    if (this.#links.areSound) return;
    this.#links = null;
    throw new RulesError("refused", `RULE_APPEND failed (Too many links): rule in chain ${from}`);
  }
}
