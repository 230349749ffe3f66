/** What files of saved rules make of a rule set. */
import type { Family } from "../model.ts";
import { RuleDraft } from "./draft.ts";
import { chainOf } from "./editing.ts";
import { emptyRuleSet, NO_COUNTERS, type RuleSet } from "./model.ts";
import { newChainName } from "./text/chain-names.ts";
import type { RulesLine } from "./text/command.ts";
import type { RuleNames } from "./text/names.ts";
import { parseLine } from "./text/parse-line.ts";
import { RestoreError, type RestoreLine, restoreLines } from "./text/restore-file.ts";
import { foreign, RulesError, usage } from "./text/rules-error.ts";
import { OTHER_CHAINS } from "./text/save.ts";
import { FOREIGN_TABLES } from "./text/tables.ts";

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
  readonly onLine?: (line: RestoreLine, read: RulesLine | null, before: RuleDraft) => void;
}

/**
 * The rules after a file has been restored.
 *
 * @throws RestoreError: nothing of the file holds then
 */
export function restored(text: string, present: RuleSet, options: RestoreOptions): RuleSet {
  const draft = new RuleDraft(present);
  const program = options.program ?? "iptables-restore";
  for (const line of restoreLines(text, program, options.table)) {
    try {
      restoreLine(line, draft, program, options);
    } catch (error) {
      throw error instanceof RulesError ? new RestoreError(line.line, error) : error;
    }
  }
  return draft.rules;
}

/** The rules that `iptables-save` wrote, from nothing. */
export function parseRuleSet(text: string, family: Family, names: RuleNames): RuleSet {
  return restored(text, emptyRuleSet(family), { counters: true, names });
}

function restoreLine(line: RestoreLine, draft: RuleDraft, program: string, options: RestoreOptions): void {
  const { onLine = () => {}, keep = false } = options;
  switch (line.kind) {
    case "comment":
    case "commit":
      onLine(line, null, draft);
      return;
    case "table":
      if (line.table !== "mangle") throw otherTable(line.table, program, line.line);
      onLine(line, null, draft);
      if (!keep) draft.rules = emptyRuleSet(draft.rules.family);
      return;
    case "chain":
      onLine(line, null, draft);
      declare(draft, line, options);
      return;
    case "command": {
      const counters = line.counters !== null && options.counters ? ["-c", ...line.counters] : [];
      let read: RulesLine;
      try {
        read = parseLine([...counters, ...line.words], {
          family: draft.family,
          names: options.names,
          restoring: program,
        });
      } catch (error) {
        // A line for the other family.
        if (error instanceof RulesError && error.code === "family") return;
        throw error;
      }
      onLine(line, read, draft);
      if (read.command.kind !== "help" && read.command.kind !== "version") draft.apply(read.command);
    }
  }
}

function otherTable(table: string, program: string, line: number): RulesError {
  if (FOREIGN_TABLES.includes(table)) return foreign(`the table \`${table}'`);
  return usage(`${program}: line ${line} table name '${table}' invalid`);
}

function declare(
  draft: RuleDraft,
  { chain: name, policy, counters: given }: Extract<RestoreLine, { kind: "chain" }>,
  options: RestoreOptions,
): void {
  const { rules } = draft;
  const isBuiltIn = chainOf(rules, name)?.policy != null;
  if (options.counters && given === "invalid") throw usage(`invalid policy counters for chain '${name}'`);
  if (!isBuiltIn && !(OTHER_CHAINS as readonly string[]).includes(name)) {
    newChainName(name);
    const fresh = chainOf(rules, name) === null;
    draft.apply(fresh ? { kind: "new-chain", chain: name } : { kind: "flush", chain: name });
    return;
  }
  if (policy === "-") return;
  const counters = options.counters && given !== null && given !== "invalid" ? given : NO_COUNTERS;
  draft.apply({ kind: "policy", chain: name, policy, counters });
}
