/** Compares ways of balancing side by side: HELP says how. */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { LabFailure } from "../lab/console.ts";
import { onlyLab } from "../lab/only-lab.ts";
import { checkLab, checkMachine, present, UnreadyError } from "./check.ts";
import { endServers } from "./child.ts";
import type { Contender } from "./contender.ts";
import { contenders } from "./contenders.ts";
import type { BenchLab } from "./lab.ts";
import { methods } from "./methods.ts";
import { buildLab, PREFIX, removeLabs, startServers } from "./network.ts";
import { measureAll } from "./program/measure-all.ts";
import { programTable } from "./program/table.ts";
import { bases, matrix, type Results, rows, table } from "./report.ts";
import { scale } from "./scale.ts";
import { type Workload, workloadsOf } from "./workloads/index.ts";
import type { Measurement } from "./workloads/measurement.ts";

const HELP = `npm run bench [-- OPTIONS] (root; needs wrk, iperf3, nginx and curl)

Every round runs each workload once with each contender, in turn, so that a machine whose speed drifts does not favour
anyone. Judge by the ratios of processor time per unit to plain routing in the same kind of network. Prints Markdown.

  (none)              lvs and other balancers, and many services: 20 minutes
  --methods           our forwarding methods and schedulers, and the bare programs: 8 minutes
  --programs          only the bare programs (as node dist/bench/program.js): a minute
  --check             sets everything up, sends a little of everything, and ends: a minute
  --short             three short rounds
  --rounds N          so many rounds
  --only NAME,…       only these workloads: connections requests bulk1 bulk8 known new
  --contenders "A;B"  only these; plain routing belongs to them
  --json FILE         writes all measurements of all rounds

LVS_CONNECTIONS: slots of each director's table, to be more than all new flows of 300 s: by default 4194304, with --methods
2097152 (104 bytes each).
`;

const { values: flags } = parseArgs({
  options: {
    help: { type: "boolean", default: false },
    methods: { type: "boolean", default: false },
    programs: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    short: { type: "boolean", default: false },
    rounds: { type: "string" },
    only: { type: "string" },
    contenders: { type: "string" },
    json: { type: "string" },
  },
});
const isShort = flags.short || flags.methods;
const workloads = workloadsOf(isShort ? 2 : 4, isShort ? 300_000 : 600_000);
const rounds = Number(flags.rounds ?? (isShort ? 3 : 5));

function pick<T extends { readonly name: string }>(
  list: readonly T[],
  wanted: string | undefined,
  separator: string,
): T[] {
  const names = wanted?.split(separator);
  const unknown = names?.filter((name) => !list.some((item) => item.name === name)) ?? [];
  if (unknown.length > 0) {
    throw new UnreadyError(
      `unknown: ${unknown.join(", ")}; there are ${list.map(({ name }) => name).join(`${separator} `)}`,
    );
  }
  return list.filter(({ name }) => names === undefined || names.includes(name));
}

const isFor = (workload: Workload, contender: Contender): boolean =>
  (!workload.udp || contender.udp) && (contender.workloads?.includes(workload.name) ?? true);

/** Networks with servers for all contenders, balanced, and seen to work. */
async function setUp(chosen: readonly Contender[]): Promise<Map<Contender, BenchLab>> {
  const labs = new Map<Contender, BenchLab>();
  for (const [index, contender] of chosen.entries()) {
    const lab = buildLab(index, contender.topology);
    labs.set(contender, lab);
    await startServers(lab);
    await contender.setup(lab);
    await checkLab(contender, lab);
    console.error(`${contender.name} works`);
  }
  return labs;
}

/** One workload with one contender, noted. */
async function measure(
  { workload, contender, lab }: { workload: Workload; contender: Contender; lab: BenchLab },
  results: Results,
  round: number,
): Promise<void> {
  const measurement = await workload.run(lab, contender.target(lab));
  const byContender = results.get(workload.name) ?? new Map<string, Measurement[]>();
  results.set(workload.name, byContender);
  byContender.set(contender.name, [...(byContender.get(contender.name) ?? []), measurement]);
  const { units, seconds, cpuMicroseconds, trouble } = measurement;
  const figures = `${(units / seconds).toFixed(0)}/s, ${(cpuMicroseconds / units).toFixed(4)} µs each`;
  console.error(
    `round ${round + 1} ${workload.name} ${contender.name}: ${figures}${trouble ? ` (${trouble})` : ""}`,
  );
}

async function traffic(): Promise<object> {
  const chosen = present(pick(flags.methods ? methods : contenders, flags.contenders, ";"));
  const work = pick(workloads, flags.only, ",");
  process.env.LVS_CONNECTIONS ??= String(flags.methods ? 1 << 21 : 1 << 22);
  checkMachine(chosen.length, Number(process.env.LVS_CONNECTIONS));
  const labs = await setUp(chosen);
  if (flags.check) return {};
  await new Promise((resolve) => setTimeout(resolve, 1000));

  const results: Results = new Map();
  for (let round = 0; round < rounds; round++) {
    for (const workload of work) {
      for (const [contender, lab] of labs) {
        if (isFor(workload, contender)) await measure({ workload, contender, lab }, results, round);
      }
    }
  }
  const baseOf = bases(chosen);
  for (const workload of work) {
    const list = results.get(workload.name);
    if (list !== undefined) console.log(table(workload.title, rows(list, baseOf), workload.unit));
  }
  console.log(matrix(work, results, baseOf));
  const onlySome = isShort || flags.only !== undefined || flags.contenders !== undefined;
  const extra = onlySome ? {} : { scale: await scale(labs) };
  const found = Object.fromEntries([...results].map(([name, list]) => [name, Object.fromEntries(list)]));
  return { rounds, workloads: found, ...extra };
}

async function main(): Promise<void> {
  let json: object = {};
  const programsToo = flags.methods && flags.only === undefined && flags.contenders === undefined;
  if (flags.programs || (programsToo && !flags.check)) {
    const programs = await measureAll();
    console.log(`### The programs by themselves\n\n${programTable(programs)}`);
    json = { programs };
  }
  if (!flags.programs) json = { ...json, ...(await traffic()) };
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(json, null, 1)}\n`);
}

async function clean(): Promise<void> {
  await endServers();
  removeLabs();
}

if (flags.help) {
  console.log(HELP);
  process.exit(0);
}
try {
  const lock = flags.programs ? undefined : onlyLab("bench", PREFIX);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => void clean().finally(() => process.exit(130)));
  }
  try {
    await main();
  } finally {
    if (!flags.programs) await clean();
    lock?.release();
  }
} catch (error) {
  if (!(error instanceof UnreadyError || error instanceof LabFailure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
