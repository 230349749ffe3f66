import assert from "node:assert/strict";
import { test } from "node:test";
import { inlineFunctions } from "./inline.ts";
import { parseModule } from "./testing/parse.ts";
import { bodyOf } from "./testing/passes.ts";

const TWICE = `
  inline function twice(%0) {
    slot 0: scratch, 8 bytes
  b0:
    %1 = slot 0
    store8 [%1+0], %0
    branch eq %0, 0 ? b1 : b2
  b1:
    return 7
  b2:
    %2 = add64 %0, %0
    return %2
  }`;

test("parameters become moves, returns moves and jumps, slots the caller's", () => {
  const graphs = inlineFunctions(
    parseModule(`
    function main(%0) {
      slot 0: own, 16 bytes
    b0:
      %1 = call twice(5)
      return %1
    }${TWICE}`),
  );
  assert.deepEqual([...graphs.keys()], ["main"]);
  const graph = graphs.get("main")!;
  assert.deepEqual(
    graph.slots.map(({ name }) => name),
    ["own", "scratch"],
  );
  assert.equal(
    bodyOf(graph),
    [
      "%2 = 5",
      "%4 = slot 1",
      "store8 [%4+0], %2",
      "branch eq %2, 0 ? b3 : b4",
      "b4:",
      "%3 = add64 %2, %2",
      "%1 = %3",
      "jump b2",
      "b3:",
      "%1 = 7",
      "jump b2",
      "b2:",
      "return %1",
    ].join("\n"),
  );
});

test("functions that are large and called often, callbacks and functions marked so stay", () => {
  const calls = Array.from({ length: 5 }, (_, i) => `%${i + 1} = call twice(%0)`).join("\n");
  const module = parseModule(`
    function main(%0) {
    b0:
      ${calls}
      %9 = function later
      %10 = loop#181(3, %9, 0, 0)
      return %1
    }
    function later(%0) {
    b0:
      return 0
    }${TWICE}`);
  const names = (options: object) => [...inlineFunctions(module, options).keys()].sort();
  assert.deepEqual(names({}), ["later", "main"]);
  assert.deepEqual(names({ smallFunction: 1, growth: 2 }), ["later", "main", "twice"]);
});

test("what cannot be called is a typed error", () => {
  const recursive = `
    function main(%0) {
    b0:
      %1 = call main(%0)
      return %1
    }`;
  assert.throws(() => inlineFunctions(parseModule(recursive)), { code: "RECURSION" });
  assert.throws(() => inlineFunctions(parseModule(recursive.replace("call main", "call other"))), {
    code: "FUNCTION_UNKNOWN",
  });
  const many = `
    function main(%0) {
    b0:
      %1 = call six(1, 2, 3, 4, 5, 6)
      return %1
    }
    function six(%0, %1, %2, %3, %4, %5) {
    b0:
      return %5
    }`;
  assert.throws(() => inlineFunctions(parseModule(many)), { code: "TOO_MANY_ARGUMENTS" });
});
