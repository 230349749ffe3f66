/** Which programs the datapath is made of. */
import { possibleCpus } from "../../bpf/loader/index.ts";
import { type DatapathProgram, PROGRAMS } from "../../kernel/programs.ts";
import type { Needs } from "../plane.ts";
import type { CompileRequest } from "./compiled-programs.ts";
import { optionsOf, programName } from "./program-options.ts";
import { sourceHash } from "./sources.ts";

/** A program that handles packets, and its place in the array `programs`. */
export interface PlacedRequest {
  readonly slot: number;
  readonly request: CompileRequest;
}

/** The programs that handle packets, for these needs: in the order in which they are to be replaced. */
export function datapathRequests(needs: Needs): PlacedRequest[] {
  return PROGRAMS.filter((program) => isNeeded(program, needs)).map((program) => ({
    slot: program.slot,
    request: {
      module: "ingress",
      entry: "ingress",
      options: { ...optionsOf(needs), ...program.options },
      name: programName(kindOf(program), needs, sourceHash()),
    },
  }));
}

function isNeeded({ family, direction, options }: DatapathProgram, needs: Needs): boolean {
  if (options.payload && !needs.has("ftp")) return false;
  if (options.ruling && !needs.has("rules")) return false;
  // Where there are rules and no services, nothing is admitted, and nothing is known of ICMP errors and fragments.
  const hasServices = needs.has("tcp") || needs.has("udp") || needs.has("sctp");
  if ((options.admission || options.aside) && !hasServices) return false;
  return (family === 4 || needs.has("ipv6")) && (direction === "in" || needs.has("localServers"));
}

/**
 * "lvs4" forwards IPv4, "lva4" admits its new flows, "lve4" sees to ICMP errors and fragments, "lvo4" is for what goes out, "lvr4" evaluates
 * rules, "lvp4" reads payload.
 */
function kindOf({ family, direction, options }: DatapathProgram): string {
  if (direction === "out") return `lvo${family}`;
  const { admission, aside, payload, ruling } = options;
  return `lv${admission ? "a" : aside ? "e" : ruling ? "r" : payload ? "p" : "s"}${family}`;
}

/** The program that starts the clock. */
export function armRequest(cpus: number = possibleCpus()): CompileRequest {
  const name = `lvs_arm_${sourceHash().slice(0, 7)}`;
  return { module: "arm", entry: "arm", options: { cpus }, name };
}
