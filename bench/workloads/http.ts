import { run } from "../child.ts";
import { timed } from "../cpu.ts";
import { at, type BenchLab, HTTP_PORT } from "../lab.ts";
import type { Measurement } from "./measurement.ts";

const CLIENTS = 32;

/** New connections: one request each, closed by the server. Unit: a connection. */
export function connections(lab: BenchLab, target: string, seconds: number): Promise<Measurement> {
  return wrk(lab, target, seconds, ["-H", "Connection: close"]);
}

/** Requests over connections that stay open. Unit: a request. */
export function keepAlive(lab: BenchLab, target: string, seconds: number): Promise<Measurement> {
  return wrk(lab, target, seconds, []);
}

async function wrk(
  lab: BenchLab,
  target: string,
  seconds: number,
  extra: readonly string[],
): Promise<Measurement> {
  const argv = [
    "wrk",
    "-t1",
    `-c${CLIENTS}`,
    `-d${seconds}s`,
    "--latency",
    ...extra,
    `http://${at(target, HTTP_PORT)}/`,
  ] as const;
  const { value: output, seconds: took, cpuMicroseconds } = await timed(() => run(lab.client, [...argv]));
  const requests = Number(/(\d+) requests in/.exec(output)?.[1] ?? 0);
  const errors = /Socket errors: (.*)/.exec(output)?.[1];
  return {
    units: requests,
    seconds: took,
    cpuMicroseconds,
    latency: { p50: latency(output, "50%"), p99: latency(output, "99%") },
    ...(errors === undefined ? {} : { trouble: errors }),
  };
}

/** wrk prints "     50%  635.00us"; in µs. */
function latency(output: string, percentile: string): number {
  const match = new RegExp(`${percentile}\\s+([\\d.]+)(us|ms|s)`).exec(output);
  const scale = { us: 1, ms: 1000, s: 1_000_000 }[match?.[2] ?? "us"] ?? 1;
  return Number(match?.[1] ?? Number.NaN) * scale;
}
