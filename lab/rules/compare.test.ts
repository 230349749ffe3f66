import assert from "node:assert/strict";
import { test } from "node:test";
import { ownPrefix } from "../network.ts";
import { compareRules } from "./compare.ts";
import { missingJudge } from "./judge.ts";

/** LVS_TEST_SETS, LVS_TEST_SEED: how many rule sets, and which ones. `npm run compare:rules` is for many. */
const SETS = Number(process.env.LVS_TEST_SETS ?? 150);
const SEED = Number(process.env.LVS_TEST_SEED ?? 2026);
const skip = process.getuid?.() === 0 ? (missingJudge() ?? false) : "namespaces need root";

test(`${SETS} random rule sets, seed ${SEED}: packets fare as before the system's iptables`, { skip }, () => {
  const { packets, dropped, marked, differences } = compareRules(SETS, SEED, ownPrefix("rules"));
  assert.deepEqual(differences, []);
  assert.ok(dropped > packets / 20 && marked > packets / 20, "the rules do something");
});
