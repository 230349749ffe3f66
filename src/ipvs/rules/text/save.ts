/** All rules of a family as `iptables-save` writes them, for `iptables-restore` to read. */
import { type Chain, PREROUTING, type RuleCounters, type RuleSet } from "../model.ts";
import type { RuleNames } from "./names.ts";
import { printRule } from "./print-rule.ts";

/** Chains of the table mangle that packets meet after our rules. They are named where the original names them, and are empty. */
export const OTHER_CHAINS = ["INPUT", "FORWARD", "OUTPUT", "POSTROUTING"] as const;

export interface SaveOptions {
  /** Of protocols; without, only well-known ones have names. */
  readonly names?: Pick<RuleNames, "protocolName">;
  /** With the counters of rules in front of them. Those of chains are always there. */
  readonly counters?: boolean;
}

/**
 * The table mangle as `iptables-save -t mangle` writes it, from "*mangle" to "COMMIT", each line with its line feed. The real
 * `iptables-restore` and `ip6tables-restore` take it as well.
 */
export function printRuleSet({ chains }: RuleSet, { names, counters = false }: SaveOptions = {}): string {
  const builtIn = chains.find(({ name }) => name === PREROUTING);
  const others = OTHER_CHAINS.map((name) => `:${name} ACCEPT [0:0]`);
  const users = chains.filter((chain) => chain !== builtIn);
  const rules = chains.flatMap(({ name, rules }) =>
    rules.map((rule) => {
      const words = printRule(rule, names);
      const line = words === "" ? `-A ${name}` : `-A ${name} ${words}`;
      return counters ? `${bracketed(rule.counters)} ${line}` : line;
    }),
  );
  const lines = ["*mangle", ...(builtIn ? [declaration(builtIn)] : []), ...others, ...users.map(declaration)];
  return [...lines, ...rules, "COMMIT", ""].join("\n");
}

function declaration({ name, policy, counters }: Chain): string {
  return `:${name} ${policy?.toUpperCase() ?? "-"} ${bracketed(policy === null ? null : counters)}`;
}

function bracketed(counters: RuleCounters | null): string {
  return `[${counters?.packets ?? 0}:${counters?.bytes ?? 0}]`;
}
