import assert from "node:assert/strict";
import { test } from "node:test";
import { layoutSlots } from "../frames.ts";
import { toSsa } from "../ssa.ts";
import { afterSsa, graphOfText, lines } from "../testing/passes.ts";
import { removeDeadCode } from "./dead.ts";
import { reuseLoads } from "./loads.ts";
import { promoteSlots } from "./promote.ts";
import { simplify } from "./simplify.ts";
import { slotConflicts } from "./slots.ts";
import { removeDeadStores } from "./stores.ts";

test("a struct that stays here becomes registers, field by field", () => {
  const result = afterSsa(
    `function main(%0) {
      slot 0: flow, 8 bytes
    b0:
      %1 = slot 0
      store8 [%1+0], 0
      %2 = load4 [%0+0]
      store2 [%1+4], %2
      branch eq %2, 0 ? b1 : b2
    b1:
      store2 [%1+6], 7
      jump b2
    b2:
      %3 = load2 [%1+4]
      %4 = load2 [%1+6]
      %5 = add64 %3, %4
      return %5
    }`,
    promoteSlots,
    simplify,
    removeDeadCode,
  );
  assert.equal(
    result,
    lines(`%2 = load4 [%0+0]
      %12 = zext16 %2
      branch eq %2, 0 ? b1 : b2
      b1:
      jump b2
      b2:
      %14 = phi b1: 7, b3: 0
      %5 = add64 %12, %14
      return %5`),
  );
});

test("a slot that a helper sees stays in memory, bytes of mixed sizes too", () => {
  const text = `function main(%0) {
      slot 0: key, 8 bytes
      slot 1: mixed, 8 bytes
    b0:
      %1 = slot 0
      store4 [%1+0], 5
      %2 = map m
      %3 = map_lookup_elem#1(%2, %1)
      %4 = slot 1
      store4 [%4+0], %3
      %5 = load2 [%4+0]
      return %5
    }`;
  const before = afterSsa(text);
  assert.equal(afterSsa(text, promoteSlots), before);
});

test("loads of what is known become moves; helpers and other addresses make it unknown", () => {
  const result = afterSsa(
    `function main(%0, %1, %2) {
      slot 0: key, 8 bytes
    b0:
      %3 = slot 0
      %4 = load4 [%1+8]
      store2 [%3+0], %4
      %5 = load2 [%3+0]
      %6 = load4 [%1+8]
      store4 [%1+12], 1
      %7 = load4 [%1+8]
      store4 [%2+0], 2
      %8 = load4 [%1+8]
      %9 = load2 [%3+0]
      %10 = ktime_get_ns#5()
      %11 = load4 [%1+8]
      %12 = load2 [%3+0]
      %13 = load4 volatile [%1+8]
      return %13
    }`,
    reuseLoads,
  );
  assert.equal(
    result,
    lines(`%3 = slot 0
      %4 = load4 [%1+8]
      store2 [%3+0], %4
      %5 = zext16 %4
      %6 = %4
      store4 [%1+12], 1
      %7 = %4
      store4 [%2+0], 2
      %8 = load4 [%1+8]
      %9 = zext16 %4
      %10 = ktime_get_ns#5()
      %11 = %8
      %12 = load2 [%3+0]
      %13 = load4 volatile [%1+8]
      return %13`),
  );
});

test("zeroes under fields go, zeroes that are padding stay", () => {
  const result = afterSsa(
    `function main(%0) {
      slot 0: key, 16 bytes
    b0:
      %1 = slot 0
      store8 [%1+0], 0
      store8 [%1+8], 0
      %2 = load4 [%0+0]
      store4 [%1+0], %2
      store4 [%1+4], %2
      store2 [%1+8], %2
      %3 = map m
      %4 = map_lookup_elem#1(%3, %1)
      store4 [%1+0], 0
      return %4
    }`,
    removeDeadStores,
  );
  assert.equal(
    result,
    lines(`%1 = slot 0
      store8 [%1+8], 0
      %2 = load4 [%0+0]
      store4 [%1+0], %2
      store4 [%1+4], %2
      store2 [%1+8], %2
      %3 = map m
      %4 = map_lookup_elem#1(%3, %1)
      return %4`),
  );
});

test("slots share bytes where only one of them holds something", () => {
  const graph = graphOfText(
    `function main(%0) {
      slot 0: first, 16 bytes
      slot 1: second, 8 bytes
      slot 2: across, 8 bytes
      slot 3: unused, 64 bytes
    b0:
      %1 = slot 0
      %2 = slot 1
      %3 = slot 2
      %4 = map m
      store8 [%3+0], %0
      store8 [%1+0], 0
      store8 [%1+8], 0
      %5 = map_lookup_elem#1(%4, %1)
      store8 [%2+0], 0
      %6 = map_lookup_elem#1(%4, %2)
      %7 = map_lookup_elem#1(%4, %3)
      return %7
    }`,
  );
  toSsa(graph);
  graph.slotConflicts = slotConflicts(graph);
  assert.deepEqual(layoutSlots(graph), { offsets: [-16, -8, -24, 0], bytes: 24 });
});
