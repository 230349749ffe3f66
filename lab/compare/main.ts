/**
 * Puts directors on the same traffic: `compare [--on A,B] [--lines N] [--random FIRST-LAST] [SCENARIO…]`. Exit status: 0 no difference, 1 differences,
 * 2 it cannot be run here.
 *
 * --on      which: ip_vs (the kernel's, with the ipvsadm that is installed), lvs (ours), simulator (ours, without a
 *           kernel). Default: ip_vs,lvs. The same twice shows what differs by chance.
 * --lines   how many lines of differences of each scenario are shown. Default: 24
 * --random  random scenarios of these seeds, of every kind, instead of those that have names
 * SCENARIO  parts of names; default: all
 */
import { parseArgs } from "node:util";
import { randomScenario } from "./random.ts";
import { KINDS, type Kind, runScenarios } from "./run.ts";
import type { Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    lines: { type: "string", default: "24" },
    random: { type: "string" },
    on: { type: "string", default: "ip_vs,lvs" },
    help: { type: "boolean", short: "h" },
  },
});
const kinds = values.on.split(",");
const range = /^(\d+)-(\d+)$/.exec(values.random ?? "0-0");

/** Those that are asked for. */
function chosen(): readonly Scenario[] {
  if (values.random === undefined)
    return SCENARIOS.filter(
      ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
    );
  const [first, last] = range!.slice(1).map(Number) as [number, number];
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) =>
    randomScenario({
      seed: first + i,
      steps: 240,
      everyKind: true,
      families: [(first + i) % 2 === 0 ? 6 : 4],
    }),
  );
}

const known = (kind: string): kind is Kind => (KINDS as readonly string[]).includes(kind);
if (values.help) {
  console.log(
    `usage: compare [--on A,B] [--lines N] [--random FIRST-LAST] [SCENARIO…]; A and B are among ${KINDS.join(", ")}`,
  );
} else if (!kinds.every(known)) {
  console.error(`--on takes directors among ${KINDS.join(", ")}, separated by a comma`);
  process.exitCode = 2;
} else if (range === null) {
  console.error("--random takes two seeds with a hyphen between, the first and the last: 10-20");
  process.exitCode = 2;
} else {
  process.exitCode = await runScenarios(kinds, chosen(), console.log, Number(values.lines));
}
