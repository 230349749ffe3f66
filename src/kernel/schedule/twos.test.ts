import assert from "node:assert/strict";
import { test } from "node:test";
import { destinationTable, serviceTable } from "../tables.ts";
import { TestDirector } from "../testing/director.ts";
import { choose } from "./choose.ts";

const VIRTUAL = "192.0.2.1:80";

/** How often each server is chosen; `loaded`: active connections beforehand. Chosen servers stay as loaded as they are. */
function draws(
  weights: readonly number[],
  loaded: readonly number[],
  count: number,
  keepOut?: number,
): number[] {
  const director = new TestDirector();
  director.configuration.addService("tcp", VIRTUAL, "twos");
  const slots = weights.map((weight, i) =>
    director.configuration.addServer("tcp", VIRTUAL, `10.0.0.${i + 1}:80`, { weight, upper: 1000 }),
  );
  return director.machine.run(() => {
    for (const [i, slot] of slots.entries()) destinationTable.lookup(slot)!.active = loaded[i]!;
    if (keepOut !== undefined) {
      destinationTable.lookup(slots[keepOut]!)!.overloaded = 1000;
      destinationTable.lookup(slots[keepOut]!)!.active = 1000;
    }
    const chosen = weights.map(() => 0);
    for (let i = 0; i < count; i++) {
      const at = slots.indexOf(choose(1, serviceTable.lookup(1)!.pool, 0, 0, 0));
      chosen[at] = (chosen[at] ?? 0) + 1;
    }
    return chosen;
  });
}

function near(found: readonly number[], expected: readonly number[]): void {
  const total = expected.reduce((a, b) => a + b);
  const count = found.reduce((a, b) => a + b);
  for (const [i, share] of expected.entries()) {
    const wanted = (share / total) * count;
    assert.ok(Math.abs(found[i]! - wanted) <= 5 * Math.sqrt(wanted + 1), `${found} for ${expected}`);
  }
}

test("equally loaded servers are drawn by weight", () => {
  near(draws([1, 2, 5, 0], [0, 0, 0, 0], 8000), [1, 2, 5, 0]);
  near(draws([1, 1], [0, 0], 4000), [1, 1]);
});

test("of two the less loaded is chosen", () => {
  // The more loaded of two equals only if it is drawn twice.
  near(draws([1, 1], [9, 1], 8000), [1, 3]);
  near(draws([3, 1], [1, 1], 8000), [15, 1]);
});

test("servers that are overloaded or weigh nothing are not drawn", () => {
  assert.deepEqual(draws([1, 0, 1], [0, 0, 0], 500, 0), [0, 0, 500]);
});

test("weights as large as they get", () => {
  const largest = 2 ** 31 - 1;
  near(draws([largest, largest, largest], [0, 0, 0], 3000), [1, 1, 1]);
});
