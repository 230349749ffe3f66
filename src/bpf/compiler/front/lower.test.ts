/** What small sources become: the IR as text. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { printModule } from "../back/print.ts";
import type { OptionValues } from "./index.ts";
import { lowerText } from "./testing/text-module.ts";

const SCHEMAS = `
export const H = struct("H", { kind: u16be, length: u16be, x: u32be });
export type H = Infer<typeof H>;
export const K = struct("K", { a: u32, b: u16, c: u8 });
export const V = struct("V", { n: u64, k: K, list: array(u16, 6) });
export type V = Infer<typeof V>;
export const hash = hashMap("hash", { key: K, value: V, entries: 10 });
export const list = arrayMap("list", { value: V, entries: 10 });
export const one = arrayMap("one", { value: V, entries: 1 });
export const on = option("on", false);
`;

async function lowersTo(text: string, expected: string, options: OptionValues = {}): Promise<void> {
  const module = await lowerText(SCHEMAS + text, "f", options);
  const lines = (each: string): string[] =>
    each
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && line !== "}");
  assert.deepEqual(lines(printModule(module)), lines(expected));
}

describe("lowering", () => {
  it("checks the bounds of a header the way the verifier follows", () =>
    lowersTo(
      `export function f(p: Packet, at: u8): u32 { const h = p.header(H, at); return h === null ? 1 : 2; }`,
      `function f(%0, %1) {
       b0:
         %3 = load4 [%0+76]
         %4 = add64 %3, %1
         %5 = add64 %4, 8
         %6 = load4 [%0+80]
         branch gt %5, %6 ? b2 : b1
       b1:
         %2 = %4
         jump b3
       b2:
         %2 = 0
         jump b3
       b3:
         branch eq %2, 0 ? b4 : b5
       b4:
         %7 = 1
         jump b6
       b5:
         %7 = 2
         jump b6
       b6:
         return %7`,
    ));

  it("leaves out what is told to who watches the simulator", () =>
    lowersTo(
      `export function f(p: Packet): u32 { trace("length", p.length, p.mark); return 1; }`,
      `function f(%0) {
       b0:
         return 1`,
    ));

  it("leaves network order alone where only equality and copies need it", () =>
    lowersTo(
      `export function f(h: H): void { if (h.kind === 0x800) { h.length = h.kind; h.x = 0x01020304; } }`,
      `function f(%0) {
       b0:
         %1 = load2 [%0+0]
         %2 = swap16 %1
         branch eq %1, 8 ? b1 : b2
       b1:
         %3 = load2 [%0+0]
         %4 = swap16 %3
         store2 [%0+2], %3
         store4 [%0+4], 67305985
         jump b3
       b2:
         jump b3
       b3:
         return`,
    ));

  it("writes what is known of a new struct in few stores", () =>
    lowersTo(
      `export function f(a: u32): u32 { const k = make(V, { k: { a, c: 3 }, list: [1, 2] }); return k.k.a; }`,
      `function f(%0) {
       slot 0: V, 32 bytes
       b0:
         %1 = slot 0
         store8 [%1+0], 0
         store4 [%1+12], 196608
         store8 [%1+16], 131073
         store8 [%1+24], 0
         store4 [%1+8], %0
         %2 = load4 [%1+8]
         return %2`,
    ));

  it("calls helpers for maps; numbers as keys lie in a slot", () =>
    lowersTo(
      `export function f(a: u32): u32 {
         const v = list.lookup(a);
         if (!v) return 0;
         v.n += 1n;
         one.at(0).k = v.k;
         return hash.delete(v.k) === 0 ? 1 : 2;
       }`,
      `function f(%0) {
       slot 0: key, 4 bytes
       b0:
         %1 = slot 0
         store4 [%1+0], %0
         %2 = map list
         %3 = map_lookup_elem#1(%2, %1)
         branch ne %3, 0 ? b2 : b1
       b1:
         return 0
       b2:
         jump b3
       b3:
         %4 = load8 [%3+0]
         %5 = add64 %4, 1
         store8 [%3+0], %5
         %6 = map one[0]+0
         %7 = load8 [%3+8]
         store8 [%6+8], %7
         %8 = add64 %3, 8
         %9 = map hash
         %10 = map_delete_elem#3(%9, %8)
         %11 = sext32 %10
         branch eq %11, 0 ? b4 : b5
       b4:
         %12 = 1
         jump b6
       b5:
         %12 = 2
         jump b6
       b6:
         return %12`,
    ));

  it("computes in 32 bits and extends only what may be negative", () =>
    lowersTo(
      `export function f(a: u32, b: u8): s32 { return (((a + b) & 0xffff) + ((a ^ b) | 0)) | 0; }`,
      `function f(%0, %1) {
       b0:
         %2 = add32 %0, %1
         %3 = and32 %2, 65535
         %4 = xor32 %0, %1
         %5 = add32 %3, %4
         %6 = sext32 %5
         return %6`,
    ));

  it("tests an index again where the verifier would not know its bound", () =>
    lowersTo(
      `export function f(v: V, a: u32): u32 { return v.list[a % 6]!; }`,
      `function f(%0, %1) {
       b0:
         %2 = mod32 %1, 6
         %3 = %2
         branch gt %3, 5 ? b1 : b2
       b1:
         %3 = 5
         jump b2
       b2:
         %4 = lsh64 %3, 1
         %5 = add64 %0, %4
         %6 = load2 [%5+16]
         return %6`,
    ));

  it("lowers nothing behind a false option", async () => {
    const text =
      "export function f(a: u32): u32 { if (on.value && a > 1) return whatever(a); return on.value ? 1 : 2; }";
    const printed = printModule(await lowerText(SCHEMAS + text));
    assert.match(printed, /return 2/);
    assert.doesNotMatch(printed, /branch|whatever|return 1/);
    await assert.rejects(lowerText(SCHEMAS + text, "f", { on: true }), { code: "COMPILE_NAME" });
  });

  it("gives callbacks the registers that the kernel passes", () =>
    lowersTo(
      `export function each(key: u32, v: V, sum: V): u32 { sum.list[0] = key; return 0; }
       export function f(v: V): void { forEach(list, each, v); }`,
      `function f(%0) {
       b0:
         %1 = map list
         %2 = function each
         %3 = for_each_map_elem#164(%1, %2, %0, 0)
         return

       function each(%0, %1, %3, %4) {
       b0:
         %2 = load4 [%1+0]
         store2 [%4+16], %2
         return 0`,
    ));
});
