/**
 * Random modules of kernel TypeScript: a few functions and an entry that reads `input`, computes, and writes `output`,
 * the maps and the packet. The text comes in two spellings, TypeScript for the compiler and the same without
 * types for `new Function`.
 */
import {
  Expressions,
  type NumberType,
  type Scope,
  type Signature,
  type ValueType,
  type Variable,
} from "./expressions.ts";
import { Random } from "./random.ts";
import { FIELDS, HEADER_FIELDS, VALUE_FIELDS } from "./world.ts";

export interface Generated {
  readonly seed: number;
  readonly typescript: string;
  readonly javascript: string;
  readonly functions: readonly string[];
}

const VALUE_TYPES: readonly ValueType[] = ["u8", "u16", "u32", "s32", "u64", "boolean"];
const NUMBERS: readonly NumberType[] = ["u8", "u16", "u32", "s32"];

/** The module of a seed: always the same. */
export function generate(seed: number): Generated {
  const { text, functions } = new Generator(seed, true).module();
  return { seed, typescript: text, javascript: new Generator(seed, false).module().text, functions };
}

class Generator {
  readonly #random: Random;
  readonly #expressions: Expressions;
  readonly #typed: boolean;
  #names = 0;
  #loops = 0;
  /** A callback returns 0 or 1 only, so it has no random early returns. */
  #inCallback = false;
  /** Statements left before generation goes on with short ones only: keeps programs within the verifier's patience. */
  #budget = 40;

  constructor(seed: number, typed: boolean) {
    this.#random = new Random(seed);
    this.#expressions = new Expressions(this.#random);
    this.#typed = typed;
  }

  module(): { text: string; functions: string[] } {
    const signatures: Signature[] = [];
    const parts: string[] = [];
    const count = this.#random.below(4);
    for (let i = 0; i < count; i++) {
      const { signature, text } = this.#function(`f${i}`, signatures);
      signatures.push(signature);
      parts.push(text);
    }
    const callback = this.#callback(signatures);
    parts.push(callback, this.#entry(signatures));
    const functions = [...signatures.map(({ name }) => name), "round", "entry"];
    const text = parts.join("\n");
    return { text: this.#typed ? text : text.replaceAll("]!", "]"), functions };
  }

  #function(name: string, functions: readonly Signature[]): { signature: Signature; text: string } {
    const random = this.#random;
    const parameters = Array.from({ length: 1 + random.below(3) }, () =>
      random.oneIn(4) ? ("State" as const) : random.pick(VALUE_TYPES),
    );
    const returns = random.pick(VALUE_TYPES);
    const variables: Variable[] = parameters.map((type, i) => ({ name: `p${i}`, type, mutable: false }));
    const scope: Scope = { variables, functions };
    const head = parameters.map((type, i) => `p${i}${this.#type(type)}`).join(", ");
    const body = this.#block(scope, 2, returns);
    const last = `return ${this.#expressions.of(returns, scope, 3)};`;
    return {
      signature: { name, parameters, returns },
      text: `${this.#export()}function ${name}(${head})${this.#type(returns)} {\n${body}${last}\n}`,
    };
  }

  /** A callback of `repeat`, with the output as its context. */
  #callback(functions: readonly Signature[]): string {
    const variables: Variable[] = [
      { name: "index", type: "u32", mutable: false },
      { name: "state", type: "State", mutable: false },
    ];
    const scope: Scope = { variables, functions };
    this.#loops++;
    this.#inCallback = true;
    const body = this.#block(scope, 1, "u32");
    this.#inCallback = false;
    this.#loops--;
    const end = `return ${this.#expressions.boolean(scope, 1)} ? 1 : 0;`;
    return `${this.#export()}function round(index${this.#type("u32")}, state${this.#type("State")})${this.#type("u32")} {\n${body}${end}\n}`;
  }

  #entry(functions: readonly Signature[]): string {
    const variables: Variable[] = [
      { name: "source", type: "State", mutable: false },
      { name: "target", type: "State", mutable: false },
    ];
    const scope: Scope = { variables, functions };
    this.#budget = 40;
    const head = "const source = input.at(0);\nconst target = output.at(0);\n";
    const body = this.#block(scope, 3, "u32");
    const stores = FIELDS.map(
      ({ path, type }) => `target.${path} = ${this.#expressions.of(type, scope, 2)};`,
    );
    const text = `${this.#export()}function entry(packet${this.#type("Packet")})${this.#type("u32")} {\n${head}${body}${stores.join("\n")}\nreturn ${this.#expressions.number("u32", scope, 2)};\n}`;
    return text;
  }

  #block(scope: Scope, depth: number, returns: ValueType): string {
    const inner: Scope = { variables: scope.variables, functions: scope.functions };
    const before = scope.variables.length;
    let text = "";
    const count = 1 + this.#random.below(4);
    for (let i = 0; i < count && this.#budget > 0; i++) {
      this.#budget--;
      text += `${this.#statement(inner, depth, returns)}\n`;
    }
    if (depth < 3) scope.variables.length = before;
    return text;
  }

  #statement(scope: Scope, depth: number, returns: ValueType): string {
    const random = this.#random;
    const expressions = this.#expressions;
    switch (random.below(depth > 0 ? 14 : 5)) {
      case 0:
      case 1:
        return this.#declaration(scope);
      case 2:
        return this.#assignment(scope) ?? this.#declaration(scope);
      case 3:
      case 4:
        return this.#fieldStore(scope);
      case 5:
      case 6: {
        const condition = expressions.boolean(scope, 2);
        const then = this.#scoped(scope, depth, returns);
        const otherwise = random.oneIn(2) ? ` else {\n${this.#scoped(scope, depth, returns)}}` : "";
        return `if (${condition}) {\n${then}}${otherwise}`;
      }
      case 7:
        return random.oneIn(3) && returns !== "u64" && !this.#inCallback
          ? `if (${expressions.boolean(scope, 1)}) return ${expressions.of(returns, scope, 1)};`
          : this.#loop(scope, depth, returns);
      case 8:
        return this.#lookup(scope);
      case 9:
        return this.#listElement(scope);
      case 10:
        return this.#switch(scope, depth, returns);
      case 11:
        return this.#packet(scope);
      case 12:
        return this.#loops === 0 ? this.#repeat(scope) : this.#fieldStore(scope);
      default:
        return this.#atomic(scope);
    }
  }

  /** A nested block, whose declarations are gone behind it. */
  #scoped(scope: Scope, depth: number, returns: ValueType): string {
    const before = scope.variables.length;
    const text = this.#block(scope, depth - 1, returns);
    scope.variables.length = before;
    return text;
  }

  #declaration(scope: Scope): string {
    const type = this.#random.pick(VALUE_TYPES);
    const mutable = this.#random.oneIn(2);
    const name = this.#name();
    const value = this.#expressions.of(type, scope, 3);
    scope.variables.push({ name, type, mutable });
    return `${mutable ? "let" : "const"} ${name}${this.#type(type)} = ${value};`;
  }

  #assignment(scope: Scope): string | undefined {
    const mutable = scope.variables.filter((variable) => variable.mutable);
    if (mutable.length === 0) return undefined;
    const { name, type } = this.#random.pick(mutable);
    return `${name} = ${this.#expressions.of(type as ValueType, scope, 3)};`;
  }

  #fieldStore(scope: Scope): string {
    const references = scope.variables.filter(({ type, name }) => type === "State" && name !== "source");
    if (references.length === 0) return this.#declaration(scope);
    const { path, type } = this.#random.pick(FIELDS);
    return `${this.#random.pick(references).name}.${path} = ${this.#loose(type, scope)};`;
  }

  /** A value for a field: any interval, since stores truncate. */
  #loose(type: NumberType | "u64", scope: Scope): string {
    return type === "u64" || this.#random.oneIn(2)
      ? this.#expressions.of(type, scope, 2)
      : this.#expressions.of(this.#random.pick(NUMBERS), scope, 2);
  }

  #loop(scope: Scope, depth: number, returns: ValueType): string {
    if (this.#loops >= 2) return this.#declaration(scope);
    const name = this.#name();
    const bound = this.#random.oneIn(3)
      ? `(${this.#expressions.number("u8", scope, 1)} & 7)`
      : String(1 + this.#random.below(6));
    const before = scope.variables.length;
    const limit = this.#name();
    scope.variables.push({ name, type: "u8", mutable: false });
    this.#loops++;
    const body = this.#block(scope, Math.min(depth - 1, 1), returns);
    this.#loops--;
    const leave = this.#random.oneIn(3)
      ? `if (${this.#expressions.boolean(scope, 1)}) ${this.#random.pick(["break", "continue"])};\n`
      : "";
    scope.variables.length = before;
    return `const ${limit} = ${bound};\nfor (let ${name} = 0; ${name} < ${limit}; ${name}++) {\n${leave}${body}}`;
  }

  /** Hash map: look up, and change or insert or delete. */
  #lookup(scope: Scope): string {
    const random = this.#random;
    const key = this.#name();
    const found = this.#name();
    const e = this.#expressions;
    const make = `const ${key} = make(Key, { x: ${e.number("u32", scope, 1)} & 3, z: ${e.number("u8", scope, 0)} & 1 });`;
    const { path, type } = random.pick(VALUE_FIELDS);
    const value = this.#name();
    const insert = `const ${value} = make(Value, { n: ${e.number("u32", scope, 1)}, m: ${e.wide(scope, 1)}, l: ${e.number("u16", scope, 1)} });\ntable.update(${key}, ${value}, ${random.below(3)});`;
    const change = `${found}.${path} = ${this.#loose(type, scope)};`;
    const other = random.oneIn(3) ? `table.delete(${key});` : change;
    return `${make}\nconst ${found} = table.lookup(${key});\nif (${found} !== null) {\n${other}\n} else {\n${insert}\n}`;
  }

  #listElement(scope: Scope): string {
    const name = this.#name();
    const { path, type } = this.#random.pick(VALUE_FIELDS);
    const read = this.#random.pick(VALUE_FIELDS);
    const result = this.#name();
    const text = `let ${result}${this.#type(read.type)} = ${read.type === "u64" ? "0n" : "0"};
const ${name} = list.lookup(${this.#expressions.number("u32", scope, 1)} & 15);
if (${name} !== null) {
${name}.${path} = ${this.#loose(type, scope)};
${result} = ${name}.${read.path};
}`;
    scope.variables.push({ name: result, type: read.type, mutable: true });
    return text;
  }

  #switch(scope: Scope, depth: number, returns: ValueType): string {
    const cases = Array.from(
      { length: 1 + this.#random.below(4) },
      (_, i) => `case ${i}: {\n${this.#scoped(scope, depth, returns)}break;\n}`,
    );
    const rest = this.#random.oneIn(2) ? `default: {\n${this.#scoped(scope, depth, returns)}break;\n}` : "";
    return `switch (${this.#expressions.number("u32", scope, 1)} & 3) {\n${cases.join("\n")}\n${rest}\n}`;
  }

  #packet(scope: Scope): string {
    if (this.#loops > 0 || !scope.variables.some(({ name }) => name === "source"))
      return this.#declaration(scope);
    const name = this.#name();
    const result = this.#name();
    const read = this.#random.pick(HEADER_FIELDS);
    const written = this.#random.pick(HEADER_FIELDS);
    const text = `let ${result}${this.#type(read.type)} = 0;
const ${name} = packet.header(Header, ${this.#random.oneIn(2) ? this.#random.below(60) : `${this.#expressions.number("u8", scope, 1)} & 63`});
if (${name} !== null) {
${result} = ${name}.${read.path};
${name}.${written.path} = ${this.#loose(written.type, scope)};
}`;
    scope.variables.push({ name: result, type: read.type, mutable: true });
    return text;
  }

  #repeat(scope: Scope): string {
    const references = scope.variables.filter(({ name }) => name === "target");
    if (references.length === 0) return this.#declaration(scope);
    const context = this.#name();
    return `const ${context} = make(State);\ncopy(${context}, target);\nrepeat(${1 + this.#random.below(12)}, round, ${context});\ncopy(target, ${context});`;
  }

  #atomic(scope: Scope): string {
    const random = this.#random;
    const references = scope.variables.filter(({ name }) => name === "target" || name === "state");
    if (references.length === 0) return this.#declaration(scope);
    const reference = random.pick(references).name;
    const [field, type] = random.oneIn(2) ? (["c", "u32"] as const) : (["e", "u64"] as const);
    const value = this.#expressions.of(type, scope, 1);
    const name = this.#name();
    switch (random.below(4)) {
      case 0:
        return `atomicAdd(${reference}, "${field}", ${value});`;
      case 1: {
        scope.variables.push({ name, type, mutable: false });
        return `const ${name} = atomicFetchAdd(${reference}, "${field}", ${value});`;
      }
      case 2: {
        scope.variables.push({ name, type, mutable: false });
        return `const ${name} = atomicExchange(${reference}, "${field}", ${value});`;
      }
      default: {
        const expected = random.oneIn(2) ? `${reference}.${field}` : this.#expressions.of(type, scope, 1);
        scope.variables.push({ name, type, mutable: false });
        return `const ${name} = atomicCompareExchange(${reference}, "${field}", ${expected}, ${value});`;
      }
    }
  }

  #name(): string {
    return `v${this.#names++}`;
  }

  #type(type: string): string {
    return this.#typed ? `: ${type}` : "";
  }

  #export(): string {
    return this.#typed ? "export " : "";
  }
}
