import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { feature, features, requireFeature } from "./index.ts";
import { PROBES } from "./probes.ts";

const skip = process.getuid?.() === 0 ? false : "needs root (bpf)";

test("every probe ends in yes or in a reason, and leaves no descriptor behind", { skip }, () => {
  const before = readdirSync("/proc/self/fd").length;
  const found = features();
  assert.deepEqual(Object.keys(found), Object.keys(PROBES));
  for (const [name, answer] of Object.entries(found)) {
    if (!answer.available) assert.ok(answer.reason.length > 5, name);
  }
  assert.equal(readdirSync("/proc/self/fd").length, before);
  assert.equal(feature("timers"), found.timers, "tried once");
});

test("what each supported kernel (6.1 and later) has", { skip }, () => {
  for (const name of [
    "bpfLoop",
    "timers",
    "coarseClock",
    "bootClock",
    "forEachElement",
    "ringBuffers",
  ] as const) {
    assert.deepEqual(feature(name), { available: true }, name);
    requireFeature(name);
  }
});
