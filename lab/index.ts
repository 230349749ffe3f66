import { UsageError } from "../src/cli/lvs/usage-error.ts";
import { missingCapabilities } from "../src/linux/index.ts";
import { LabFailure, streamConsole } from "./console.ts";
import type { Experiment, Lab } from "./experiment.ts";
import { ALL_LABS } from "./labs.ts";
import { onlyLab } from "./only-lab.ts";
import { play, removeLab } from "./play.ts";

export { LabFailure } from "./console.ts";

/** How `lvs lab` was called. */
export interface LabRequest {
  readonly name: string;
  /** Which of its experiments; null: the usual one. */
  readonly variant: string | null;
  /** Leave it up. */
  readonly keep: boolean;
  /** Take down one that was left up. */
  readonly remove: boolean;
}

/** How experiments are asked for, "nat" or "nat rr", with a line about each. */
export const LABS: ReadonlyMap<string, string> = new Map(
  [...ALL_LABS].flatMap(([name, experiments]) =>
    [...experiments].map(([variant, { about }], i): [string, string] => [
      i === 0 ? name : `${name} ${variant}`,
      about,
    ]),
  ),
);

/** What makes us clean up, and the exit status it stands for. */
const INTERRUPTIONS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGPIPE: 141 } as const;

/** Somebody ended a lab early. Everything it made is gone. */
export class LabInterrupted extends Error {
  readonly code = "LAB_INTERRUPTED";
  /** As of a process that the signal ended. */
  readonly exit: number;
  constructor(signal: keyof typeof INTERRUPTIONS) {
    super(`interrupted (${signal}); everything was cleaned up`);
    this.name = "LabInterrupted";
    this.exit = INTERRUPTIONS[signal];
  }
}

/**
 * Runs a lab on standard output. LVS_LAB_PREFIX gives its namespaces other names than the usual "lvs-NAME", so that several may
 * run beside each other. Throws UsageError if there is no such lab; LabFailure if it does not keep its promise, if this process may
 * not build it or if one of the same name runs; LabInterrupted, when all is cleaned up, after Ctrl-C.
 */
export async function runLab({ name, variant, keep, remove }: LabRequest): Promise<void> {
  const lab = labOf(name);
  const experiment = experimentOf(name, lab, variant);
  const missing = missingCapabilities(["CAP_NET_ADMIN", "CAP_BPF", "CAP_SYS_ADMIN"]);
  if (missing.length > 0) {
    throw new LabFailure(
      `the ${name} lab needs root: it makes network namespaces and attaches to interfaces in them (missing: ${missing.join(", ")})`,
    );
  }
  const prefix = process.env.LVS_LAB_PREFIX || `lvs-${name}`;
  const lock = onlyLab(name, prefix);
  try {
    if (remove) await removeLab(prefix, name, lab.values());
    else
      await interruptible((signal) =>
        play(experiment, { name, prefix, keep, console: streamConsole(process.stdout), signal }),
      );
  } finally {
    lock.remove();
  }
}

function labOf(name: string): Lab {
  const lab = ALL_LABS.get(name);
  if (lab === undefined) {
    throw new UsageError(`there is no lab "${name}"; there are: ${[...ALL_LABS.keys()].join(", ")}`);
  }
  return lab;
}

function experimentOf(name: string, lab: Lab, variant: string | null): Experiment {
  const experiment = variant === null ? [...lab.values()][0] : lab.get(variant);
  if (experiment === undefined) {
    throw new UsageError(
      `there is no "${variant}" of the ${name} lab; there are: ${[...lab.keys()].join(", ")}`,
    );
  }
  return experiment;
}

async function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const signals = Object.keys(INTERRUPTIONS) as (keyof typeof INTERRUPTIONS)[];
  // Not only once: Ctrl-C again, out of impatience, must not stop the cleaning up.
  const interrupt = (signal: NodeJS.Signals) =>
    controller.abort(new LabInterrupted(signal as keyof typeof INTERRUPTIONS));
  for (const signal of signals) process.on(signal, interrupt);
  // Node ignores SIGPIPE: that nobody reads any more shows here, and again with each line.
  process.stdout.on("error", () => interrupt("SIGPIPE"));
  try {
    await work(controller.signal);
  } catch (error) {
    // Children get Ctrl-C, too: that they ended is not what went wrong.
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}
