import assert from "node:assert/strict";
import { test } from "node:test";
import { afterSsa, lines } from "../testing/passes.ts";
import { propagateConstants } from "./constants.ts";
import { removeDeadCode } from "./dead.ts";
import { numberValues } from "./number.ts";

test("only what can run counts: a constant around a loop that never changes it", () => {
  const result = afterSsa(
    `function main(%0) {
    b0:
      %1 = 1
      jump b1
    b1:
      branch eq %1, 1 ? b2 : b3
    b2:
      %2 = load4 [%0+0]
      branch eq %2, 0 ? b4 : b1
    b3:
      %1 = 2
      jump b1
    b4:
      return %1
    }`,
    propagateConstants,
    removeDeadCode,
  );
  assert.equal(
    result,
    lines(`jump b1
      b1:
      jump b2
      b2:
      %2 = load4 [%0+0]
      branch eq %2, 0 ? b4 : b1
      b4:
      return 1`),
  );
});

test("an address is not null", () => {
  const result = afterSsa(
    `function main(%0) {
      slot 0: key, 8 bytes
    b0:
      %1 = slot 0
      %2 = add64 %1, 4
      branch eq %2, 0 ? b1 : b2
    b1:
      return 1
    b2:
      return 2
    }`,
    propagateConstants,
    removeDeadCode,
  );
  assert.equal(result, lines("jump b2\n b2:\n return 2"));
});

test("computed once on every way, and known from the branch before", () => {
  const result = afterSsa(
    `function main(%0) {
    b0:
      %1 = load4 [%0+0]
      %2 = mul64 %1, 3
      branch lt %1, 10 ? b1 : b2
    b1:
      %3 = mul64 3, %1
      branch ge %1, 10 ? b3 : b4
    b2:
      branch eq %1, 12 ? b5 : b3
    b3:
      return 0
    b4:
      %4 = add64 %2, %3
      return %4
    b5:
      %5 = add64 %1, %2
      return %5
    }`,
    numberValues,
    propagateConstants,
    removeDeadCode,
  );
  assert.equal(
    result,
    lines(`%1 = load4 [%0+0]
      %2 = mul64 %1, 3
      branch lt %1, 10 ? b1 : b2
      b2:
      branch eq %1, 12 ? b5 : b3
      b3:
      return 0
      b5:
      %5 = add64 12, %2
      return %5
      b1:
      jump b4
      b4:
      %4 = add64 %2, %2
      return %4`),
  );
});
