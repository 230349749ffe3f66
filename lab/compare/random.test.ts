/**
 * Commands made up at random between connections that live and end: the director in the kernel and the one in the simulator
 * get the same, and answer, forward, list and count the same.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomScenario } from "./random.ts";
import { playOne } from "./run.ts";

const SEEDS = [11, 12, 13];
const STEPS = 300;

for (const seed of SEEDS) {
  test(`random commands under traffic, seed ${seed}: the kernel's tables are the simulator's`, {
    skip: process.getuid?.() === 0 ? false : "needs root: makes network namespaces",
    timeout: 120_000,
  }, async (context) => {
    const { differences, packets, connections, answers } = await playOne(
      ["lvs", "simulator"],
      randomScenario({ seed, steps: STEPS, zero: true }),
    );
    context.diagnostic(`${connections} conversations, ${packets} packets, ${answers} came out`);
    assert.deepEqual(differences, []);
    assert.ok(answers > 50, "packets were forwarded");
  });
}
