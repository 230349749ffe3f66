import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { spawnInNamespace } from "../../src/linux/index.ts";
import { run } from "../child.ts";
import { timed } from "../cpu.ts";
import { type BenchLab, SINK_PORT } from "../lab.ts";
import type { Measurement } from "./measurement.ts";

const sender = fileURLToPath(new URL("../flood-sender.js", import.meta.url));
const KNOWN_FLOWS = 64;
const LIMIT_MS = 60_000;

let nextFlow = 100_000;

/** Datagrams of 18 bytes one way, over 64 flows that are known after the first round. Unit: a packet that arrived. */
export function knownFlows(lab: BenchLab, target: string, packets: number): Promise<Measurement> {
  return flood(lab, target, packets, KNOWN_FLOWS, 0);
}

/** As above, each packet a flow nobody has seen. */
export function newFlows(lab: BenchLab, target: string, packets: number): Promise<Measurement> {
  const first = nextFlow;
  nextFlow += packets;
  return flood(lab, target, packets, packets, first);
}

async function flood(
  lab: BenchLab,
  target: string,
  packets: number,
  flows: number,
  first: number,
): Promise<Measurement> {
  const argv = [
    process.execPath,
    sender,
    lab.clientInterface,
    lab.directorMac,
    lab.floodSource,
    target,
    SINK_PORT,
    packets,
    flows,
    first,
  ].map(String) as [string, ...string[]];
  const before = await arrived(lab);
  const child = spawnInNamespace(lab.client, argv, { stdio: ["pipe", "pipe", "inherit"], timeout: LIMIT_MS });
  try {
    await says(child, "ready");
    const { seconds, cpuMicroseconds } = await timed(async () => {
      child.stdin?.write("go\n");
      await says(child, "done");
    });
    return { units: (await arrived(lab)) - before, seconds, cpuMicroseconds };
  } finally {
    child.kill("SIGKILL");
  }
}

/** Waits until the child prints `word`; rejects if it ends before. */
function says(child: ChildProcess, word: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("exit", (status) => reject(new Error(`the flood ended with ${status} before it was ${word}`)));
    child.stdout?.on("data", (text) => {
      if (String(text).includes(word)) resolve();
    });
  });
}

/** Packets that the server's device has received. */
async function arrived(lab: BenchLab): Promise<number> {
  const table = await run(lab.server, ["cat", "/proc/net/dev"]);
  const line = table.split("\n").find((row) => row.trim().startsWith(`${lab.serverInterface}:`));
  return Number(line?.split(":")[1]?.trim().split(/\s+/)[1] ?? 0);
}
