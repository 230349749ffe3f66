import assert from "node:assert/strict";
import { test } from "node:test";
import type { Graph } from "../graph.ts";
import { afterSsa, lines } from "../testing/passes.ts";
import { clarifyBounds } from "./clarify.ts";

const clarify = (graph: Graph) => clarifyBounds(graph, { returnMatters: false });

test("a swapped value is masked again before it moves an address", () => {
  const result = afterSsa(
    `function main(%0) {
    b0:
      %1 = load2 [%0+0]
      %2 = swap16 %1
      %3 = map data[0]+0
      %4 = rsh64 %2, 10
      %5 = add64 %3, %4
      %6 = load1 [%5+0]
      %7 = swap16 %6
      return %7
    }`,
    clarify,
  );
  assert.equal(
    result,
    lines(`%1 = load2 [%0+0]
      %8 = swap16 %1
      %2 = and64 %8, 65535
      %3 = map data[0]+0
      %4 = rsh64 %2, 10
      %5 = add64 %3, %4
      %6 = load1 [%5+0]
      %7 = swap16 %6
      return %7`),
  );
});

test("a remainder that is no power of two is checked", () => {
  const result = afterSsa(
    `function main(%0) {
    b0:
      %1 = load4 [%0+0]
      %2 = mod64 %1, 10
      %3 = map data[0]+0
      %5 = add64 %3, %2
      %6 = load1 [%5+0]
      return %6
    }`,
    clarify,
  );
  assert.equal(
    result,
    lines(`%1 = load4 [%0+0]
      %2 = mod64 %1, 10
      branch gt %2, 9 ? b3 : b2
      b2:
      %3 = map data[0]+0
      %5 = add64 %3, %2
      %6 = load1 [%5+0]
      return %6
      b3:
      return 0`),
  );
});

test("the end of a loop is known to the verifier", () => {
  const result = afterSsa(
    `function main(%0) {
    b0:
      %1 = load2 [%0+0]
      %2 = swap16 %1
      %3 = rsh64 %2, 8
      %4 = 0
      jump b1
    b1:
      branch lt %4, %3 ? b2 : b3
    b2:
      %4 = add64 %4, 1
      jump b1
    b3:
      return %4
    }`,
    clarify,
  );
  assert.match(result, /%\d+ = swap16 %1\n%2 = and64 %\d+, 65535/);
});
