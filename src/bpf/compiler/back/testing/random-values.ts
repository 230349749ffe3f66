/** Random computations over the variables of a function. */
import type { AluOperation, Comparison, Operand, Reg } from "../../../ir.ts";
import { constant, type FunctionBuilder } from "./builder.ts";
import type { Random } from "./random.ts";

const OPERATIONS: readonly AluOperation[] = [
  "add",
  "sub",
  "mul",
  "div",
  "mod",
  "and",
  "or",
  "xor",
  "lsh",
  "rsh",
  "arsh",
];
export const COMPARISONS: readonly Comparison[] = [
  "eq",
  "ne",
  "lt",
  "le",
  "gt",
  "ge",
  "slt",
  "sle",
  "sgt",
  "sge",
];
const INTERESTING = [0n, 1n, 2n, 7n, 8n, 31n, 32n, 63n, 64n, 255n, 256n, 0xffffn, 0x7fffffffn, 0x80000000n];
const MORE = [0xffffffffn, 0x100000000n, 0x8000000000000000n, 0xffffffffffffffffn, 0xff00ff00ff00ff00n];

export class RandomValues {
  /** Registers that hold numbers, and may be assigned. */
  readonly variables: Reg[] = [];
  readonly #random: Random;
  readonly #b: FunctionBuilder;

  constructor(random: Random, builder: FunctionBuilder) {
    this.#random = random;
    this.#b = builder;
  }

  constant(): Operand {
    const roll = this.#random.below(10);
    if (roll < 6) return constant(this.#random.pick(INTERESTING));
    if (roll < 8) return constant(this.#random.pick(MORE));
    return roll < 9 ? constant(-BigInt(this.#random.below(200))) : constant(this.#random.bits64());
  }

  variable(): Operand & { reg: Reg } {
    return { reg: this.#random.pick(this.variables) };
  }

  scalar(depth = 0): Operand {
    const roll = this.#random.below(10);
    if (roll < 5 || depth > 2) return this.variable();
    if (roll < 7) return this.constant();
    return this.expression(depth + 1);
  }

  expression(depth: number): Operand {
    const b = this.#b;
    const random = this.#random;
    const roll = random.below(20);
    if (roll < 12) {
      const width = random.chance(50) ? 32 : 64;
      return b.alu(random.pick(OPERATIONS), width, this.scalar(depth), this.scalar(depth));
    }
    const dst = b.register();
    if (roll < 15) {
      const bits = random.pick([8, 16, 32] as const);
      b.emit({ op: "extend", bits, signed: random.chance(50), dst, src: this.scalar(depth) });
    } else if (roll < 17) {
      b.emit({ op: "swap", bits: random.pick([16, 32, 64] as const), dst, src: this.scalar(depth) });
    } else if (roll < 19) {
      const comparison = random.pick(COMPARISONS);
      b.emit({ op: "compare", comparison, dst, left: this.scalar(depth), right: this.scalar(depth) });
    } else if (random.chance(50)) {
      b.emit({ op: "hide", dst, src: this.scalar(depth) });
    } else {
      b.move(dst, this.scalar(depth));
    }
    return { reg: dst };
  }

  /** A number below `limit`, a power of two, in ways that the verifier follows and in ways it does not. */
  bounded(limit: number): Operand {
    const b = this.#b;
    const value = this.scalar();
    const roll = this.#random.below(4);
    if (roll === 0) return b.alu("mod", 64, value, constant(Math.max(1, limit - 1)));
    if (roll === 1) return b.alu("mod", 32, value, constant(limit));
    if (roll === 2) {
      const swapped = b.register();
      b.emit({ op: "swap", bits: 16, dst: swapped, src: value });
      return b.alu("rsh", 64, { reg: swapped }, constant(16 - Math.log2(limit)));
    }
    return b.alu("and", 64, value, constant(limit - 1));
  }
}
