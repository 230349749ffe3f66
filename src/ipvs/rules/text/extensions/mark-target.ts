import type { Target } from "../../model.ts";
import { ExtensionOptions } from "../extension-options.ts";
import { usage } from "../rules-error.ts";
import { type ExtensionOption, type ExtensionReader, withArgument } from "./extension.ts";

const OPTIONS = ["set-xmark", "set-mark", "and-mark", "or-mark", "xor-mark"];

/** Reads `-j MARK`. */
export class MarkTargetReader implements ExtensionReader<Target> {
  readonly options = withArgument(...OPTIONS);
  readonly #given = new ExtensionOptions("MARK");
  #target: Target | null = null;

  take({ name, value: text, negated }: ExtensionOption): void {
    const given = this.#given;
    given.take(name, { negated, exclusive: OPTIONS });
    switch (name) {
      case "set-xmark":
        this.#target = { kind: "mark", ...given.markAndMask(name, text) };
        break;
      case "set-mark": {
        const { value, mask } = given.markAndMask(name, text);
        this.#target = { kind: "mark", value, mask: (mask | value) >>> 0 };
        break;
      }
      case "and-mark":
        this.#target = { kind: "mark", value: 0, mask: ~given.bits(name, text) >>> 0 };
        break;
      case "or-mark": {
        const value = given.bits(name, text);
        this.#target = { kind: "mark", value, mask: value };
        break;
      }
      default:
        this.#target = { kind: "mark", value: given.bits(name, text), mask: 0 };
    }
  }

  finish(): Target {
    if (this.#target !== null) return this.#target;
    throw usage("MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required");
  }
}
