/**
 * Run by the package's build: compiles the programs that most directors need, so that their first command does not wait
 * for the compiler. Other programs are compiled when they are needed, and cached.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { possibleCpus } from "../../bpf/loader/index.ts";
import { SCHEDULER_LC, SCHEDULER_RR, SCHEDULER_WLC, SCHEDULER_WRR } from "../../kernel/tables.ts";
import type { Needs } from "../plane.ts";
import { compileInProcess, keyOf, PREBUILT_DIRECTORY } from "./compiled-programs.ts";
import { PROGRAM_SUFFIX } from "./program-cache.ts";
import { armRequest, ingressRequest } from "./program-requests.ts";

const PROTOCOLS = [
  { tcp: true, udp: false },
  { tcp: false, udp: true },
  { tcp: true, udp: true },
] as const;
const SCHEDULERS = [SCHEDULER_RR, SCHEDULER_WRR, SCHEDULER_LC, SCHEDULER_WLC];

/** One scheduler with any protocols, with and without port mapping; and everything at once. */
function usualNeeds(): Needs[] {
  const usual = PROTOCOLS.flatMap((protocols) =>
    SCHEDULERS.flatMap((scheduler) =>
      [false, true].map((portMapping) => ({
        ...protocols,
        schedulers: new Set<number>([scheduler]),
        portMapping,
        thresholds: false,
      })),
    ),
  );
  const everything = {
    tcp: true,
    udp: true,
    schedulers: new Set<number>(SCHEDULERS),
    portMapping: true,
    thresholds: true,
  };
  return [...usual, everything];
}

/** The clock's program depends on how many CPUs it adds up. */
const CPUS = new Set([1, 2, 4, 8, 16, possibleCpus()]);

const requests = [...usualNeeds().map(ingressRequest), ...[...CPUS].map((cpus) => armRequest(cpus))];
const files = new Map(requests.map((request) => [`${keyOf(request)}${PROGRAM_SUFFIX}`, request]));
mkdirSync(PREBUILT_DIRECTORY, { recursive: true });
const there = new Set(readdirSync(PREBUILT_DIRECTORY));
for (const name of there) if (!files.has(name)) rmSync(join(PREBUILT_DIRECTORY, name));
const missing = [...files].filter(([name]) => !there.has(name));
const programs = missing.length === 0 ? [] : compileInProcess(missing.map(([, request]) => request));
for (const [i, [name]] of missing.entries()) writeFileSync(join(PREBUILT_DIRECTORY, name), programs[i]!);
