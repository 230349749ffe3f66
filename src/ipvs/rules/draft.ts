import type { Family } from "../model.ts";
import { appendedSoundly, edited } from "./editing.ts";
import type { Rule, RuleSet } from "./model.ts";
import { hasLoop } from "./soundness.ts";
import type { RulesCommand } from "./text/command.ts";
import { RulesError } from "./text/rules-error.ts";

/** Rules to which many commands come one after the other. Appending costs what is appended, however much is there. */
export class RuleDraft {
  #settled: RuleSet;
  /** Appended rules by chain, not yet in `#settled`. */
  #appended = new Map<string, Rule[]>();
  /** "FROM TO" of the jumps that are known to make no loop; null: they have not been looked at. */
  #jumps: Set<string> | null = null;

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
    this.#jumps = null;
  }

  /** @throws RulesError: the draft is of no use any more */
  apply(command: RulesCommand): void {
    if (command.kind !== "append") {
      this.rules = edited(this.rules, command);
      return;
    }
    const { chain, rules } = command;
    appendedSoundly(this.#settled, command);
    const appended = this.#appended.get(chain);
    if (appended === undefined) this.#appended.set(chain, [...rules]);
    else appended.push(...rules);
    for (const { target } of rules) if (target?.kind === "jump") this.#jump(chain, target.chain);
  }

  #jump(from: string, to: string): void {
    const jump = `${from} ${to}`;
    if (this.#jumps?.has(jump)) return;
    if (hasLoop(this.rules)) {
      throw new RulesError("refused", `RULE_APPEND failed (Too many links): rule in chain ${from}`);
    }
    this.#jumps ??= new Set();
    this.#jumps.add(jump);
  }
}
