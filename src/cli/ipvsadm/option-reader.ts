import { OPTIONS, type OptionSpec } from "./options.ts";

/** Why a word is no option: the sentences of the popt library, which end up in front of the user. */
export type OptionProblem = "unknown option" | "missing argument" | "option does not take an argument";

/** What the reader found next. `word` is the word of the command line the option was read from, whole. */
export type ReadOption =
  | { readonly spec: OptionSpec; readonly value: string | null; readonly word: string }
  | { readonly problem: OptionProblem; readonly word: string };

const BY_LONG = new Map(OPTIONS.flatMap((spec) => (spec.long === null ? [] : [[spec.long, spec] as const])));
const BY_SHORT = new Map(
  OPTIONS.flatMap((spec) => (spec.short === null ? [] : [[spec.short, spec] as const])),
);

/**
 * Reads a command line as the popt library does: options and other words may mix; short options combine (`-Ln`,
 * `-mw4`) and take their argument from the rest of the word, behind an optional `=`, or from the next word; long
 * options are never abbreviated; `--` ends the options; a single `-` is no option.
 */
export class OptionReader {
  readonly #words: readonly string[];
  #next = 0;
  /** The unread rest of a word of short options. */
  #rest = "";
  #optionsEnded = false;
  #arguments: string[] = [];

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  /** The words read so far that are not options, in order. */
  get arguments(): readonly string[] {
    return this.#arguments;
  }

  /** The next option, or null at the end of the line. */
  next(): ReadOption | null {
    if (this.#rest !== "") return this.#short();
    while (this.#next < this.#words.length) {
      const word = this.#words[this.#next++]!;
      if (this.#optionsEnded || word === "-" || !word.startsWith("-")) {
        this.#arguments.push(word);
      } else if (word === "--") {
        this.#optionsEnded = true;
      } else if (word.startsWith("--")) {
        return this.#long(word);
      } else {
        this.#rest = word.slice(1);
        return this.#short();
      }
    }
    return null;
  }

  #long(word: string): ReadOption {
    const equals = word.indexOf("=");
    const spec = BY_LONG.get(equals < 0 ? word.slice(2) : word.slice(2, equals));
    if (spec === undefined) return { problem: "unknown option", word };
    return this.#withArgument(spec, equals < 0 ? null : word.slice(equals + 1));
  }

  #short(): ReadOption {
    const spec = BY_SHORT.get(this.#rest.charAt(0));
    if (spec === undefined) {
      this.#rest = "";
      return { problem: "unknown option", word: this.#lastWord() };
    }
    this.#rest = this.#rest.slice(1);
    if (spec.argument === "none") {
      if (!this.#rest.startsWith("=")) return { spec, value: null, word: this.#lastWord() };
      this.#rest = "";
      return { problem: "option does not take an argument", word: this.#lastWord() };
    }
    const attached = this.#rest;
    this.#rest = "";
    return this.#withArgument(spec, attached === "" ? null : attached.replace(/^=/, ""));
  }

  #withArgument(spec: OptionSpec, attached: string | null): ReadOption {
    if (spec.argument === "none") {
      return attached === null
        ? { spec, value: null, word: this.#lastWord() }
        : { problem: "option does not take an argument", word: this.#lastWord() };
    }
    if (attached !== null) return { spec, value: attached, word: this.#lastWord() };
    const following = this.#words[this.#next];
    if (spec.argument === "optional" && (following === undefined || following.startsWith("-"))) {
      return { spec, value: null, word: this.#lastWord() };
    }
    if (following === undefined) return { problem: "missing argument", word: this.#lastWord() };
    this.#next++;
    return { spec, value: following, word: this.#lastWord() };
  }

  #lastWord(): string {
    return this.#words[this.#next - 1]!;
  }
}
