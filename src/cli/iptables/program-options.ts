/** The options of the programs that save and restore: as getopt_long(3) reads them and complains of them. */

import type { IptablesEnvironment } from "./environment.ts";
import { VERSION } from "./messages.ts";

export interface ProgramOption<Name extends string> {
  readonly name: Name;
  readonly short?: string;
  readonly argument: "none" | "required" | "optional";
}

export type ReadProgramOptions<Name extends string> =
  | { readonly options: ReadonlyMap<Name, string>; readonly rest: readonly string[] }
  /** What is wrong, without the program's name. */
  | { readonly problem: string };

/**
 * Reads a program's words, and says what is wrong with them, with `advice` behind it, or its version if that is asked for. Then there
 * is nothing else to do: a number is the exit status.
 */
export function openProgram<Name extends string>(
  program: string,
  words: readonly string[],
  known: readonly ProgramOption<Name | "version">[],
  advice: string,
  { stdout, stderr }: Pick<IptablesEnvironment, "stdout" | "stderr">,
): Extract<ReadProgramOptions<Name | "version">, { options: unknown }> | number {
  const read = readProgramOptions(words, known);
  if ("problem" in read) {
    stderr(`${program}: ${read.problem}\n${advice}\n`);
    return 1;
  }
  if (!read.options.has("version")) return read;
  stdout(`${program} ${VERSION}\n`);
  return 0;
}

/** Options may be anywhere among the other words; the last of several counts. */
export function readProgramOptions<Name extends string>(
  words: readonly string[],
  known: readonly ProgramOption<Name>[],
): ReadProgramOptions<Name> {
  const options = new Map<Name, string>();
  const rest: string[] = [];
  const pending = [...words];
  for (let word = pending.shift(); word !== undefined; word = pending.shift()) {
    if (word === "--") {
      rest.push(...pending);
      break;
    }
    if (word === "-" || !word.startsWith("-")) {
      rest.push(word);
    } else if (word.startsWith("--")) {
      const [, name, attached] = /^--([^=]*)(?:=(.*))?$/s.exec(word)!;
      const exact = known.filter((option) => option.name === name);
      const found = exact.length > 0 ? exact : known.filter((option) => option.name.startsWith(name!));
      const [option, other] = found;
      if (option === undefined) return { problem: `unrecognized option '${word.split("=")[0]}'` };
      if (other !== undefined) {
        const possibilities = found.map((each) => `'--${each.name}'`).join(" ");
        return { problem: `option '${word}' is ambiguous; possibilities: ${possibilities}` };
      }
      if (option.argument === "none" && attached !== undefined) {
        return { problem: `option '--${option.name}' doesn't allow an argument` };
      }
      const value = option.argument === "required" ? (attached ?? pending.shift()) : (attached ?? "");
      if (value === undefined) return { problem: `option '--${option.name}' requires an argument` };
      options.set(option.name, value);
    } else {
      let letters = word.slice(1);
      while (letters !== "") {
        const letter = letters.charAt(0);
        letters = letters.slice(1);
        const option = known.find(({ short }) => short === letter);
        if (option === undefined) return { problem: `invalid option -- '${letter}'` };
        if (option.argument === "none") {
          options.set(option.name, "");
          continue;
        }
        const value = letters !== "" || option.argument === "optional" ? letters : pending.shift();
        if (value === undefined) return { problem: `option requires an argument -- '${letter}'` };
        options.set(option.name, value);
        letters = "";
      }
    }
  }
  return { options, rest };
}
