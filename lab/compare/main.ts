/**
 * Puts directors on the same traffic: `compare [--on A,B] [--lines N] [SCENARIO…]`. Exit status: 0 no difference, 1 differences,
 * 2 it cannot be run here.
 *
 * --on      which: ip_vs (the kernel's, with the ipvsadm that is installed), lvs (ours), simulator (ours, without a
 *           kernel). Default: ip_vs,lvs. The same twice shows what differs by chance.
 * --lines   how many lines of differences of each scenario are shown. Default: 24
 * SCENARIO  parts of names; default: all
 */
import { parseArgs } from "node:util";
import { KINDS, type Kind, runScenarios } from "./run.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    lines: { type: "string", default: "24" },
    on: { type: "string", default: "ip_vs,lvs" },
    help: { type: "boolean", short: "h" },
  },
});
const kinds = values.on.split(",");
const known = (kind: string): kind is Kind => (KINDS as readonly string[]).includes(kind);
if (values.help) {
  console.log(`usage: compare [--on A,B] [--lines N] [SCENARIO…]; A and B are among ${KINDS.join(", ")}`);
} else if (!kinds.every(known)) {
  console.error(`--on takes directors among ${KINDS.join(", ")}, separated by a comma`);
  process.exitCode = 2;
} else {
  process.exitCode = await runScenarios(kinds, positionals, console.log, Number(values.lines));
}
