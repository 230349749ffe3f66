import { UsageError } from "./usage-error.ts";

/** An option of a command of `lvs`. */
export interface OptionRule {
  /** Spellings with their dashes, the one that messages use first. */
  readonly spellings: readonly string[];
  /** What stands for the argument in messages; null: it takes none. */
  readonly argument: string | null;
}

/** The words behind a command. */
export interface ReadWords<Name extends string> {
  /** The options that were said, each with its arguments in order ("" for one that takes none). */
  readonly options: ReadonlyMap<Name, readonly string[]>;
  /** What is not an option. */
  readonly rest: readonly string[];
}

/**
 * Reads the words behind a command: `--name VALUE`, `--name=VALUE`, `-n VALUE`, `-nVALUE`; `--` ends the options. An
 * option may be said several times.
 *
 * @throws UsageError for an option that the command does not have, or one that lacks its argument
 */
export function readWords<Name extends string>(
  command: string,
  words: readonly string[],
  rules: Readonly<Record<Name, OptionRule>>,
): ReadWords<Name> {
  const options = new Map<Name, string[]>();
  const rest: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    if (word === "--") {
      rest.push(...words.slice(index + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      rest.push(word);
      continue;
    }
    const { spelling, attached } = split(word);
    const name = (Object.keys(rules) as Name[]).find((key) => rules[key].spellings.includes(spelling));
    if (name === undefined) throw unknown(command, spelling, Object.values<OptionRule>(rules));
    const { argument } = rules[name];
    if (argument === null && attached !== null) {
      throw new UsageError(`${spelling} of lvs ${command} takes no argument, but got ${attached}`);
    }
    const value = argument === null ? "" : (attached ?? words[++index]);
    if (value === undefined) throw new UsageError(`lvs ${command} ${spelling} needs ${argument} behind it`);
    const values = options.get(name);
    if (values === undefined) options.set(name, [value]);
    else values.push(value);
  }
  return { options, rest };
}

/** Throws UsageError if there are words that are no options. */
export function refuseRest(command: string, { rest }: { readonly rest: readonly string[] }): void {
  if (rest.length > 0) throw new UsageError(`lvs ${command} takes no arguments, but got ${rest.join(" ")}`);
}

function split(word: string): { spelling: string; attached: string | null } {
  if (word.startsWith("--")) {
    const equals = word.indexOf("=");
    if (equals < 0) return { spelling: word, attached: null };
    return { spelling: word.slice(0, equals), attached: word.slice(equals + 1) };
  }
  return { spelling: word.slice(0, 2), attached: word.length > 2 ? word.slice(2).replace(/^=/, "") : null };
}

function unknown(command: string, spelling: string, rules: readonly OptionRule[]): UsageError {
  const known = rules.map(({ spellings }) => spellings[0]).join(", ");
  const there = rules.length === 0 ? "it takes none" : `it takes ${known}`;
  return new UsageError(`lvs ${command} does not know the option ${spelling}: ${there}`);
}
