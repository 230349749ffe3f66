/** What the bench needs, looked at before it begins. */
import { spawnSync } from "node:child_process";
import { availableParallelism, freemem, loadavg } from "node:os";
import { run } from "./child.ts";
import type { Contender } from "./contender.ts";
import { at, type BenchLab, BULK_PORT } from "./lab.ts";
import { untilAnswering } from "./network.ts";
import { knownFlows } from "./workloads/flood.ts";

/** Programs that make the traffic and take it. */
const TOOLS = ["wrk", "iperf3", "nginx", "curl"];

/** Bytes of a director's tables for each connection, and of a lab for all else. */
const BYTES_A_CONNECTION = 104;
const BYTES_A_LAB = 60e6;

/** A load above which figures say nothing. */
const QUIET = 0.7;

const PROBE_PACKETS = 1000;

/** Something that the bench needs is not there. */
export class UnreadyError extends Error {
  readonly code = "BENCH_UNREADY";
}

const isInstalled = (program: string): boolean =>
  spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;

/** Contenders whose programs are installed; says which are not. */
export function present(list: readonly Contender[]): Contender[] {
  return list.filter(({ name, programs }) => {
    const missing = programs.filter((program) => !isInstalled(program));
    if (missing.length > 0) console.error(`leaving out ${name}: ${missing.join(", ")} not installed`);
    return missing.length === 0;
  });
}

/** Looks at the machine. Throws UnreadyError; says what makes figures doubtful. */
export function checkMachine(labs: number, connections: number): void {
  if (process.getuid?.() !== 0) throw new UnreadyError("the bench makes network namespaces: run it as root");
  const missing = TOOLS.filter((program) => !isInstalled(program));
  if (missing.length > 0) throw new UnreadyError(`not installed: ${missing.join(", ")}`);
  const needed = labs * (connections * BYTES_A_CONNECTION + BYTES_A_LAB);
  if (freemem() < needed) {
    throw new UnreadyError(
      `${labs} directors with ${connections} connections need ${(needed / 1e9).toFixed(1)} GB: set LVS_CONNECTIONS to less`,
    );
  }
  const [load = 0] = loadavg();
  if (load > QUIET) {
    console.error(
      `the machine is busy (load ${load.toFixed(2)}, ${availableParallelism()} CPUs): do not trust the figures`,
    );
  }
}

/** Sends a little of everything that the workloads will send. Throws UnreadyError if something does not arrive. */
export async function checkLab(contender: Contender, lab: BenchLab): Promise<void> {
  const target = contender.target(lab);
  try {
    await untilAnswering(lab, target);
    await run(lab.client, ["iperf3", "-c", target, "-p", String(BULK_PORT), "-n", "100000"], { seconds: 10 });
  } catch (error) {
    throw new UnreadyError(
      `${contender.name}: no TCP to ${at(target, BULK_PORT)}: ${(error as Error).message}`,
    );
  }
  if (!contender.udp) return;
  const { units } = await knownFlows(lab, target, PROBE_PACKETS);
  if (units < 0.9 * PROBE_PACKETS || units > 1.1 * PROBE_PACKETS) {
    throw new UnreadyError(`${contender.name}: ${units} of ${PROBE_PACKETS} datagrams arrived`);
  }
}
