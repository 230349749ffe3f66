import assert from "node:assert/strict";
import { test } from "node:test";
import { cleanControlFlow } from "./clean.ts";
import { skipStretches } from "./skip.ts";
import { after, lines } from "./testing/passes.ts";
import { threadJumps } from "./thread.ts";

test("who returned null goes where null leads", () => {
  const result = after(
    `function main(%0) {
      slot 0: entry, 8 bytes
    b0:
      %1 = load4 [%0+0]
      branch eq %1, 0 ? b1 : b2
    b1:
      %2 = 0
      jump b3
    b2:
      %3 = slot 0
      %2 = %3
      jump b3
    b3:
      branch eq %2, 0 ? b4 : b5
    b4:
      return 1
    b5:
      store4 [%2+0], 1
      return 2
    }`,
    threadJumps,
    cleanControlFlow,
  );
  assert.equal(
    result,
    lines(`%1 = load4 [%0+0]
      branch eq %1, 0 ? b1 : b2
      b2:
      %3 = slot 0
      %2 = %3
      store4 [%2+0], 1
      return 2
      b1:
      %2 = 0
      return 1`),
  );
});

test("a boolean made of comparisons needs no register", () => {
  const result = after(
    `function main(%0) {
    b0:
      %1 = load4 [%0+0]
      branch eq %1, 6 ? b1 : b2
    b1:
      %2 = 1
      jump b3
    b2:
      %2 = eq %1, 17
      jump b3
    b3:
      %3 = eq %2, 0
      branch ne %3, 0 ? b4 : b5
    b4:
      return 1
    b5:
      return 2
    }`,
    threadJumps,
    cleanControlFlow,
  );
  assert.match(result, /b1:\n%2 = 1\n%3 = eq %2, 0\n(jump b5|return 2)/);
});

test("a loop that counts to a constant is not run by the compiler", () => {
  const text = `function main(%0) {
    b0:
      %1 = 0
      jump b1
    b1:
      %2 = %1
      %1 = add64 %1, 1
      branch lt %1, 4096 ? b1 : b2
    b2:
      return %2
    }`;
  assert.ok(after(text, threadJumps).split("\n").length < 20);
});

test("over a stretch of code that only computes", () => {
  const result = after(
    `function main(%0) {
    b0:
      %1 = load4 [%0+76]
      %2 = load4 [%0+80]
      %3 = add64 %1, 14
      branch gt %3, %2 ? b1 : b2
    b1:
      %4 = 0
      jump b3
    b2:
      %4 = %1
      jump b3
    b3:
      %5 = add64 %1, 34
      branch gt %5, %2 ? b4 : b5
    b4:
      %6 = 0
      jump b6
    b5:
      %6 = %3
      jump b6
    b6:
      branch eq %4, 0 ? b7 : b8
    b7:
      return 1
    b8:
      branch eq %6, 0 ? b7 : b9
    b9:
      %7 = load1 [%6+0]
      return %7
    }`,
    skipStretches,
    cleanControlFlow,
  );
  // The first test's failure goes to b7 without a look at the second, and so does the second's.
  assert.match(result, /branch gt %3, %2 \? b7 : b2\nb2:/);
  assert.match(result, /branch gt %5, %2 \? b7 : b5\nb5:/);
});
