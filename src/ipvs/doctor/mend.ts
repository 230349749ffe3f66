/** Carries out what mends a finding, in the calling thread's network namespace. */
import { setLinkFeature, writeSysctl } from "../../linux/index.ts";
import type { DirectorOptions } from "../director/places.ts";
import { attach } from "../director/status.ts";
import { commandOf, type Finding, isSafe, type Remedy } from "./finding.ts";

/** A command that was run, and whether it could be. */
export interface Mended {
  readonly command: string;
  /** Null: it was done. */
  readonly problem: string | null;
}

/** Runs what is safe of the findings' remedies, each once. What fails does not stop the rest. */
export function mend(findings: readonly Finding[], options: DirectorOptions = {}): Mended[] {
  const remedies = new Map<string, Exclude<Remedy, { kind: "advice" }>>();
  for (const { remedy } of findings) if (isSafe(remedy)) remedies.set(commandOf(remedy), remedy);
  return [...remedies].map(([command, remedy]) => {
    try {
      carryOut(remedy, options);
      return { command, problem: null };
    } catch (error) {
      return { command, problem: error instanceof Error ? error.message : String(error) };
    }
  });
}

function carryOut(remedy: Exclude<Remedy, { kind: "advice" }>, options: DirectorOptions): void {
  switch (remedy.kind) {
    case "sysctl":
      for (const [name, value] of remedy.settings) writeSysctl(name, value);
      break;
    case "attach":
      attach(remedy.interfaces, options);
      break;
    case "feature":
      setLinkFeature(remedy.link, remedy.feature, false);
      break;
  }
}
