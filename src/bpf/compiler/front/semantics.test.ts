/** The same function as JavaScript and as IR: equal results, at the edges of every type. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { printModule } from "../back/print.ts";
import { interpretIr } from "../back/testing/interpret-ir.ts";
import { lowerModule } from "./index.ts";
import { textModule } from "./testing/text-module.ts";

type Argument = number | bigint | boolean;

const EDGES: Readonly<Record<string, readonly Argument[]>> = {
  u8: [0, 1, 2, 7, 0x7f, 0x80, 0xff],
  u16: [0, 1, 0xff, 0x100, 0x7fff, 0x8000, 0xffff],
  u32: [0, 1, 2, 3, 31, 32, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 123456789],
  s32: [0, 1, -1, 2, -2, 7, -7, 31, 0x7fffffff, -0x80000000, -0x7fffffff, 65536, -65536],
  u64: [0n, 1n, 2n, 63n, 0xffffffffn, 0x100000000n, 1n << 63n, (1n << 64n) - 1n, 0x0123456789abcdefn],
  boolean: [false, true],
};

function bits(value: Argument): bigint {
  return BigInt.asUintN(64, BigInt(value));
}

/** Runs `f` in both worlds on all combinations of edge values of its parameters. */
async function agree(text: string): Promise<number> {
  const module = textModule(text);
  const ir = await lowerModule({
    entry: { module: "test.ts", name: "f" },
    sources: module.sources,
    anyEntry: true,
  });
  const run = module.exports.f as unknown as (...args: Argument[]) => Argument;
  const types = [...text.matchAll(/export function f\(([^)]*)\)/g)][0]![1]!.matchAll(/: (\w+)/g);
  let inputs: Argument[][] = [[]];
  for (const [, type] of types) {
    inputs = inputs.flatMap((list) => EDGES[type!]!.map((edge) => [...list, edge]));
  }
  for (const input of inputs) {
    const expected = bits(run(...input));
    const got = interpretIr(ir, { args: input.map(bits) });
    if (got !== expected) {
      assert.fail(
        `f(${input.join(", ")}) is ${run(...input)}, and ${got} in IR\n${text}\n${printModule(ir)}`,
      );
    }
  }
  return inputs.length;
}

const expressions: [parameters: string, returns: string, expression: string][] = [];
function cases(parameters: string, returns: string, ...list: string[]): void {
  for (const each of list) expressions.push([parameters, returns, each]);
}

cases("a: u32, b: u32", "u32", "(a + b) >>> 0", "(a - b) >>> 0", "Math.imul(a, b) >>> 0", "(a & b) >>> 0");
cases("a: u32, b: u32", "u32", "(a | b) >>> 0", "(a ^ b) >>> 0", "~a >>> 0", "(a << b) >>> 0", "a >>> b");
cases(
  "a: u32, b: u32",
  "s32",
  "a & b",
  "a | b",
  "a ^ b",
  "~a",
  "a << b",
  "a >> b",
  "(a + b) | 0",
  "(a - b) | 0",
);
cases(
  "a: s32, b: s32",
  "s32",
  "a & b",
  "a | b",
  "a ^ b",
  "~a",
  "a << b",
  "a >> b",
  "(a + b) | 0",
  "(a - b) | 0",
);
cases(
  "a: s32, b: s32",
  "u32",
  "(a + b) >>> 0",
  "(a - b) >>> 0",
  "a >>> b",
  "(-a) >>> 0",
  "(a * 3 - b) >>> 0",
);
cases(
  "a: s32, b: s32",
  "s32",
  "(a / b) | 0",
  "(a % b) | 0",
  "Math.imul(a, b)",
  "Math.max(a, b)",
  "Math.min(a, b)",
);
cases("a: s32, b: s32", "u32", "(a / b) >>> 0", "(a % b) >>> 0", "Math.abs(a)", "((a / b) & 0xff) + 1");
cases("a: u32, b: u32", "u32", "(a / b) >>> 0", "(a % b) >>> 0", "Math.max(a, b)", "Math.min(a, b, 7)");
cases(
  "a: u32, b: u8",
  "u32",
  "Math.trunc(a / (b + 1))",
  "a % (b + 1)",
  "Math.floor(a / 8)",
  "a % 16",
  "a % 1000",
);
cases(
  "a: s32, b: u8",
  "s32",
  "Math.trunc(a / (b + 1))",
  "a % (b + 1)",
  "a % 8",
  "a % -8",
  "Math.trunc(a / -4)",
);
cases("a: s32, b: s32", "boolean", "a < b", "a <= b", "a > b", "a >= b", "a === b", "a !== b");
cases(
  "a: u32, b: s32",
  "boolean",
  "a < b",
  "a <= b",
  "a > b",
  "a >= b",
  "a === b",
  "a !== b",
  "a < 0",
  "b < 0",
);
cases(
  "a: u8, b: u16",
  "u32",
  "a * b",
  "a + b",
  "(a << 8) | (b & 0xff)",
  "(a * b + 3) & 0x3ff",
  "b >> 3",
  "b >>> 3",
);
cases(
  "a: u8, b: u16",
  "s32",
  "a - b",
  "(a - b) | 0",
  "(a - b) ^ 0",
  "~~(a - b)",
  "a * -b",
  "-a",
  "(a - b) >> 2",
  "~(a - b)",
  "(a - b) ^ b",
);
cases("a: boolean, b: boolean", "boolean", "a && b", "a || b", "!a", "!(a && !b)", "a === b", "a !== b");
cases(
  "a: boolean, b: u8",
  "u32",
  "a ? b : 1000",
  "a && b > 3 ? 1 : 2",
  "!a || b === 7 ? b + 1 : 0",
  "Number(a) + b",
);
cases(
  "a: u64, b: u64",
  "u64",
  "BigInt.asUintN(64, a + b)",
  "BigInt.asUintN(64, a - b)",
  "BigInt.asUintN(64, a * b)",
);
cases(
  "a: u64, b: u64",
  "u64",
  "a & b",
  "a | b",
  "a ^ b",
  "BigInt.asUintN(64, ~a)",
  "BigInt.asUintN(64, a << (b & 63n))",
);
cases(
  "a: u64, b: u64",
  "u64",
  "a >> (b & 63n)",
  "a / 7n",
  "a % 7n",
  "divide64(a, b)",
  "modulo64(a, b)",
  "swap64(a)",
);
cases(
  "a: u64, b: u64",
  "u64",
  "BigInt.asUintN(64, -a)",
  "BigInt.asUintN(64, (a << 3n) - b * 5n)",
  "BigInt.asUintN(32, a)",
);
cases(
  "a: u64, b: u64",
  "u64",
  "BigInt.asUintN(7, a - b)",
  "a / 16n",
  "(a - b) & 0xffn",
  "a > b ? a - b & 0xfn : b",
);
cases(
  "a: u64, b: u64",
  "boolean",
  "a < b",
  "a <= b",
  "a > b",
  "a >= b",
  "a === b",
  "a !== b",
  "(a & 1n) === 0n",
);
cases(
  "a: u64, b: u32",
  "u32",
  "Number(a & 0xffffffffn)",
  "(Number(a >> 32n) + b) >>> 0",
  "Number(a & 0xffn) + (b >>> 1)",
);
cases("a: u32, b: u32", "u64", "BigInt(a) * BigInt(b)", "BigInt(a) << 32n | BigInt(b)", "BigInt(a) + 1n");
cases("a: u16, b: u32", "u32", "swap16(a)", "swap32(b)", "a === 5 ? swap16(a) : 0", "(b / (a + 1)) >>> 3");
cases(
  "a: u32, b: u32",
  "u32",
  "a > 5 && a < 10 ? a - 5 : 0",
  "a >= b ? (a - b) >>> 0 : 0",
  "a !== 0 ? a - 1 : 0",
);

describe("expressions mean in IR what they mean in JavaScript", () => {
  for (const [parameters, returns, expression] of expressions) {
    it(`(${parameters}) => ${expression}`, async () => {
      await agree(`export function f(${parameters}): ${returns} { return ${expression}; }`);
    });
  }
});

const functions: Readonly<Record<string, string>> = {
  "mutable variables": `
    export function f(a: u32, b: u8): u32 {
      let sum = 0;
      let i: u16 = 3;
      i += b;
      if (a > 100) { sum = a; i = 1; } else if (a === 2) sum = 5;
      sum = (sum + i) & 0xfffff;
      sum ^= b;
      return sum >>> 0;
    }`,
  loops: `
    export function f(a: u8, b: u32): u32 {
      let sum = 0;
      for (let i = 0; i < a; i++) {
        if (i === 3) continue;
        if (sum > 100000) break;
        for (let j = 10; j > 4; j -= 2) sum = (sum + i * j + b) >>> 0;
      }
      for (let k = 1; k <= 3; k++) sum = (sum + k) >>> 0;
      for (let k = 5; k >= 0; k--) sum = (sum * 2 + k) >>> 0;
      for (let k = 9; k < 9; k++) sum = 0;
      return sum;
    }`,
  "loops with more conditions": `
    export function f(a: u8, b: u32): u32 {
      let found = false;
      let at = 0;
      for (let i = 0; i < a && !found; i++) {
        if (((b >>> (i & 31)) & 1) === 1) { found = true; at = i; }
      }
      let sum = 0;
      for (let i = 0; i < b && i < 5; i++) sum = (sum * 3 + i) >>> 0;
      for (let i = a; i > 100 && i >= 250 && sum < 5000; i -= 3) sum = (sum * 3 + i) >>> 0;
      return found ? (at + sum) >>> 0 : 1000;
    }`,
  switches: `
    const SEVEN = 7;
    export function f(a: u8, b: u8): u32 {
      let r = 1;
      switch (a) {
        case 0: return 10;
        case 1:
        case 2: r = 20; break;
        case SEVEN: { if (b > 2) break; r = 30; break; }
        default: r = a + b;
      }
      switch (b) { case 127: r += 1; break; }
      for (let i = 0; i < 3; i++) {
        r &= 0xffff;
        switch (i) { case 1: continue; case 2: r += 5; break; }
        r = (r & 0xffff) + 1;
      }
      return r >>> 0;
    }`,
  calls: `
    export function twice(x: u16): u32 { return x * 2; }
    export function pick(which: boolean, a: u32, b: u32): u32 { if (which) return a; return b; }
    export function nothing(x: u8): void { if (x > 3) return; }
    export function f(a: u8, b: u16): u32 { nothing(a); return (twice(b) + pick(a > b, a, b)) >>> 0; }`,
  "u64 variables": `
    export function f(a: u64, b: u32): u64 {
      let x = a;
      let y: u64 = 1n;
      for (let i = 0; i < 5; i++) { x = BigInt.asUintN(64, x * 3n + BigInt(i)); y ^= x; }
      y = BigInt.asUintN(64, y << BigInt(b & 31));
      return x > y ? x : y;
    }`,
  "parameters that are assigned": `
    export function f(a: u32, b: u32): u32 { if (a > b) a = b; b = a; return b >>> 1; }`,
  structs: `
    export const Inner = struct("Inner", { p: u16be, q: u32be, w: u64be });
    export const Outer = struct("Outer", { a: u8, b: s32, list: array(u16, 4), inner: Inner, c: u64, items: array(Inner, 2) });
    export type Outer = Infer<typeof Outer>;
    export type Inner = Infer<typeof Inner>;
    export function fill(o: Outer, i: Inner, n: u32): void { o.inner = i; copy(o.items[1]!, i); o.items[0]!.q = n; }
    export function f(a: s32, b: u32): u32 {
      const o = make(Outer, { a: b, b: a, list: [1, 2], inner: { q: 7 } });
      const i = make(Inner, { p: a & 0xffff, q: b, w: BigInt(b) << 30n });
      fill(o, i, b);
      o.list[3] = b;
      o.list[b & 3] = 0x12345;
      o.b -= 1;
      o.c += 5n;
      o.c -= 7n;
      const old = o.list[2]!;
      let sum = 0;
      for (let k = 0; k < o.list.length; k++) sum = (sum + o.list[k]!) >>> 0;
      sum = (sum + o.a + o.b + old + o.inner.p + o.inner.q + Number(o.inner.w & 0xffffffn) + o.items[1]!.q) >>> 0;
      sum = (sum ^ o.items[0]!.q ^ Number(o.c & 0xffffffffn) ^ sizeOf(Outer) ^ offsetOf(Outer, "c")) >>> 0;
      if (o.inner.p === 5 || o.inner.p !== o.items[1]!.p || o.inner.q === b) sum = (sum + 1) >>> 0;
      return sum;
    }`,
  "references that may be null": `
    export const S = struct("S", { v: u32 });
    export type S = Infer<typeof S>;
    export function get(s: S, want: boolean): S | null { return want ? s : null; }
    export function f(a: u32, b: boolean): u32 {
      const s = make(S, { v: a });
      const t = make(S);
      const x = get(s, b);
      if (x === null) return 3;
      let best: S | null = null;
      if (a > 5) best = x;
      const y = get(t, a > 9);
      if (best !== null && y) return (x.v + best.v + y.v) >>> 0;
      if (!best || best.v === 7) return 9;
      best = t;
      return (best.v + 1) >>> 0;
    }`,
  "early constants": `
    export const on = option("on", true);
    export const size = option("size", 3);
    const HIDDEN = 4 * 1024 + 1;
    export const LIST = [3, 4, 5];
    export function f(a: u8): u32 {
      if (!on.value) return nothing_here(a);
      if (size.value > 3) return 1;
      return size.value * a + HIDDEN + LIST[2]!;
    }`,
  "constant tables": `
    export const squares = constants("squares", u32, [0, 1, 4, 9, 16]);
    export function f(a: u8, b: s32): u32 { return squares.at(2) + squares.at(7); }`,
};

describe("statements mean in IR what they mean in JavaScript", () => {
  for (const [name, text] of Object.entries(functions)) {
    it(name, async () => {
      await agree(text);
    });
  }
});
