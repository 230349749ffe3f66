/** What files of saved rules make of a rule set. */
import type { Family } from "../model.ts";
import { chainOf, edited } from "./editing.ts";
import { emptyRuleSet, NO_COUNTERS, type RuleSet } from "./model.ts";
import type { RulesLine } from "./text/command.ts";
import type { RuleNames } from "./text/names.ts";
import { newChainName, parseLine } from "./text/parse-line.ts";
import { RestoreError, type RestoreLine, restoreLines } from "./text/restore-file.ts";
import { foreign, RulesError, usage } from "./text/rules-error.ts";
import { OTHER_CHAINS } from "./text/save.ts";

export interface RestoreOptions {
  /** Take over counters. */
  readonly counters?: boolean;
  /** Keep what is there. */
  readonly keep?: boolean;
  /** Only this table of the file. */
  readonly table?: string | null;
  /** The name in front of messages. */
  readonly program?: string;
  readonly names: RuleNames;
  /** Told of each line, as it is carried out, with the rules before it. */
  readonly onLine?: (line: RestoreLine, read: RulesLine | null, before: RuleSet) => void;
}

/**
 * The rules after a file has been restored.
 *
 * @throws RestoreError: nothing of the file holds then
 */
export function restored(text: string, present: RuleSet, options: RestoreOptions): RuleSet {
  let rules = present;
  const program = options.program ?? "iptables-restore";
  for (const line of restoreLines(text, program, options.table)) {
    try {
      rules = restoreLine(line, rules, program, options);
    } catch (error) {
      throw error instanceof RulesError ? new RestoreError(line.line, error) : error;
    }
  }
  return rules;
}

/** The rules that `iptables-save` wrote, from nothing. */
export function parseRuleSet(text: string, family: Family, names: RuleNames): RuleSet {
  return restored(text, emptyRuleSet(family), { counters: true, names });
}

function restoreLine(line: RestoreLine, rules: RuleSet, program: string, options: RestoreOptions): RuleSet {
  const { onLine = () => {}, keep = false } = options;
  switch (line.kind) {
    case "comment":
    case "commit":
      onLine(line, null, rules);
      return rules;
    case "table":
      if (line.table !== "mangle") throw otherTable(line.table, program, line.line);
      onLine(line, null, rules);
      return keep ? rules : emptyRuleSet(rules.family);
    case "chain":
      onLine(line, null, rules);
      return declared(rules, line, options);
    case "command": {
      const counters = line.counters !== null && options.counters ? ["-c", ...line.counters] : [];
      let read: RulesLine;
      try {
        read = parseLine([...counters, ...line.words], {
          family: rules.family,
          names: options.names,
          restoring: program,
        });
      } catch (error) {
        // A line for the other family.
        if (error instanceof RulesError && error.code === "family") return rules;
        throw error;
      }
      onLine(line, read, rules);
      return read.command.kind === "help" || read.command.kind === "version"
        ? rules
        : edited(rules, read.command);
    }
  }
}

const TABLES = ["filter", "nat", "raw", "security"];

function otherTable(table: string, program: string, line: number): RulesError {
  if (TABLES.includes(table)) return foreign(`the table \`${table}'`);
  return usage(`${program}: line ${line} table name '${table}' invalid`);
}

function declared(
  rules: RuleSet,
  { chain: name, policy, counters: given }: Extract<RestoreLine, { kind: "chain" }>,
  options: RestoreOptions,
): RuleSet {
  const isBuiltIn = chainOf(rules, name)?.policy != null;
  if (options.counters && given === "invalid") throw usage(`invalid policy counters for chain '${name}'`);
  if (!isBuiltIn && !(OTHER_CHAINS as readonly string[]).includes(name)) {
    newChainName(name);
    const fresh = chainOf(rules, name) === null;
    return edited(rules, fresh ? { kind: "new-chain", chain: name } : { kind: "flush", chain: name });
  }
  if (policy === "-") return rules;
  const counters = options.counters && given !== null && given !== "invalid" ? given : NO_COUNTERS;
  return edited(rules, { kind: "policy", chain: name, policy, counters });
}
