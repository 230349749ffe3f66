/**
 * `npm run bench [-- --short] [--rounds N] [--only WORKLOAD,…] [--contenders NAME,…] [--json FILE]`
 *
 * Compares ways of balancing side by side: every round runs each workload once with each contender, in turn, so
 * that a machine whose speed drifts does not favour anyone. Judge by the ratios of processor time per unit.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { endServers } from "./child.ts";
import { type Contender, contenders } from "./contenders.ts";
import type { BenchLab } from "./lab.ts";
import { buildLab, removeLabs, startServers } from "./network.ts";
import { type Results, rows, table } from "./report.ts";
import { scale } from "./scale.ts";
import { bulk } from "./workloads/bulk.ts";
import { knownFlows, newFlows } from "./workloads/flood.ts";
import { connections, keepAlive } from "./workloads/http.ts";
import type { Measurement } from "./workloads/measurement.ts";

interface Workload {
  readonly name: string;
  readonly title: string;
  readonly unit: { readonly name: string; readonly scale: number };
  readonly udp: boolean;
  run(lab: BenchLab, target: string): Promise<Measurement>;
}

const { values: flags } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    rounds: { type: "string" },
    only: { type: "string" },
    contenders: { type: "string" },
    json: { type: "string" },
  },
});
const seconds = flags.short ? 2 : 4;
const packets = flags.short ? 300_000 : 600_000;
const rounds = Number(flags.rounds ?? (flags.short ? 3 : 5));

const workloads: readonly Workload[] = [
  {
    name: "connections",
    title: "New connections",
    unit: { name: "connection", scale: 1 },
    udp: false,
    run: (lab, to) => connections(lab, to, seconds),
  },
  {
    name: "requests",
    title: "Requests over open connections",
    unit: { name: "request", scale: 1 },
    udp: false,
    run: (lab, to) => keepAlive(lab, to, seconds),
  },
  {
    name: "bulk1",
    title: "Bulk, one stream",
    unit: { name: "GB", scale: 1e9 },
    udp: false,
    run: (lab, to) => bulk(lab, to, seconds, 1),
  },
  {
    name: "bulk8",
    title: "Bulk, eight streams",
    unit: { name: "GB", scale: 1e9 },
    udp: false,
    run: (lab, to) => bulk(lab, to, seconds, 8),
  },
  {
    name: "known",
    title: "Datagrams of known flows",
    unit: { name: "packet", scale: 1 },
    udp: true,
    run: (lab, to) => knownFlows(lab, to, packets * 2),
  },
  {
    name: "new",
    title: "Datagrams, each a new flow",
    unit: { name: "packet", scale: 1 },
    udp: true,
    run: (lab, to) => newFlows(lab, to, packets),
  },
];

function pick<T extends { readonly name: string }>(list: readonly T[], wanted: string | undefined): T[] {
  const names = wanted?.split(",");
  const unknown = names?.filter((name) => !list.some((item) => item.name === name)) ?? [];
  if (unknown.length > 0) {
    throw new Error(`unknown: ${unknown.join(", ")}; there are ${list.map(({ name }) => name).join(", ")}`);
  }
  return list.filter(({ name }) => names === undefined || names.includes(name));
}

/** Contenders whose programs are installed; says which are not. */
function present(list: readonly Contender[]): Contender[] {
  return list.filter(({ name, programs }) => {
    const missing = programs.filter(
      (program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0,
    );
    if (missing.length > 0) console.error(`leaving out ${name}: ${missing.join(", ")} not installed`);
    return missing.length === 0;
  });
}

async function main(): Promise<void> {
  const chosen = present(pick(contenders, flags.contenders));
  const work = pick(workloads, flags.only);
  const labs = new Map<Contender, BenchLab>();
  for (const [index, contender] of chosen.entries()) {
    const lab = buildLab(index);
    labs.set(contender, lab);
    await startServers(lab);
    await contender.setup(lab);
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));

  const results: Results = new Map();
  for (let round = 0; round < rounds; round++) {
    for (const workload of work) {
      for (const [contender, lab] of labs) {
        if (workload.udp && !contender.udp) continue;
        const measurement = await workload.run(lab, contender.target(lab));
        const byContender = results.get(workload.name) ?? new Map<string, Measurement[]>();
        results.set(workload.name, byContender);
        byContender.set(contender.name, [...(byContender.get(contender.name) ?? []), measurement]);
        const { units, seconds: took, cpuMicroseconds, trouble } = measurement;
        const figures = `${(units / took).toFixed(0)}/s, ${(cpuMicroseconds / units).toFixed(4)} µs each`;
        console.error(
          `round ${round + 1} ${workload.name} ${contender.name}: ${figures}${trouble ? ` (${trouble})` : ""}`,
        );
      }
    }
  }
  for (const workload of work) {
    const list = results.get(workload.name);
    if (list !== undefined) console.log(table(workload.title, rows(list), workload.unit));
  }
  const extra = flags.short || flags.only !== undefined ? {} : { scale: await scale(labs) };
  if (flags.json !== undefined) {
    const plain = Object.fromEntries([...results].map(([name, list]) => [name, Object.fromEntries(list)]));
    writeFileSync(flags.json, `${JSON.stringify({ rounds, workloads: plain, ...extra }, null, 1)}\n`);
  }
}

async function clean(): Promise<void> {
  await endServers();
  removeLabs();
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => void clean().finally(() => process.exit(130)));
}
try {
  await main();
} finally {
  await clean();
}
