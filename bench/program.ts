/**
 * `node dist/bench/program.js [--only TEXT,…] [--json FILE]` (root): nanoseconds that the datapath's compiled programs take for a
 * packet, by method and scheduler, without networks and traffic: a minute. Judge by a run of another version on the same
 * machine.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { measureAll } from "./program/measure-all.ts";
import { programTable } from "./program/table.ts";

const { values: flags } = parseArgs({ options: { only: { type: "string" }, json: { type: "string" } } });
const figures = await measureAll(flags.only?.split(","));
console.log(programTable(figures));
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(figures, null, 1)}\n`);
