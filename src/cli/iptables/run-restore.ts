import type { RuleDraft } from "../../ipvs/rules/draft.ts";
import type { RuleSet } from "../../ipvs/rules/model.ts";
import { type RestoreOptions, restored } from "../../ipvs/rules/restoring.ts";
import type { RulesLine } from "../../ipvs/rules/text/command.ts";
import type { RestoreLine } from "../../ipvs/rules/text/restore-file.ts";
import { carryOut } from "./carry-out.ts";
import { familyOf, type IptablesEnvironment } from "./environment.ts";
import { handOn } from "./hand-on.ts";
import { help } from "./help.ts";
import { allChains } from "./listing.ts";
import { complaint, VERSION } from "./messages.ts";
import { openProgram, type ProgramOption } from "./program-options.ts";
import { fileProblem } from "./run-save.ts";

type Name =
  | "counters"
  | "verbose"
  | "version"
  | "test"
  | "help"
  | "noflush"
  | "table"
  | "modprobe"
  | "wait"
  | "wait-interval";

const OPTIONS: readonly ProgramOption<Name>[] = [
  { name: "counters", short: "c", argument: "none" },
  { name: "verbose", short: "v", argument: "none" },
  { name: "version", short: "V", argument: "none" },
  { name: "test", short: "t", argument: "none" },
  { name: "help", short: "h", argument: "none" },
  { name: "noflush", short: "n", argument: "none" },
  { name: "table", short: "T", argument: "required" },
  { name: "modprobe", short: "M", argument: "required" },
  { name: "wait", short: "w", argument: "optional" },
  { name: "wait-interval", short: "W", argument: "required" },
];

/**
 * `iptables-restore` and `ip6tables-restore`. All of a file holds, or nothing.
 *
 * @returns the exit status
 */
export async function runIptablesRestore(
  program: "iptables-restore" | "ip6tables-restore",
  words: readonly string[],
  environment: IptablesEnvironment,
): Promise<number> {
  const { stdout, stderr, system } = environment;
  const advice = `Try \`${program} -h' for more information.`;
  const opened = openProgram(program, words, OPTIONS, advice, environment);
  if (typeof opened === "number") return opened;
  const { options, rest } = opened;
  if (options.has("help")) {
    stdout(restoreHelp(program));
    return 0;
  }
  // A number behind -w is its own.
  const files = options.has("wait") ? rest.filter((word) => !/^\d+$/.test(word)) : rest;
  if (files.length > 1) {
    stderr("Unknown arguments found on commandline\n");
    return 1;
  }
  const table = options.get("table") ?? null;
  try {
    if (table !== null && table !== "mangle") return handOn(program, table, words, environment);
    const text = input(files[0], environment);
    if (text === null) return 1;
    const wanted = { counters: options.has("counters"), keep: options.has("noflush"), table };
    await restore(program, text, wanted, options.has("verbose"), options.has("test"), environment);
    return 0;
  } catch (error) {
    const { text, exit } = complaint(error, program, words, system);
    stderr(text);
    return exit;
  }
}

async function restore(
  program: "iptables-restore" | "ip6tables-restore",
  text: string,
  wanted: Pick<RestoreOptions, "counters" | "keep" | "table">,
  verbose: boolean,
  test: boolean,
  environment: IptablesEnvironment,
): Promise<void> {
  const names = await environment.names();
  const rules = await environment.rules();
  const family = familyOf(program);
  // Of what it adds to rules that stay, and of a test, the original says nothing.
  const speaks = verbose && !wanted.keep && !test;
  let said: string[] = [];
  let warned: string[] = [];
  const onLine = (line: RestoreLine, read: RulesLine | null, before: RuleDraft): void => {
    if (line.kind === "comment" && verbose) said.push(`${line.text}\n`);
    if (line.kind === "table" && speaks) said.push(flushing(before.rules));
    for (const warning of read?.warnings ?? []) warned.push(`${warning}\n`);
    if (read?.command.kind === "version") said.push(`${program} ${VERSION}\n`);
    else if (read?.command.kind === "help") said.push(help(program));
    else if (read && (speaks || read.verbose || isListing(read.command))) {
      said.push(carryOut(before.rules, read.command, speaks || read.verbose, names).said);
    }
  };
  const change = (present: RuleSet): RuleSet => {
    said = [];
    warned = [];
    return restored(text, present, { ...wanted, program, names, onLine });
  };
  if (test) change(rules.ruleSet(family));
  else rules.change(family, change);
  environment.stderr(warned.join(""));
  environment.stdout(said.join(""));
}

function isListing({ kind }: RulesLine["command"]): boolean {
  return kind === "list" || kind === "list-rules";
}

function flushing(present: RuleSet): string {
  const users = present.chains.filter(({ policy }) => policy === null);
  return [
    ...allChains(present).map(({ name }) => `Flushing chain \`${name}'\n`),
    ...users.map(({ name }) => `Deleting chain \`${name}'\n`),
  ].join("");
}

/** Null: complained of. */
function input(file: string | undefined, { stdin, readFile, stderr }: IptablesEnvironment): string | null {
  if (file === undefined || file === "-") return stdin();
  try {
    return readFile(file);
  } catch (error) {
    stderr(`Can't open ${file}: ${fileProblem(error)}\n`);
    return null;
  }
}

function restoreHelp(program: string): string {
  return `Usage: ${program} [-c] [-n] [-t] [-v] [-T TABLE] [FILE]

  -c, --counters      take over the counters
  -n, --noflush       keep the rules that are there
  -t, --test          check the file, change nothing
  -v, --verbose       say what is done
  -T, --table TABLE   only this table of the file
  -h, --help; -V, --version; -w, -W and -M are read, and have no meaning
`;
}
