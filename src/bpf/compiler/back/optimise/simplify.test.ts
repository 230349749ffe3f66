import assert from "node:assert/strict";
import { test } from "node:test";
import { afterSsa, lines } from "../testing/passes.ts";
import { propagateConstants } from "./constants.ts";
import { removeDeadCode } from "./dead.ts";
import { swapMasks } from "./masks.ts";
import { simplify } from "./simplify.ts";

/** Instructions that compute %9 from the loads %1 (u32), %2 (u16), %3 (u64), and what remains of them. */
const table: readonly (readonly [string, string, string])[] = [
  ["adding nothing", "%9 = add64 %1, 0", "return %1"],
  ["the low half of itself", "%4 = add32 %3, 0\n%9 = zext32 %4", "%4 = zext32 %3\nreturn %4"],
  ["times a power of two", "%9 = mul64 %3, 8", "%9 = lsh64 %3, 3\nreturn %9"],
  ["divided by a power of two", "%9 = div64 %3, 16", "%9 = rsh64 %3, 4\nreturn %9"],
  ["modulo a power of two", "%9 = mod32 %1, 16", "%9 = and64 %1, 15\nreturn %9"],
  ["divided by zero", "%9 = div64 %3, 0", "return 0"],
  ["masked by all it can be", "%9 = and64 %2, 65535", "return %2"],
  ["a mask of 32 bits", "%9 = and64 %3, 4294967295", "%9 = zext32 %3\nreturn %9"],
  ["extended though narrow", "%9 = zext32 %2", "return %2"],
  ["sign-extended though positive", "%9 = sext32 %2", "return %2"],
  ["swapped twice", "%4 = swap16 %2\n%9 = swap16 %4", "return %2"],
  ["swapped twice, wider than it is", "%4 = swap32 %3\n%9 = swap32 %4", "%9 = zext32 %3\nreturn %9"],
  ["constants added up", "%4 = add64 %3, 5\n%9 = sub64 %4, 3", "%9 = add64 %3, 2\nreturn %9"],
  [
    "high bits nobody wants",
    "%4 = sext32 %1\n%5 = sext32 %3\n%6 = xor64 %4, %5\n%9 = zext32 %6",
    "%9 = xor32 %1, %3\nreturn %9",
  ],
  ["a register and itself", "%9 = xor64 %3, %3", "return 0"],
  ["what cannot be equal", "%9 = eq %2, 65536", "return 0"],
  ["what cannot be less", "%9 = slt %2, 0", "return 0"],
  ["a swapped value and a constant", "%4 = swap16 %2\n%9 = eq %4, 8", "%9 = eq %2, 2048\nreturn %9"],
  ["two swapped values", "%4 = swap32 %1\n%5 = swap32 %2\n%9 = ne %4, %5", "%9 = ne %1, %2\nreturn %9"],
  ["a comparison of a comparison", "%4 = lt %1, %2\n%9 = eq %4, 0", "%9 = ge %1, %2\nreturn %9"],
  ["a constant on the left", "%9 = gt 7, %3", "%9 = lt %3, 7\nreturn %9"],
  ["order that the verifier learns from", "%9 = gt %2, 0", "%9 = gt %2, 0\nreturn %9"],
];

test("computations become cheaper ones of the same value", () => {
  for (const [name, code, expected] of table) {
    const text = `function main(%0) {
      b0:
        %1 = load4 [%0+0]
        %2 = load2 [%0+4]
        %3 = load8 [%0+8]
        ${code.replaceAll("\n", "\n        ")}
        return %9
      }`;
    const result = afterSsa(text, simplify, propagateConstants, removeDeadCode);
    const kept = result.split("\n").filter((line) => !/^%[123] = load/.test(line));
    assert.equal(kept.join("\n"), expected, name);
  }
});

test("stores take their values without extensions, addresses without additions", () => {
  const result = afterSsa(
    `function main(%0, %1) {
    b0:
      %2 = zext16 %1
      %3 = add64 %0, 12
      %4 = add64 %3, 2
      store2 [%4+4], %2
      store1 [%3+0], 511
      return 0
    }`,
    simplify,
    removeDeadCode,
  );
  assert.equal(result, lines("store2 [%0+18], %1\n store1 [%0+12], 255\n return 0"));
});

test("the mask is swapped rather than the value", () => {
  const result = afterSsa(
    `function main(%0) {
    b0:
      %1 = load2 [%0+0]
      %2 = swap16 %1
      %3 = and64 %2, 16383
      branch ne %3, 0 ? b1 : b2
    b1:
      return 1
    b2:
      return 2
    }`,
    swapMasks,
    removeDeadCode,
  );
  assert.equal(
    result,
    lines(`%1 = load2 [%0+0]
      %3 = and64 %1, 65343
      branch ne %3, 0 ? b1 : b2
      b2:
      return 2
      b1:
      return 1`),
  );
});
