import { run } from "../child.ts";
import { timed } from "../cpu.ts";
import { type BenchLab, BULK_PORT } from "../lab.ts";
import type { Measurement } from "./measurement.ts";

interface Iperf {
  readonly end: { readonly sum_received: { readonly bytes: number } };
}

/** TCP streams from client to server, as fast as they go. Unit: a byte that arrived. */
export async function bulk(
  lab: BenchLab,
  target: string,
  seconds: number,
  streams: number,
): Promise<Measurement> {
  const argv = [
    "iperf3",
    "-c",
    target,
    "-p",
    String(BULK_PORT),
    "-t",
    String(seconds),
    "-P",
    String(streams),
    "-J",
  ] as const;
  const { value, seconds: took, cpuMicroseconds } = await timed(() => run(lab.client, [...argv]));
  return { units: (JSON.parse(value) as Iperf).end.sum_received.bytes, seconds: took, cpuMicroseconds };
}
