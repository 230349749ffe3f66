/**
 * Run by the package's build: compiles the programs of the ladder, and that of tunnel ends, so that no command waits for the compiler.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { possibleCpus } from "../../bpf/loader/index.ts";
import { routerRequest } from "../explain/router.ts";
import { decapsulationRequest } from "../realserver/decapsulation-program.ts";
import { compileTogether } from "./compile-together.ts";
import { keyOf, PREBUILT_DIRECTORY } from "./compiled-programs.ts";
import { PROGRAM_SUFFIX } from "./program-cache.ts";
import { LADDER } from "./program-ladder.ts";
import { armRequest, datapathRequests } from "./program-requests.ts";

/** The clock's program depends on how many CPUs it adds up. */
const CPUS = new Set([1, 2, 4, 8, 16, possibleCpus()]);

const requests = [
  ...LADDER.flatMap((needs) => datapathRequests(needs).map(({ request }) => request)),
  ...[...CPUS].map((cpus) => armRequest(cpus)),
  decapsulationRequest(),
  routerRequest(),
];
const files = new Map(requests.map((request) => [`${keyOf(request)}${PROGRAM_SUFFIX}`, request]));
mkdirSync(PREBUILT_DIRECTORY, { recursive: true });
const there = new Set(readdirSync(PREBUILT_DIRECTORY));
for (const name of there) if (!files.has(name)) rmSync(join(PREBUILT_DIRECTORY, name));
const missing = [...files].filter(([name]) => !there.has(name));
const programs = await compileTogether(
  missing.map(([, request]) => request),
  availableParallelism(),
);
for (const [i, [name]] of missing.entries()) writeFileSync(join(PREBUILT_DIRECTORY, name), programs[i]!);
