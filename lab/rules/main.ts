/**
 * Compares our rules with the system's iptables: `compare:rules [--sets N] [--seed S]`. Exit status: 0 no difference, 1 differences,
 * 2 it cannot be run here.
 */
import { parseArgs } from "node:util";
import { ownPrefix } from "../network.ts";
import { compareRules } from "./compare.ts";
import { missingJudge } from "./judge.ts";

const { values } = parseArgs({
  options: {
    sets: { type: "string", default: "2000" },
    seed: { type: "string", default: String(Date.now() % 0x1_0000_0000) },
  },
});
/** Differences that are shown. */
const SHOWN = 5;
const missing = process.getuid?.() === 0 ? missingJudge() : "it needs root";
if (missing !== null) {
  console.error(`compare:rules: ${missing}`);
  process.exitCode = 2;
} else {
  const started = performance.now();
  const { sets, packets, dropped, marked, differences } = compareRules(
    Number(values.sets),
    Number(values.seed),
    ownPrefix("rules"),
  );
  for (const each of differences.slice(0, SHOWN)) console.log(each);
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(
    `seed ${values.seed}: ${sets} rule sets, ${packets} packets (${dropped} dropped, ${marked} marked) in ${seconds} s: ${differences.length} differences`,
  );
  process.exitCode = differences.length === 0 ? 0 : 1;
}
