import { usage } from "./rules-error.ts";

/** An option that a command line may have. */
export interface OptionSpec {
  /** Without dashes. */
  readonly long: string;
  readonly short?: string;
  readonly argument: "none" | "required" | "optional";
}

/** What the reader found next: an option, a word that is none, or an option that is not known. */
export type ReadWord<Spec extends OptionSpec> =
  | { readonly spec: Spec; readonly value: string | null; readonly word: string }
  | { readonly spec: null; readonly isOption: boolean; readonly word: string };

/**
 * Reads a command line as getopt_long(3) does, in order: short options combine (`-nvL`) and take their argument from the rest of the
 * word or from the next word; long options may be shortened to what is unique, with an argument behind `=` or in the next word;
 * optional arguments are never in the next word; `--` ends it all.
 */
export class OptionReader<Spec extends OptionSpec> {
  readonly #words: readonly string[];
  #next = 0;
  /** The unread rest of a word of short options. */
  #rest = "";
  #ended = false;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  /**
   * The next option or word; null at the end.
   *
   * @param known options that count now
   * @throws RulesError for an option without its argument
   */
  next(known: readonly Spec[]): ReadWord<Spec> | null {
    if (this.#rest !== "") return this.#short(known);
    if (this.#ended) return null;
    const word = this.#words[this.#next];
    if (word === undefined) return null;
    this.#next++;
    if (word === "--") {
      this.#ended = true;
      return null;
    }
    if (word.startsWith("--")) return this.#long(word, known);
    if (!word.startsWith("-") || word === "-") return { spec: null, isOption: false, word };
    this.#rest = word.slice(1);
    return this.#short(known);
  }

  /** The next word, if it is neither an option nor a `!`: an argument that may be left out. */
  takeArgument(): string | null {
    const word = this.#words[this.#next];
    if (this.#rest !== "" || word === undefined || /^[-!]/.test(word)) return null;
    this.#next++;
    return word;
  }

  /** Goes back over the word that was read last, so that it is read again. */
  stepBack(): void {
    this.#next--;
    this.#rest = "";
  }

  /** Whether words are left behind `--`. */
  get hasMore(): boolean {
    return this.#next < this.#words.length;
  }

  #long(word: string, known: readonly Spec[]): ReadWord<Spec> {
    const equals = word.indexOf("=");
    const name = word.slice(2, equals < 0 ? undefined : equals);
    const spec =
      known.find(({ long }) => long === name) ?? onlyOne(known.filter(({ long }) => long.startsWith(name)));
    const attached = equals < 0 ? null : word.slice(equals + 1);
    if (spec === null || (spec.argument === "none" && attached !== null))
      return { spec: null, isOption: true, word };
    if (spec.argument !== "required" || attached !== null) return { spec, value: attached, word };
    return { spec, value: this.#argument(word), word };
  }

  #short(known: readonly Spec[]): ReadWord<Spec> {
    const word = this.#words[this.#next - 1]!;
    const letter = this.#rest.charAt(0);
    const spec = known.find(({ short }) => short === letter);
    if (spec === undefined) {
      this.#rest = "";
      return { spec: null, isOption: true, word };
    }
    this.#rest = this.#rest.slice(1);
    if (spec.argument === "none") return { spec, value: null, word };
    const attached = this.#rest === "" ? null : this.#rest;
    this.#rest = "";
    if (spec.argument === "optional" || attached !== null) return { spec, value: attached, word };
    return { spec, value: this.#argument(word), word };
  }

  #argument(word: string): string {
    const value = this.#words[this.#next++];
    if (value === undefined) throw usage(`option "${word}" requires an argument`);
    return value;
  }
}

/** Null if there is none, or if several mean different things. */
function onlyOne<Spec extends OptionSpec>(specs: readonly Spec[]): Spec | null {
  const [first, ...others] = specs;
  return first !== undefined && others.every((other) => sameOption(first, other)) ? first : null;
}

function sameOption(a: OptionSpec, b: OptionSpec): boolean {
  return a.short !== undefined && a.short === b.short;
}
