/** Waiting until no run of the datapath can still see what was unpublished. */
import { statSync, utimesSync } from "node:fs";
import { bind } from "../../linux/index.ts";

const MEMBARRIER = { x64: 324, arm64: 283 } as const;
/** MEMBARRIER_CMD_GLOBAL: returns when each CPU has left what it was running under RCU; programs run under RCU. */
const GLOBAL = 1;

/** No run of a program takes so long, ms. */
const LONGEST_RUN = 100;
/** Instead of the system call, where the kernel does not have it, ms. */
const PAUSE = 20;

const systemCall = bind<[number, number, number, number], number>(
  "long syscall(long number, long a, long b, long c)",
);

/** Notes, on the lock file, that something was published or unpublished just now. */
export function noteChange(lockFile: string): void {
  const now = new Date();
  utimesSync(lockFile, now, now);
}

/** Returns when all runs of programs that began before the last noted change have ended. */
export function awaitRuns(lockFile: string): void {
  const since = Date.now() - statSync(lockFile).mtimeMs;
  if (since > LONGEST_RUN) return;
  const number = MEMBARRIER[process.arch as keyof typeof MEMBARRIER];
  if (number !== undefined && systemCall(number, GLOBAL, 0, 0) === 0) return;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
}
