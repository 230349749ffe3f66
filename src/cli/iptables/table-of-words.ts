/** The table that a command line speaks of, found without understanding the rest of it: that may be in another program's words. */
import { isCommand, OPTIONS } from "../../ipvs/rules/text/options.ts";

/** Letters of options that take an argument. */
const WITH_ARGUMENT = OPTIONS.flatMap(({ short, argument }) => (argument === "required" ? [short!] : []));
const LONG_COMMANDS = OPTIONS.flatMap(({ short, long }) => (isCommand(short!) ? [long] : []));
const COMMANDS = /^-[a-z0-9]*[ACDEFILNPRSXZ]/;
/** Options of matches and targets whose argument is any text, and so may look like an option. */
const WITH_TEXT = ["comment", "log-prefix", "nflog-prefix", "ulog-prefix", "string", "hex-string"];
const LONG_OPTIONS = [...OPTIONS, ...WITH_TEXT.map((long) => ({ long, argument: "required" }) as const)];

/** A word of options, and the argument of the last of them. */
interface OptionWord {
  readonly word: string;
  readonly isTable: boolean;
  readonly value: string | null;
}

/** The last `-t` or `--table`; null: none. */
export function tableOf(words: readonly string[]): string | null {
  let table: string | null = null;
  for (const { isTable, value } of optionWords(words)) if (isTable) table = value ?? table;
  return table;
}

/** Whether there is a command in it, such as `-A` or `--list`. */
export function hasCommand(words: readonly string[]): boolean {
  return [...optionWords(words)].some(
    ({ word }) =>
      COMMANDS.test(word) ||
      LONG_COMMANDS.some((name) => word === `--${name}` || word.startsWith(`--${name}=`)),
  );
}

/** Those before `--`, without words that are an argument of what is before them. */
function* optionWords(words: readonly string[]): Generator<OptionWord> {
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    if (word === "--") return;
    const long = /^--([^=]+)(?:=(.*))?$/s.exec(word);
    if (long !== null) {
      const [, name, attached] = long;
      const value = attached ?? (takesArgument(name!) ? words[++index] : undefined);
      yield { word, isTable: "table".startsWith(name!), value: value ?? null };
    } else if (word.startsWith("-") && !word.startsWith("--")) {
      const at = [...word.slice(1)].findIndex((letter) => WITH_ARGUMENT.includes(letter));
      const attached = word.slice(at + 2);
      const value = at < 0 ? undefined : attached === "" ? words[++index] : attached;
      yield { word, isTable: at >= 0 && word.charAt(at + 1) === "t", value: value ?? null };
    }
  }
}

/** Whether a long option, which may be shortened, has an argument in any case. */
function takesArgument(name: string): boolean {
  const exact = LONG_OPTIONS.find(({ long }) => long === name);
  if (exact !== undefined) return exact.argument === "required";
  const possible = LONG_OPTIONS.filter(({ long }) => long.startsWith(name));
  return possible.length > 0 && possible.every(({ argument }) => argument === "required");
}
