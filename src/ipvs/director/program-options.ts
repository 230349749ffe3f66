/** What a program is compiled for: options of the datapath, and how a loaded program's name tells them. */
import { SCHEDULER_LC, SCHEDULER_RR, SCHEDULER_WLC, SCHEDULER_WRR } from "../../kernel/tables.ts";
import type { Needs } from "../plane.ts";

const SCHEDULER_OPTIONS = [
  ["roundRobin", SCHEDULER_RR],
  ["weightedRoundRobin", SCHEDULER_WRR],
  ["leastConnection", SCHEDULER_LC],
  ["weightedLeastConnection", SCHEDULER_WLC],
] as const;

/** Options of `src/kernel/options.ts`, by name. */
export type ProgramOptions = Readonly<Record<string, number | boolean>>;

export function optionsOf(needs: Needs): ProgramOptions {
  const schedulers = SCHEDULER_OPTIONS.map(([name, number]) => [name, needs.schedulers.has(number)]);
  return {
    tcp: needs.tcp,
    udp: needs.udp,
    ...Object.fromEntries(schedulers),
    portMapping: needs.portMapping,
    thresholds: needs.thresholds,
  };
}

/** Digits of the source hash that are kept in a name. */
const HASH_DIGITS = 8;

/** What a loaded program is: its name, at most 15 characters, says which needs it was made for, and from which source. */
export interface ProgramIdentity {
  readonly needs: Needs;
  /** The first digits of the source hash. */
  readonly source: string;
}

/** "lvs_1f_0123abcd": a bit for each need, and the source. */
export function programName(needs: Needs, source: string): string {
  const bits = [
    needs.tcp,
    needs.udp,
    ...SCHEDULER_OPTIONS.map(([, number]) => needs.schedulers.has(number)),
    needs.portMapping,
    needs.thresholds,
  ].reduce((sum, need, bit) => sum + (need ? 2 ** bit : 0), 0);
  return `lvs_${bits.toString(16).padStart(2, "0")}_${source.slice(0, HASH_DIGITS)}`;
}

/** Undefined for a name that is not one of ours. */
export function parseProgramName(name: string): ProgramIdentity | undefined {
  const match = /^lvs_([0-9a-f]{2})_([0-9a-f]{8})$/.exec(name);
  if (match === null) return undefined;
  const bits = Number.parseInt(match[1]!, 16);
  const has = (bit: number) => (bits & (1 << bit)) !== 0;
  const schedulers = SCHEDULER_OPTIONS.filter((_, index) => has(2 + index)).map(([, number]) => number);
  const needs = {
    tcp: has(0),
    udp: has(1),
    schedulers: new Set<number>(schedulers),
    portMapping: has(6),
    thresholds: has(7),
  };
  return { needs, source: match[2]! };
}

/** Whether a program was made from this source. */
export function isOfSource(identity: ProgramIdentity, source: string): boolean {
  return identity.source === source.slice(0, HASH_DIGITS);
}
