/** Which programs the datapath is made of. */
import { possibleCpus } from "../../bpf/loader/index.ts";
import type { Needs } from "../plane.ts";
import type { CompileRequest } from "./compiled-programs.ts";
import { optionsOf, programName } from "./program-options.ts";
import { sourceHash } from "./sources.ts";

/** The program that handles packets, for these needs. */
export function ingressRequest(needs: Needs): CompileRequest {
  const name = programName(needs, sourceHash());
  return { module: "ingress", entry: "ingress", options: optionsOf(needs), name };
}

/** The program that starts the clock. */
export function armRequest(cpus: number = possibleCpus()): CompileRequest {
  const name = `lvs_arm_${sourceHash().slice(0, 7)}`;
  return { module: "arm", entry: "arm", options: { cpus }, name };
}
