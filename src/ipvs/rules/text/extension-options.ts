/** What the options of most matches and targets have in common. */
import { leadingNumber, wholeNumber } from "./parse-values.ts";
import { usage } from "./rules-error.ts";

/** Keeps account of the options of one match or target, and of what they may not be. */
export class ExtensionOptions {
  readonly #extension: string;
  readonly #given = new Set<string>();

  /** @param extension its name, in front of messages */
  constructor(extension: string) {
    this.#extension = extension;
  }

  has(option: string): boolean {
    return this.#given.has(option);
  }

  /** An option comes. At most one of `exclusive` may. */
  take(option: string, { negated = false, canNegate = false, exclusive = [] as readonly string[] }): void {
    if (this.has(option)) throw this.#wrong(`option "--${option}" can only be used once.`);
    if (negated && !canNegate) throw this.#wrong(`option "--${option}" cannot be inverted.`);
    this.#given.add(option);
    const [first, second] = exclusive.filter((name) => this.has(name));
    if (first !== undefined && second !== undefined) {
      throw this.#wrong(`option "--${first}" cannot be used together with "--${second}".`);
    }
  }

  /** There must be this option. */
  require(option: string): void {
    if (!this.has(option)) throw this.#wrong(`option "--${option}" must be specified`);
  }

  /** "5", "0x10/0xf0": 32 bits, and a mask of all ones if there is none. */
  markAndMask(option: string, text: string): { value: number; mask: number } {
    const value = this.#bits(option, text);
    const mask = value.rest.startsWith("/")
      ? this.#bits(option, value.rest.slice(1))
      : { bits: 0xffffffff, rest: value.rest };
    if (mask.rest !== "") throw this.#wrong(`trailing garbage after value for option "--${option}".`);
    return { value: value.bits, mask: mask.bits };
  }

  /** 32 bits. */
  bits(option: string, text: string): number {
    const value = wholeNumber(text, 0, 0xffffffff);
    if (value !== null) return value;
    throw this.#wrong(`bad value for option "--${option}", or out of range (0-4294967295).`);
  }

  #bits(option: string, text: string): { bits: number; rest: string } {
    const found = leadingNumber(text);
    if (found === null || found.value > 0xffffffffn) {
      throw this.#wrong(`bad integer value for option "--${option}", or out of range.`);
    }
    return { bits: Number(found.value), rest: found.rest };
  }

  /** These messages of the original end in a line feed of their own. */
  #wrong(message: string): Error {
    return usage(`${this.#extension}: ${message}\n`);
  }
}
