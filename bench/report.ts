import { type Contender, PLAIN } from "./contender.ts";
import { median, ratios } from "./statistics.ts";
import type { Workload } from "./workloads/index.ts";
import type { Measurement } from "./workloads/measurement.ts";

/** All measurements of a run: by workload, by contender, in order of rounds. */
export type Results = Map<string, Map<string, Measurement[]>>;

/** Figures of one contender in one workload. */
export interface Row {
  readonly contender: string;
  /** Units per second. */
  readonly rate: number;
  /** Processor time of the whole lab per unit, µs. */
  readonly cpuPerUnit: number;
  /** Medians over rounds of this contender's cpuPerUnit (rate) divided by the base's in the same round. */
  readonly cpuRatio: number;
  readonly rateRatio: number;
  readonly p50?: number;
  readonly p99?: number;
}

/** What each contender is compared with, by name. */
export type Bases = ReadonlyMap<string, string>;

/** The bases of these contenders. */
export function bases(list: readonly Contender[]): Bases {
  return new Map(list.map(({ name, base }) => [name, base ?? PLAIN]));
}

const cpuPerUnit = (measurement: Measurement) => measurement.cpuMicroseconds / measurement.units;
const rate = (measurement: Measurement) => measurement.units / measurement.seconds;

/** Medians and per-round ratios of one workload, in the order the contenders ran. */
export function rows(workload: ReadonlyMap<string, readonly Measurement[]>, baseOf: Bases): Row[] {
  return [...workload].map(([contender, rounds]) => {
    const base = workload.get(baseOf.get(contender) ?? PLAIN) ?? [];
    const latencies = rounds.flatMap(({ latency }) => (latency === undefined ? [] : [latency]));
    return {
      contender,
      rate: median(rounds.map(rate)),
      cpuPerUnit: median(rounds.map(cpuPerUnit)),
      cpuRatio: median(ratios(rounds.map(cpuPerUnit), base.map(cpuPerUnit))),
      rateRatio: median(ratios(rounds.map(rate), base.map(rate))),
      ...(latencies.length === 0
        ? {}
        : { p50: median(latencies.map(({ p50 }) => p50)), p99: median(latencies.map(({ p99 }) => p99)) }),
    };
  });
}

/** A table in Markdown. */
export function table(title: string, list: readonly Row[], unit: { name: string; scale: number }): string {
  const timed = list.some(({ p50 }) => p50 !== undefined);
  const header = [
    "",
    `${unit.name}/s`,
    "ratio",
    `CPU µs/${unit.name}`,
    "CPU ratio",
    ...(timed ? ["p50 µs", "p99 µs"] : []),
  ];
  const lines = list.map((row) => [
    row.contender,
    (row.rate / unit.scale).toFixed(row.rate / unit.scale >= 100 ? 0 : 2),
    row.rateRatio.toFixed(2),
    (row.cpuPerUnit * unit.scale).toFixed(unit.scale === 1 ? 2 : 0),
    row.cpuRatio.toFixed(3),
    ...(timed ? [(row.p50 ?? Number.NaN).toFixed(0), (row.p99 ?? Number.NaN).toFixed(0)] : []),
  ]);
  const cells = [header, header.map((_, i) => (i === 0 ? "---" : "---:")), ...lines];
  return `### ${title}\n\n${cells.map((cell) => `| ${cell.join(" | ")} |`).join("\n")}\n`;
}

/** The CPU ratios of all workloads in one table in Markdown: a line for each contender that is nobody's base. */
export function matrix(work: readonly Workload[], results: Results, baseOf: Bases): string {
  const ratios = work.map(({ name }) => {
    const list = rows(results.get(name) ?? new Map(), baseOf);
    return new Map(list.map(({ contender, cpuRatio }) => [contender, cpuRatio]));
  });
  const names = [...baseOf].filter(([name, base]) => name !== base).map(([name]) => name);
  const lines = names.map((name) => [name, ...ratios.map((each) => each.get(name)?.toFixed(3) ?? "")]);
  const header = ["CPU ratio to plain routing", ...work.map(({ short }) => short)];
  const cells = [header, header.map((_, i) => (i === 0 ? "---" : "---:")), ...lines];
  return `${cells.map((cell) => `| ${cell.join(" | ")} |`).join("\n")}\n`;
}
