/** Files of saved rules, line by line. */
import type { RuleCounters } from "../model.ts";
import { counter } from "./parse-values.ts";
import { RulesError, usage } from "./rules-error.ts";
import { splitWords } from "./split-words.ts";

/** A line that says something. `line` counts from 1. */
export type RestoreLine =
  | { readonly kind: "comment"; readonly line: number; readonly text: string }
  | { readonly kind: "table"; readonly line: number; readonly table: string }
  | { readonly kind: "commit"; readonly line: number }
  | {
      readonly kind: "chain";
      readonly line: number;
      readonly chain: string;
      /** "-" of chains that users make. */
      readonly policy: string;
      /** Of a line without them: null. "invalid": what is there are none. */
      readonly counters: RuleCounters | null | "invalid";
    }
  | {
      readonly kind: "command";
      readonly line: number;
      readonly words: readonly string[];
      /** As they stand in brackets, unread. */
      readonly counters: readonly [packets: string, bytes: string] | null;
    };

/** What went wrong with a file of rules, and in which line. */
export class RestoreError extends Error {
  override readonly name = "RestoreError";
  readonly code = "RESTORE";
  readonly line: number;
  override readonly cause: RulesError;

  constructor(line: number, cause: RulesError) {
    super(cause.message);
    this.line = line;
    this.cause = cause;
  }
}

/**
 * The lines of a file.
 *
 * @param program the name in front of messages
 * @param table only this one; what stands under others is passed over unread
 * @throws RestoreError for what makes no sense, and for a table without COMMIT
 */
export function* restoreLines(
  text: string,
  program: string,
  table: string | null = null,
): Generator<RestoreLine, void> {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  let present: string | null = null;
  for (const [index, content] of lines.entries()) {
    const line = index + 1;
    if (content === "") continue;
    if (content.startsWith("#")) {
      yield { kind: "comment", line, text: content };
      continue;
    }
    try {
      if (present === null) {
        present = tableName(content, program, line);
        if (table === null || present === table) yield { kind: "table", line, table: present };
      } else if (content === "COMMIT") {
        if (table === null || present === table) yield { kind: "commit", line };
        present = null;
      } else if (table === null || present === table) {
        yield content.startsWith(":") ? declaration(content, program, line) : command(content, line);
      }
    } catch (error) {
      throw error instanceof RulesError ? new RestoreError(line, error) : error;
    }
  }
  if (present === null) return;
  const end = lines.length + 1;
  throw new RestoreError(end, new RulesError("failed", `COMMIT expected at line ${end}`));
}

function tableName(content: string, program: string, line: number): string {
  if (!content.startsWith("*")) throw new RulesError("failed", "");
  const name = content.slice(1).split(/[ \t]/)[0]!;
  if (name === "") throw usage(`${program}: line ${line} table name invalid`);
  return name;
}

function declaration(content: string, program: string, line: number): RestoreLine {
  const [chain, policy, counters] = content.slice(1).split(/[ \t]+/);
  if (!chain) throw usage(`${program}: line ${line} chain name invalid`);
  if (!policy) throw usage(`${program}: line ${line} policy invalid`);
  const found = counters === undefined ? null : /^\[(\d+):(\d+)/.exec(counters);
  const both = found && { packets: BigInt(found[1]!), bytes: BigInt(found[2]!) };
  return {
    kind: "chain",
    line,
    chain,
    policy,
    counters: counters === undefined ? null : (both ?? "invalid"),
  };
}

function command(content: string, line: number): RestoreLine {
  const [, bracketed, rest] = /^(\[[^\]]*\]?)?(.*)$/s.exec(content)!;
  const counters = bracketed === undefined ? null : /^\[([^:\]]+):([^:\]]+)\]$/.exec(bracketed);
  if (bracketed !== undefined && counters === null) throw usage(`Bad line ${line}: need ]`);
  const words = splitWords(rest!);
  if (words === null) throw usage(`the quote of this line is not closed`);
  return { kind: "command", line, words, counters: counters && [counters[1]!, counters[2]!] };
}

/** Counters in front of a rule. @throws RulesError */
export function bracketedCounters([packets, bytes]: readonly [string, string]): RuleCounters {
  const read = { packets: counter(packets), bytes: counter(bytes) };
  if (read.packets === null) throw usage("-c packet counter not numeric");
  if (read.bytes === null) throw usage("-c byte counter not numeric");
  return { packets: read.packets, bytes: read.bytes };
}
