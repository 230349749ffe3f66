/**
 * `node dist/bench/million.js [COUNT]`: opens that many UDP flows (1,000,000) through a director whose table holds as
 * many, reads what the kernel charges for their maps, waits for them to expire, and goes over the edge of the table.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { endServers, run } from "./child.ts";
import { ipvsadm, lvs } from "./contenders.ts";
import { SINK_PORT } from "./lab.ts";
import { buildLab, removeLabs, startServers } from "./network.ts";
import { newFlows } from "./workloads/flood.ts";

const count = Number(process.argv[2] ?? 1_000_000);
const SPARE = 1.05;
const UDP_TIMEOUT_S = 20;

interface Status {
  readonly tables: readonly { readonly table: string; readonly used: number; readonly size: number }[];
  readonly events: Readonly<Record<string, number>>;
}

async function main(): Promise<void> {
  const size = Math.ceil(count * SPARE);
  process.env.LVS_CONNECTIONS = String(size);
  const lab = buildLab(9);
  await startServers(lab);
  const director = (...argv: readonly string[]) =>
    run(lab.director, [process.execPath, ...argv] as [string, ...string[]]);
  const status = async () => JSON.parse(await director(lvs, "status", "--json")) as Status;
  const connections = async () => (await status()).tables.find(({ table }) => table === "connections")!.used;

  const before = await charged(lab.director);
  await director(ipvsadm, "-A", "-u", `${lab.vip}:${SINK_PORT}`, "-s", "rr");
  for (const rip of lab.rips)
    await director(ipvsadm, "-a", "-u", `${lab.vip}:${SINK_PORT}`, "-r", `${rip}:${SINK_PORT}`, "-m");
  await director(ipvsadm, "--set", "0", "0", String(UDP_TIMEOUT_S));
  const empty = await charged(lab.director);
  console.log(
    `tables for ${size} connections: ${mega(empty - before)} MB when made, ${((empty - before) / size).toFixed(0)} bytes a connection`,
  );

  const flood = await newFlows(lab, lab.vip, count);
  const reached = await connections();
  const full = await charged(lab.director);
  console.log(
    `${count} new flows sent, ${flood.units} arrived, ${reached} connections; ${mega(full - before)} MB, ${((full - before) / reached).toFixed(0)} bytes a connection`,
  );
  console.log((await director(ipvsadm, "-Ln")).split("\n").slice(-7, -1).join("\n"));

  const over = await newFlows(lab, lab.vip, Math.ceil(count * 0.2));
  const { events } = await status();
  console.log(
    `over the edge: ${Math.ceil(count * 0.2)} more sent, ${over.units} arrived, ${events.stateless} packets without state`,
  );

  const started = performance.now();
  let left = await connections();
  while (left > 0 && performance.now() - started < (UDP_TIMEOUT_S + 60) * 1000) {
    await sleep(2000);
    left = await connections();
  }
  console.log(
    `${left} connections left after ${((performance.now() - started) / 1000).toFixed(0)} s (timeout ${UDP_TIMEOUT_S} s)`,
  );
  console.log((await director(ipvsadm, "-Ln")).split("\n").slice(-7, -1).join("\n"));
  await director(lvs, "unload");
}

/** Bytes of memory in use by the whole machine: what is not available. */
async function charged(namespace: string): Promise<number> {
  const text = await run(namespace, ["cat", "/proc/meminfo"]);
  const kilobytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1] ?? 0);
  return (kilobytes("MemTotal") - kilobytes("MemAvailable")) * 1024;
}

function mega(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

try {
  await main();
} finally {
  await endServers();
  removeLabs();
}
