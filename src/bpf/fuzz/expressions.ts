/** Random expressions of kernel TypeScript, of a wanted type. Each obeys the page's interval rules by construction. */
import type { Random } from "./random.ts";
import { FIELDS } from "./world.ts";

export type NumberType = "u8" | "u16" | "u32" | "s32";
export type ValueType = NumberType | "u64" | "boolean";

/** A name that generated code may use. `mutable`: declared with let. */
export interface Variable {
  readonly name: string;
  readonly type: ValueType | "State" | "Value" | "Header";
  readonly mutable: boolean;
}

export interface Signature {
  readonly name: string;
  readonly parameters: readonly (ValueType | "State")[];
  readonly returns: ValueType;
}

/** What is in scope while an expression is made. */
export interface Scope {
  readonly variables: Variable[];
  readonly functions: readonly Signature[];
}

/** An exact number expression and the largest magnitude it can have. */
interface Raw {
  readonly text: string;
  readonly bound: number;
}

const LIMIT = 2 ** 52;
const MAXIMUM: Record<NumberType, number> = { u8: 0xff, u16: 0xffff, u32: 0xffffffff, s32: 0x80000000 };
const FITS: Record<NumberType, readonly NumberType[]> = {
  u8: ["u8"],
  u16: ["u8", "u16"],
  u32: ["u8", "u16", "u32"],
  s32: ["u8", "u16", "s32"],
};

export class Expressions {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  of(type: ValueType, scope: Scope, depth: number): string {
    if (type === "boolean") return this.boolean(scope, depth);
    if (type === "u64") return this.wide(scope, depth);
    return this.number(type, scope, depth);
  }

  /** An expression whose interval fits `type`. */
  number(type: NumberType, scope: Scope, depth: number): string {
    const random = this.#random;
    if (depth <= 0 || random.oneIn(5)) return this.#leaf(type, scope).text;
    if (random.oneIn(8)) {
      const condition = this.boolean(scope, depth - 1);
      return `(${condition} ? ${this.number(type, scope, depth - 1)} : ${this.number(type, scope, depth - 1)})`;
    }
    if (random.oneIn(8)) {
      const call = this.#call(FITS[type], scope, depth);
      if (call !== undefined) return call;
    }
    if (type === "u32" && random.oneIn(10)) return `swap32(${this.number("u32", scope, depth - 1)})`;
    if (type === "u32" && random.oneIn(10)) return `squares.at(${this.number("u8", scope, depth - 1)})`;
    if (type === "u16" && random.oneIn(8)) return `swap16(${this.number("u16", scope, depth - 1)})`;
    const raw = this.#raw(scope, depth - 1).text;
    switch (type) {
      case "u8":
        return `(${raw} & 0xff)`;
      case "u16":
        return random.oneIn(4) ? `((${raw} >>> ${16 + random.below(16)}) & 0xffff)` : `(${raw} & 0xffff)`;
      case "u32":
        return random.oneIn(4) ? `(${raw} >>> ${random.below(34)})` : `(${raw} >>> 0)`;
      case "s32":
        return random.oneIn(4) ? `(${raw} >> ${random.below(34)})` : `(${raw} | 0)`;
    }
  }

  /** An expression of u64, wrapped. */
  wide(scope: Scope, depth: number): string {
    const random = this.#random;
    if (depth <= 0 || random.oneIn(5)) {
      const variable = this.#variable(["u64"], scope);
      if (variable !== undefined && !random.oneIn(4)) return variable;
      return `${random.interesting64()}n`;
    }
    const left = this.wide(scope, depth - 1);
    switch (random.below(10)) {
      case 0:
      case 1:
      case 2: {
        const operator = random.pick(["+", "-", "*", "&", "|", "^"]);
        return `BigInt.asUintN(64, ${left} ${operator} ${this.wide(scope, depth - 1)})`;
      }
      case 3:
        return `BigInt.asUintN(64, ${left} << ${random.below(64)}n)`;
      case 4:
        return `(${left} >> ${random.below(64)}n)`;
      case 5:
        return `(${left} ${random.pick(["/", "%"])} ${1 + random.interesting()}n)`;
      case 6:
        return `${random.pick(["divide64", "modulo64"])}(${left}, ${this.wide(scope, depth - 1)})`;
      case 7:
        return `BigInt(${this.number("u32", scope, depth - 1)})`;
      case 8:
        return `swap64(${left})`;
      default:
        return `(${this.boolean(scope, depth - 1)} ? ${left} : ${this.wide(scope, depth - 1)})`;
    }
  }

  boolean(scope: Scope, depth: number): string {
    const random = this.#random;
    const comparison = random.pick(["===", "!==", "<", "<=", ">", ">="]);
    if (depth <= 0)
      return `(${this.#leaf("u32", scope).text} ${comparison} ${this.#leaf("u32", scope).text})`;
    switch (random.below(7)) {
      case 0:
        return `(${this.boolean(scope, depth - 1)} ${random.pick(["&&", "||"])} ${this.boolean(scope, depth - 1)})`;
      case 1:
        return `!${this.boolean(scope, depth - 1)}`;
      case 2:
        return `(${this.wide(scope, depth - 1)} ${comparison} ${this.wide(scope, depth - 1)})`;
      default: {
        const variable = random.oneIn(3) ? this.#variable(["boolean"], scope) : undefined;
        return (
          variable ??
          `(${this.#raw(scope, depth - 1).text} ${comparison} ${this.#raw(scope, depth - 1).text})`
        );
      }
    }
  }

  /** An exact number of any interval within ±2^52. */
  #raw(scope: Scope, depth: number): Raw {
    const random = this.#random;
    if (depth <= 0 || random.oneIn(6)) return this.#leaf(random.pick(["u8", "u16", "u32", "s32"]), scope);
    const left = this.#raw(scope, depth - 1);
    const right = this.#raw(scope, depth - 1);
    switch (random.below(12)) {
      case 0:
      case 1:
        if (left.bound + right.bound > LIMIT) break;
        return {
          text: `(${left.text} ${random.pick(["+", "-"])} ${right.text})`,
          bound: left.bound + right.bound,
        };
      case 2:
        if (left.bound * right.bound > LIMIT) break;
        return { text: `(${left.text} * ${right.text})`, bound: left.bound * right.bound };
      case 3:
      case 4:
        return { text: `(${left.text} ${random.pick(["&", "|", "^"])} ${right.text})`, bound: 0x80000000 };
      case 5: {
        const count = random.oneIn(2) ? String(random.below(40)) : this.#leaf("u8", scope).text;
        const operator = random.pick(["<<", ">>", ">>>"]);
        return { text: `(${left.text} ${operator} ${count})`, bound: 0xffffffff };
      }
      case 6:
        return {
          text: `((${left.text} ${random.pick(["/", "%"])} ${right.text}) ${random.pick([">>> 0", "| 0"])})`,
          bound: 0xffffffff,
        };
      case 7:
        return { text: `Math.trunc(${left.text} / ${1 + random.interesting()})`, bound: left.bound };
      case 8:
        return { text: `(${left.text} % ${1 + random.interesting()})`, bound: left.bound };
      case 9:
        return { text: `(-${left.text})`, bound: left.bound };
      case 10:
        return { text: `(~${left.text})`, bound: 0x80000000 };
      default:
        return { text: `Number(${this.wide(scope, depth - 1)} & 0xffffffffn)`, bound: 0xffffffff };
    }
    return { text: `(${left.text} ^ ${right.text})`, bound: 0x80000000 };
  }

  #leaf(type: NumberType, scope: Scope): Raw {
    const random = this.#random;
    const variable = random.oneIn(4) ? undefined : this.#variable(FITS[type], scope);
    if (variable !== undefined) return { text: variable, bound: MAXIMUM[type] };
    const value = random.interesting();
    const text =
      type === "s32"
        ? String(value | 0)
        : String(type === "u8" ? value & 0xff : type === "u16" ? value & 0xffff : value);
    return { text: text.startsWith("-") ? `(${text})` : text, bound: MAXIMUM[type] };
  }

  /** A variable, or a field of a reference, of one of these types. */
  #variable(types: readonly ValueType[], scope: Scope): string | undefined {
    const random = this.#random;
    const references = scope.variables.filter(({ type }) => type === "State");
    const fields = FIELDS.filter(({ type }) => types.includes(type));
    if (references.length > 0 && fields.length > 0 && random.oneIn(2)) {
      return `${random.pick(references).name}.${random.pick(fields).path}`;
    }
    const fitting = scope.variables.filter(({ type }) => (types as readonly string[]).includes(type));
    return fitting.length === 0 ? undefined : random.pick(fitting).name;
  }

  #call(types: readonly ValueType[], scope: Scope, depth: number): string | undefined {
    const fitting = scope.functions.filter(({ returns }) => types.includes(returns));
    if (fitting.length === 0) return undefined;
    const callee = this.#random.pick(fitting);
    const references = scope.variables.filter(({ type }) => type === "State");
    if (callee.parameters.includes("State") && references.length === 0) return undefined;
    const args = callee.parameters.map((type) =>
      type === "State" ? this.#random.pick(references).name : this.of(type, scope, Math.min(depth - 1, 1)),
    );
    return `${callee.name}(${args.join(", ")})`;
  }
}
