/**
 * Commands made up at random between connections that live and end: the director in the kernel and the one in the simulator
 * get the same, and answer, forward, list and count the same.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type RandomSettings, randomScenario } from "./random.ts";
import { playOne } from "./run.ts";

const SCENARIOS: readonly RandomSettings[] = [
  ...[11, 12, 13].map((seed) => ({ seed, steps: 300, zero: true })),
  ...([4, 6] as const).map((family) => ({ seed: 14, steps: 240, everyKind: true, families: [family] })),
];

for (const settings of SCENARIOS) {
  const scenario = randomScenario(settings);
  test(`commands under traffic, ${scenario.name}: the kernel's tables are the simulator's`, {
    skip: process.getuid?.() === 0 ? false : "needs root: makes network namespaces",
    timeout: 120_000,
  }, async (context) => {
    const { differences, packets, connections, answers } = await playOne(["lvs", "simulator"], scenario);
    context.diagnostic(`${connections} conversations, ${packets} packets, ${answers} came out`);
    assert.deepEqual(differences, []);
    assert.ok(answers > 50, "packets were forwarded");
  });
}
