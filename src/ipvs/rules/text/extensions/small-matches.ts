import type { Match } from "../../model.ts";
import { ExtensionOptions } from "../extension-options.ts";
import { usage } from "../rules-error.ts";
import { type ExtensionOption, type ExtensionReader, type RuleContext, withArgument } from "./extension.ts";

/** Reads `-m mark`. */
export class MarkReader implements ExtensionReader<Match> {
  readonly options = withArgument("mark");
  readonly #given = new ExtensionOptions("mark");
  #match: Match | null = null;

  take({ value, negated }: ExtensionOption): void {
    this.#given.take("mark", { negated, canNegate: true });
    this.#match = { kind: "mark", negated, ...this.#given.markAndMask("mark", value) };
  }

  finish(): Match {
    this.#given.require("mark");
    return this.#match!;
  }
}

const LONGEST_COMMENT = 255;

/** Reads `-m comment`. */
export class CommentReader implements ExtensionReader<Match> {
  readonly options = withArgument("comment");
  readonly #given = new ExtensionOptions("comment");
  #text = "";

  take({ value, negated }: ExtensionOption): void {
    this.#given.take("comment", { negated });
    if (Buffer.byteLength(value) > LONGEST_COMMENT) {
      throw usage(`Argument must have a maximum length of ${LONGEST_COMMENT} characters`);
    }
    if (/[\n\r\0]/.test(value)) throw usage("a comment must be a single line");
    this.#text = value;
  }

  finish(): Match {
    this.#given.require("comment");
    return { kind: "comment", text: this.#text };
  }
}

const MOST_DIRECTIONS = 6;

/** Reads `-m set`. */
export class SetReader implements ExtensionReader<Match> {
  readonly options = withArgument("match-set");
  #match: Match | null = null;

  take({ value, negated }: ExtensionOption, { takeArgument }: RuleContext): void {
    if (this.#match !== null) throw usage("--match-set can be specified only once");
    const words = takeArgument();
    if (words === null) throw usage("--match-set requires two args.");
    const directions = words.split(",").map((word) => {
      if (word !== "src" && word !== "dst") {
        throw usage("You must spefify (the comma separated list of) 'src' or 'dst'.");
      }
      return word;
    });
    if (directions.length > MOST_DIRECTIONS) {
      throw usage("Can't be more src/dst options than 6.");
    }
    this.#match = { kind: "set", negated, name: value, directions };
  }

  finish(): Match {
    if (this.#match === null) throw usage("You must specify `--match-set' with proper arguments");
    return this.#match;
  }
}
