/**
 * Puts ip_vs and lvs on the same traffic: `node dist/lab/compare/main.js [--only ip_vs|lvs] [SCENARIO…]`, as root on a
 * host with the ip_vs module and ipvsadm. Exit status: 0 no difference, 1 differences, 2 it cannot be run here.
 *
 * --only ip_vs  compares the kernel's ip_vs with itself: what then differs is the comparison's own fault
 * --only lvs    the same with ours; needs no ip_vs
 * SCENARIO      parts of names; default: all
 */
import { parseArgs } from "node:util";
import { runScenarios } from "./run.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string" }, help: { type: "boolean", short: "h" } },
});
if (values.help) {
  console.log("usage: compare [--only ip_vs|lvs] [SCENARIO…]");
} else {
  process.exitCode = await runScenarios(
    values.only === undefined ? ["ip_vs", "lvs"] : [values.only, values.only],
    positionals,
    console.log,
  );
}
