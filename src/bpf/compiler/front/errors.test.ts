/** Every way in which source text can be refused: the code, the place (marked by ‸), and the advice. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileError, type CompileErrorCode } from "../errors.ts";
import { lowerModule } from "./index.ts";
import { textModule } from "./testing/text-module.ts";

const PRELUDE = `
export const S = struct("S", { a: u32, b: u16be, c: u64, list: array(u8, 8), inner: struct("I", { x: u32 }) });
export type S = Infer<typeof S>;
export const T = struct("T", { x: u32 });
export type T = Infer<typeof T>;
export const Timed = struct("Timed", { t: timer, n: u32 });
export type Timed = Infer<typeof Timed>;
export const Big = struct("Big", { bytes: bytes(600) });
export const hash = hashMap("hash", { key: S, value: T, entries: 10 });
export const list = arrayMap("list", { value: S, entries: 4 });
export const timed = arrayMap("timed", { value: Timed, entries: 1 });
export const numbers = constants("numbers", u32, [1, 2, 3]);
export const words = ["a"];
export let state = 0;
export const plain = (x) => x;
export function other(x: u16, s: S): u32 { return x + s.list[0]!; }
export function stop(i: u32, s: S): u32 { return i; }
export function make_view(s: S): S | null { return s; }
`;

/** Lowers `f` (or the declarations in `text`) and returns what is refused. */
async function refused(text: string): Promise<readonly CompileError[]> {
  const { sources } = textModule(PRELUDE + text.replace("‸", ""));
  try {
    await lowerModule({ entry: { module: "test.ts", name: "f" }, sources, anyEntry: true });
  } catch (error) {
    if (error instanceof CompileError) return error.errors;
    throw error;
  }
  return [];
}

type Case = readonly [code: CompileErrorCode, text: string, advice: RegExp];

const body = (text: string): string =>
  `export function f(a: u32, s: S, p: Packet, w: u64, n: S | null, flag: boolean): u32 { ${text} return 0; }`;

const cases: readonly Case[] = [
  ["COMPILE_SYNTAX", "export function f(‸: u32 { ", /./],
  ["COMPILE_NAME", body("return ‸nowhere;"), /there is no nowhere/],
  ["COMPILE_NAME", body("return ‸plain(a);"), /export function plain/],
  ["COMPILE_NAME", body("return ‸Math.sqrt(a);"), /trunc, floor/],
  ["COMPILE_NAME", body("const x = ‸BigInt.asIntN(64, w);"), /asUintN/],
  ["COMPILE_TYPE_NAME", "export function f(x: ‸Nothing): u32 { return 0; }", /exported schema/],
  ["COMPILE_ANNOTATION", "export function f(x: ‸number): u32 { return 0; }", /u8, u16, u32 or s32/],
  ["COMPILE_ANNOTATION", "export function f(x: ‸bigint): u32 { return 0; }", /write u64/],
  ["COMPILE_ANNOTATION", "export function f(‸x): u32 { return 0; }", /x: u32/],
  ["COMPILE_ANNOTATION", "export ‸function f() { return 0; }", /type that it returns/],
  ["COMPILE_ANNOTATION", "export function f(x: ‸u32 | null): u32 { return 0; }", /reference or null/],
  ["COMPILE_ANNOTATION", "export function f‸<T>(x: u32): u32 { return 0; }", /generic/],
  ["COMPILE_ANNOTATION", body("let x = ‸null;"), /let x: S \| null/],
  ["COMPILE_STRING", "export function f(x: ‸string): u32 { return 0; }", /no strings/],
  ["COMPILE_STRING", body('const x = ‸"text";'), /a string/],
  ["COMPILE_STRING", body("const x = ‸`text`;"), /no strings/],
  ["COMPILE_STRING", body('if (‸a === "x") return 1;'), /cannot be compared/],
  ["COMPILE_TYPE", body("return ‸a + w;"), /do not mix/],
  ["COMPILE_TYPE", body("return ‸flag + 1;"), /a boolean/],
  ["COMPILE_TYPE", body("return ‸w;"), /this is a u64, and u32/],
  ["COMPILE_TYPE", body("s.a = ‸w;"), /a number for this u32 field/],
  ["COMPILE_TYPE", body("s.inner = ‸s;"), /cannot be copied/],
  ["COMPILE_TYPE", body("hash.lookup(‸a);"), /reference/],
  ["COMPILE_TYPE", body("const x = ‸flag ? a : s;"), /different types/],
  ["COMPILE_RANGE", body("return ‸a + 1;"), />>> 0/],
  ["COMPILE_RANGE", body("return ‸a * 4294967295;"), /2⁵³/],
  ["COMPILE_RANGE", body("return ‸-1;"), /this is -1 and may not fit u32/],
  ["COMPILE_RANGE", body("return other(‸a, s);"), /& 0xffff/],
  ["COMPILE_RANGE", body("let x: u8 = ‸a;"), /& 0xff/],
  ["COMPILE_RANGE", body("let x = w; x = ‸w + 1n;"), /asUintN/],
  ["COMPILE_RANGE", body("if (‸w - 1n > 4n) return 1;"), /asUintN/],
  ["COMPILE_RANGE", body("const x = ‸w << w;"), /& 63n/],
  ["COMPILE_RANGE", body("const x = ‸Number(w);"), /0xffffffffn/],
  ["COMPILE_RANGE", body("const x = ‸BigInt(a - 5);"), /BigInt\(x >>> 0\)/],
  ["COMPILE_RANGE", body("p.header(T, ‸a);"), /0xffff/],
  ["COMPILE_RANGE", body("const x = ‸1.5;"), /integers/],
  ["COMPILE_NULL", body("return ‸n.a;"), /n may be null here/],
  ["COMPILE_NULL", body("return other(1, ‸n);"), /test it before/],
  ["COMPILE_NULL", body("return ‸hash.lookup(s).x;"), /bind it to a const/],
  ["COMPILE_NULL", body("return ‸n?.a;"), /no \?\./],
  ["COMPILE_NULL", body("const x = ‸n ?? s;"), /no \?\?/],
  ["COMPILE_INDEX", body("return s.list[‸8];"), /8 elements/],
  ["COMPILE_INDEX", body("return s.list[‸a];"), /test it before/],
  ["COMPILE_INDEX", body("return list.at(‸4).a;"), /4 elements/],
  ["COMPILE_FIELD", body("return s.‸nothing;"), /a, b, c, list, inner/],
  ["COMPILE_FIELD", body("return ‸hash.size();"), /lookup, lookupOn/],
  ["COMPILE_FIELD", body("return ‸p.color;"), /length, type, mark/],
  ["COMPILE_FIELD", body("return ‸a.b;"), /no fields/],
  ["COMPILE_FIELD", body("atomicAdd(s, ‸a, 1);"), /string literal/],
  ["COMPILE_FIELD", body('‸atomicAdd(s, "b", 1);'), /native byte order/],
  ["COMPILE_FIELD", body("const x = ‸timed.at(0).t;"), /intrinsics only/],
  ["COMPILE_DIVISION", body("return ‸a / 2;"), /Math.trunc/],
  ["COMPILE_DIVISION", body("return Math.trunc(‸a / a);"), /may be 0/],
  ["COMPILE_DIVISION", body("return ‸a % s.a;"), /\(a % b\) >>> 0/],
  ["COMPILE_DIVISION", body("const x = ‸w / s.c;"), /divide64/],
  ["COMPILE_DIVISION", body("const x = ‸Math.floor((a - 9) / 3);"), /Math.trunc/],
  ["COMPILE_CONDITION", body("if (‸a) return 1;"), /x !== 0/],
  ["COMPILE_CONDITION", body("if (flag && ‸w) return 1;"), /x !== 0n/],
  ["COMPILE_EQUALITY", body("if (‸a == 1) return 1;"), /===/],
  ["COMPILE_EQUALITY", body("if (‸s === s) return 1;"), /their fields/],
  ["COMPILE_CONSTANT", body("return ‸state;"), /keep state in a map/],
  ["COMPILE_CONSTANT", body("return list.at(‸a).a;"), /lookup\(index\)/],
  [
    "COMPILE_CONSTANT",
    "const ‸local = [1, 2];\nexport function f(): u32 { return local[0]!; }",
    /constants\("local"/,
  ],
  ["COMPILE_ARGUMENTS", body("return ‸other(1);"), /takes 2 arguments, not 1/],
  ["COMPILE_ARGUMENTS", body("const x = ‸sizeOf();"), /takes 1 arguments/],
  ["COMPILE_RETURN", "export ‸function f(a: u32): u32 { if (a > 1) return 1; }", /may end without/],
  ["COMPILE_RETURN", "export function f(): void { ‸return 1; }", /declared void/],
  ["COMPILE_RETURN", "export function f(): u32 { ‸return; }", /must return/],
  ["COMPILE_CALLBACK", body("repeat(3, stop, s);"), /0 \(go on\) or 1/],
  [
    "COMPILE_CALLBACK",
    `${body("repeat(3, ‸three, s);")}\nfunction three(a: u32, s: S, t: S): u32 { return 0; }`,
    /given 2/,
  ],
  ["COMPILE_ASSIGNMENT", body("const x = 1; ‸x = 2;"), /declare it with let/],
  ["COMPILE_ASSIGNMENT", body("‸state = 2;"), /keep state in a map/],
  ["COMPILE_ASSIGNMENT", body("let x = 1; const y = ‸x++;"), /statements of their own/],
  ["COMPILE_ASSIGNMENT", body("let x = 1; const y = (‸x = 2);"), /statement of its own/],
  ["COMPILE_ASSIGNMENT", body("let ‸x;"), /first value/],
  ["COMPILE_ASSIGNMENT", body("‸p.length = 3;"), /read-only/],
  ["COMPILE_STACK", body("const x = ‸make(Big);"), /600 bytes/],
  [
    "COMPILE_STACK",
    "export function f(): u32 { g(); return 0; }\nfunction g(): T { const t = make(T); return ‸t; }",
    /caller/,
  ],
  [
    "COMPILE_STACK",
    body("let b = make(T); for (let i = 0; i < 3; i++) { const t = make(T); b = ‸t; }"),
    /outlives/,
  ],
  ["COMPILE_CLOSURE", body("const g = ‸() => 1;"), /exported function/],
  ["COMPILE_CLOSURE", body("‸function g(): u32 { return 1; }"), /exported function/],
  ["COMPILE_CLOSURE", body("repeat(3, ‸(i, c) => 0, s);"), /pass its name/],
  ["COMPILE_ALLOCATION", body("const x = ‸new Map();"), /make\(S/],
  ["COMPILE_ALLOCATION", body("const x = ‸{ a: 1 };"), /make\(S/],
  ["COMPILE_ALLOCATION", body("const x = ‸[1, 2];"), /make\(S/],
  ["COMPILE_EXCEPTION", body("‸throw s;"), /return a value/],
  ["COMPILE_EXCEPTION", body("‸try { a; } catch { }"), /no exceptions/],
  [
    "COMPILE_RECURSION",
    `${body("return g(a);")}\nfunction g(a: u32): u32 { return a > 1 ? ‸g(a >>> 1) : 1; }`,
    /g → g/,
  ],
  ["COMPILE_LOOP", body("‸while (true) { }"), /repeat\(/],
  ["COMPILE_LOOP", body("‸do { } while (flag);"), /repeat\(/],
  ["COMPILE_LOOP", body("‸for (const x of s.list) { }"), /by index/],
  ["COMPILE_LOOP", body("for (let i = 0; ‸i < a; i++) { }"), /Math.min/],
  ["COMPILE_LOOP", body("‸for (;;) { }"), /for \(let i = a; i < n; i\+\+\)/],
  ["COMPILE_LOOP", body("‸for (let i = 0; i < 3; i++) { i = 2; }"), /its head only/],
  ["COMPILE_LOOP", body("‸x: for (let i = 0; i < 3; i++) { }"), /no labels/],
  ["COMPILE_SWITCH", body("switch (a) { ‸case 1: s.a = 1; case 2: s.a = 2; }"), /end it with break/],
  ["COMPILE_SWITCH", body("switch (‸flag) { case true: break; }"), /on numbers/],
  ["COMPILE_SWITCH", body("switch (a) { case ‸s.a: break; }"), /constants/],
  ["COMPILE_VAR", body("‸var x = 1;"), /const or let/],
  ["COMPILE_ASYNC", "export ‸async function f(): u32 { return 0; }", /at once/],
  ["COMPILE_ASYNC", "export ‸function* f(): u32 { return 0; }", /generators/],
  ["COMPILE_SPREAD", body("return other(‸...s.list);"), /one by one/],
  ["COMPILE_SPREAD", "export function f(‸...x: u32): u32 { return 0; }", /name each one/],
  ["COMPILE_DESTRUCTURING", body("const ‸{ a: x } = s;"), /bind each field/],
  ["COMPILE_DESTRUCTURING", body("const ‸[x] = s.list;"), /bind each element/],
  ["COMPILE_UNSUPPORTED", "export function f(‸x = 1): u32 { return 0; }", /no defaults/],
  ["COMPILE_UNSUPPORTED", body("‸a;"), /nothing uses/],
  ["COMPILE_UNSUPPORTED", body("const x = ‸a ** 2;"), /no operator \*\*/],
  ["COMPILE_UNSUPPORTED", body("‸debugger;"), /not part of/],
];

describe("what is refused, where, and what to write instead", () => {
  for (const [code, text, advice] of cases) {
    it(`${code}: ${text.replace(/export function f\(a: u32[^{]*/, "").slice(0, 90)}`, async () => {
      const errors = await refused(text);
      assert.ok(errors.length > 0, "accepted");
      const error = errors[0]!;
      assert.equal(error.code, code, error.message);
      assert.match(error.reason, advice);
      assert.equal(errors.length, 1, error.message);
      if (!text.includes("‸")) return;
      const before = (PRELUDE + text.slice(0, text.indexOf("‸"))).split("\n");
      assert.equal(error.at.line, before.length, error.message);
      assert.equal(error.at.column, before.at(-1)!.length + 1, error.message);
      assert.equal(error.at.text, (PRELUDE + text.replace("‸", "")).split("\n")[before.length - 1]);
    });
  }

  it("shows file, line, column, the source line and a caret", async () => {
    const [error] = await refused("export function f(a: u32): u32 {\n  return a + 1;\n}");
    const line = PRELUDE.split("\n").length + 1;
    assert.equal(
      error!.message,
      [
        `test.ts:${line}:10: error: this number is 1 … 4294967296 and may not fit u32: wrap it, (…) >>> 0`,
        `   ${line} |   return a + 1;`,
        "      |          ^",
      ].join("\n"),
    );
  });

  it("collects the errors of all functions, in reading order, and none that follow from another", async () => {
    const errors = await refused(`
      export function g(x: u8): u32 { while (x > 1) { } return x / 2; }
      export function f(a: u32): u32 {
        const bad = nowhere(a);
        const worse = bad + 1;
        if (worse === 7) return bad;
        return g(a);
      }`);
    assert.deepEqual(
      errors.map((each) => each.code),
      ["COMPILE_LOOP", "COMPILE_DIVISION", "COMPILE_NAME", "COMPILE_RANGE"],
    );
    assert.match(errors[0]!.message, /^4 errors\n/);
  });

  it("says that the entry takes the packet", async () => {
    const { sources } = textModule("export function f(a: u32): u32 { return a; }");
    await assert.rejects(lowerModule({ entry: { module: "test.ts", name: "f" }, sources }), {
      code: "COMPILE_ARGUMENTS",
      reason: "the entry is f(packet: Packet): u32",
    });
    await assert.rejects(lowerModule({ entry: { module: "test.ts", name: "g" }, sources }), {
      code: "COMPILE_NAME",
      reason: "test.ts exports no function g",
    });
  });
});
