import { RulesError, usage } from "../../ipvs/rules/text/rules-error.ts";
import { FOREIGN_TABLES } from "../../ipvs/rules/text/tables.ts";
import type { IptablesEnvironment, IptablesProgram } from "./environment.ts";
import { advice, VERSION } from "./messages.ts";

/**
 * Does a command about another table: the system's program is run in place of ours, if there is one.
 *
 * @returns the exit status
 */
export function handOn(
  program: IptablesProgram,
  table: string,
  words: readonly string[],
  { system, stderr }: IptablesEnvironment,
): number {
  if (!FOREIGN_TABLES.includes(table)) {
    if (table === "") throw usage("no command specified");
    throw new RulesError("version", `table '${table}' does not exist`);
  }
  const path = system.find(program);
  if (path !== null) return system.run(path, words);
  stderr(
    `${program} ${VERSION}: the table \`${table}' is none of ours: there are only rules that give marks, in the table \`mangle'\n` +
      advice(program, words, system),
  );
  return 2;
}
