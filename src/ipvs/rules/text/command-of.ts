import type { Rule, RuleCounters } from "../model.ts";
import { newChainName } from "./chain-names.ts";
import type { RulesCommand } from "./command.ts";
import type { CommandLetter, RestrictedLetter } from "./options.ts";

/** What the command was given beside the rule. */
export interface Given {
  readonly letter: CommandLetter;
  readonly chain: string | null;
  readonly position: number | null;
  /** The word behind the chain: a policy or a new name. */
  readonly word: string | null;
}

/** All that a command line says, checked. */
interface Said extends Given {
  readonly rules: readonly Rule[];
  /** Null: none were said. */
  readonly counters: RuleCounters | null;
  /** `-Z` together with `-L` or `-S`. */
  readonly alsoZero: boolean;
  readonly has: (option: RestrictedLetter) => boolean;
}

/** The command of a line. @throws RulesError for a chain's new name that none can have */
export function commandOf(said: Said): RulesCommand {
  const { letter, chain, position, word, rules, counters, alsoZero, has } = said;
  switch (letter) {
    case "A":
      return { kind: "append", chain: chain!, rules };
    case "C":
      return { kind: "check", chain: chain!, rules };
    case "D":
      if (position === null) return { kind: "delete", chain: chain!, rules };
      return { kind: "delete-number", chain: chain!, position };
    case "I":
      return { kind: "insert", chain: chain!, position: position ?? 1, rules };
    case "R":
      return { kind: "replace", chain: chain!, position: position!, rule: rules[0]! };
    case "F":
      return { kind: "flush", chain };
    case "X":
      return { kind: "delete-chain", chain };
    case "Z":
      return { kind: "zero", chain, position };
    case "N":
      return { kind: "new-chain", chain: chain! };
    case "E":
      newChainName(word!);
      return { kind: "rename-chain", chain: chain!, to: word! };
    case "P":
      return { kind: "policy", chain: chain!, policy: word!, counters };
    case "L":
    case "S": {
      const options = { numeric: has("n"), verbose: has("v"), exact: has("x"), lineNumbers: has("0") };
      return { kind: letter === "L" ? "list" : "list-rules", chain, position, zero: alsoZero, options };
    }
  }
}
