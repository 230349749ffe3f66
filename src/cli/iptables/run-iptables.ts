import type { RuleSet } from "../../ipvs/rules/model.ts";
import type { RulesLine } from "../../ipvs/rules/text/command.ts";
import { parseLine } from "../../ipvs/rules/text/parse-line.ts";
import { usage } from "../../ipvs/rules/text/rules-error.ts";
import { carryOut } from "./carry-out.ts";
import { familyOf, type IptablesEnvironment, type IptablesProgram } from "./environment.ts";
import { handOn } from "./hand-on.ts";
import { help } from "./help.ts";
import { complaint, VERSION } from "./messages.ts";
import { hasCommand, tableOf } from "./table-of-words.ts";

/**
 * `iptables` and `ip6tables`.
 *
 * @param words the command line without the program's name
 * @returns the exit status: 0; 1 what it speaks of is not there, or is there already; 2 wrong use, and what is none of ours; 3 there is
 * no such table; 4 refused by the director; that of the system's program for tables that are none of ours
 */
export async function runIptables(
  program: "iptables" | "ip6tables",
  words: readonly string[],
  environment: IptablesEnvironment,
): Promise<number> {
  const { stdout, stderr, system } = environment;
  try {
    const table = tableOf(words) ?? (hasCommand(words) ? "filter" : null);
    if (table !== null && table !== "mangle") return handOn(program, table, words, environment);
    const names = await environment.names();
    const line = parseLine(words, { family: familyOf(program), names });
    for (const warning of line.warnings) stderr(`${warning}\n`);
    if (line.command.kind === "version") {
      stdout(line.command.negated ? `Not ${VERSION.slice(1)} ;-)\n` : `${program} ${VERSION}\n`);
      return 0;
    }
    if (line.command.kind === "help") {
      stdout(help(program));
      return 0;
    }
    await carryOutLine(program, line, environment);
    return 0;
  } catch (error) {
    const { text, exit } = complaint(error, program, words, system);
    stderr(text);
    return exit;
  }
}

async function carryOutLine(
  program: IptablesProgram,
  line: RulesLine,
  environment: IptablesEnvironment,
): Promise<void> {
  const { command } = line;
  if (command.kind === "help" || command.kind === "version") throw usage("no command specified");
  const names = await environment.names();
  const rules = await environment.rules();
  const family = familyOf(program);
  let said = "";
  const change = (present: RuleSet): RuleSet => {
    const outcome = carryOut(present, command, line.verbose, names, environment.stdout);
    said = outcome.said;
    return outcome.rules;
  };
  const changes =
    !["list", "list-rules", "check"].includes(command.kind) || ("zero" in command && command.zero);
  if (changes) rules.change(family, change);
  else change(rules.ruleSet(family));
  environment.stdout(said);
}
