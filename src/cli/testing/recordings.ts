import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Administration } from "../../ipvs/administration.ts";
import type { Names } from "../ipvsadm/names.ts";
import { runIpvsadmRestore } from "../ipvsadm/restore-script.ts";
import { runIpvsadm } from "../ipvsadm/run.ts";
import { runIpvsadmSave } from "../ipvsadm/save-script.ts";

/** One command of a recorded case: what was said and what came of it. */
export interface RecordedStep {
  readonly argv: readonly string[];
  readonly stdin?: string;
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The output differed between two recordings. */
  readonly varies?: boolean;
}

/** Commands that ran in order, on an empty table. */
export interface RecordedCase {
  readonly id: string;
  readonly steps: readonly RecordedStep[];
}

/** What a case did differently; null if nothing. */
export interface Difference {
  readonly step: RecordedStep;
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Exit status of a program that crashed: nothing to be equal to. */
const CRASHED = 139;

/** The root of the repository: where package.json and recordings are. LVS_ROOT names it where it cannot be found. */
export function repositoryRoot(): string {
  const named = process.env.LVS_ROOT;
  if (named !== undefined) return named;
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && existsSync(join(folder, "recordings"))) {
      const { name } = JSON.parse(readFileSync(manifest, "utf8")) as { name?: string };
      if (name === "lvs") return folder;
    }
    if (dirname(folder) === folder) throw new Error("cannot find the repository; set LVS_ROOT to its folder");
  }
}

/** Reads a JSON file of the folder `recordings`. */
export function readRecording<T>(path: string): T {
  return JSON.parse(readFileSync(join(repositoryRoot(), "recordings", path), "utf8")) as T;
}

/** All cases of a folder of recordings, in the order of the files' names. */
export function readCases(folder: string): RecordedCase[] {
  return readdirSync(join(repositoryRoot(), "recordings", folder))
    .filter((file) => file.endsWith(".json"))
    .sort()
    .flatMap((file) => readRecording<RecordedCase[]>(`${folder}/${file}`));
}

/**
 * Runs a case on a fresh director.
 *
 * @returns the first step that came out differently, or null
 */
export function runCase(
  { steps }: RecordedCase,
  createAdministration: () => Administration,
  names: Names,
): Difference | null {
  const administration = createAdministration();
  try {
    for (const step of steps) {
      const outcome = runStep(step, administration, names);
      if (!equals(step, outcome)) return { step, ...outcome };
    }
    return null;
  } finally {
    administration.close();
  }
}

function runStep(
  step: RecordedStep,
  administration: Administration,
  names: Names,
): { exit: number; stdout: string; stderr: string } {
  let stdout = "";
  let stderr = "";
  const environment = {
    administration: () => administration,
    stdin: () => step.stdin ?? "",
    stdout: (text: string) => {
      stdout += text;
    },
    stderr: (text: string) => {
      stderr += text;
    },
    names,
  };
  const [program, ...words] = step.argv;
  const run =
    program === "ipvsadm-save"
      ? runIpvsadmSave
      : program === "ipvsadm-restore"
        ? runIpvsadmRestore
        : runIpvsadm;
  const exit = run(words, environment);
  return { exit, stdout, stderr };
}

function equals(step: RecordedStep, outcome: { exit: number; stdout: string; stderr: string }): boolean {
  if (step.exit === CRASHED) return true;
  const order = (text: string): string => (step.varies ? text.split("\n").sort().join("\n") : text);
  return (
    step.exit === outcome.exit &&
    order(step.stdout) === order(outcome.stdout) &&
    step.stderr === outcome.stderr
  );
}

/** A difference as text, for a failing test. */
export function describeDifference({ step, exit, stdout, stderr }: Difference): string {
  const show = (text: string): string => text.replace(/^/gm, "    ");
  return [
    `${step.argv.join(" ")}${step.stdin === undefined ? "" : ` << ${JSON.stringify(step.stdin)}`}`,
    `  exit ${exit}, recorded ${step.exit}`,
    ...(stdout === step.stdout ? [] : [`  stdout\n${show(stdout)}\n  recorded\n${show(step.stdout)}`]),
    ...(stderr === step.stderr ? [] : [`  stderr\n${show(stderr)}\n  recorded\n${show(step.stderr)}`]),
  ].join("\n");
}
