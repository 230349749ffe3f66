/** Names and numbers of schedulers. */
import { SCHEDULER_LC, SCHEDULER_RR, SCHEDULER_WLC, SCHEDULER_WRR } from "../../kernel/tables.ts";

const NUMBERS: ReadonlyMap<string, number> = new Map([
  ["rr", SCHEDULER_RR],
  ["wrr", SCHEDULER_WRR],
  ["lc", SCHEDULER_LC],
  ["wlc", SCHEDULER_WLC],
]);

const NAMES: ReadonlyMap<number, string> = new Map([...NUMBERS].map(([name, number]) => [number, name]));

/** Schedulers that IPVS has (Linux 6.1) and the datapath does not. */
const KNOWN_ONLY: ReadonlySet<string> = new Set([
  "lblc",
  "lblcr",
  "dh",
  "sh",
  "mh",
  "sed",
  "nq",
  "fo",
  "ovf",
]);

/** The number of a scheduler of ours; "unsupported" if only IPVS has it, "unknown" if nobody has. */
export function schedulerNumber(name: string): number | "unsupported" | "unknown" {
  return NUMBERS.get(name) ?? (KNOWN_ONLY.has(name) ? "unsupported" : "unknown");
}

export function schedulerName(number: number): string {
  return NAMES.get(number) ?? `?${number}`;
}
