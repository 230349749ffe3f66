import type { ImportedRules } from "../../ipvs/rules/importing.ts";
import type { RuleNames } from "../../ipvs/rules/text/names.ts";
import { printRule } from "../../ipvs/rules/text/print-rule.ts";

/** What `lvs rules import` says of the rules of a family. */
export function importText(
  { rules, refused, elsewhere }: ImportedRules,
  dryRun: boolean,
  names: RuleNames,
): string {
  const taken = rules.chains.flatMap(({ name, rules }) =>
    rules.map((rule) => `-A ${name} ${printRule(rule, names)}`.trimEnd()),
  );
  const would = dryRun ? "would be " : "";
  const lines = [`IPv${rules.family}: ${counted(taken.length, "rule")} ${would}taken, ${refused.length} not`];
  for (const rule of taken) lines.push(`  taken      ${rule}`);
  for (const { line, chain, text, reason, diverts } of refused) {
    lines.push(`  not taken  ${text}`, `             line ${line}: ${reason}`);
    if (diverts)
      lines.push(
        `             packets that it matched now go on to the next rule of ${chain}: look whether that is right`,
      );
  }
  const others = [...elsewhere].map(([where, count]) => `${where} (${count})`);
  if (others.length > 0) lines.push(`  untouched, with the system's iptables: ${others.join(", ")}`);
  if (taken.length > 0 && !dryRun) {
    lines.push(
      "  The system's rules are still there, behind ours: delete them there if they should not give marks a second time",
    );
  }
  return lines.map((line) => `${line}\n`).join("");
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
