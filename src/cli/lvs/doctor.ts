import {
  examine,
  type Finding,
  type GatherOptions,
  gatherFacts,
  isSafe,
  mend,
  type Role,
  rolesOf,
} from "../../ipvs/doctor/index.ts";
import type { DoctorRequest } from "./doctor-request.ts";
import { doctorJson, doctorText, type ReportedFinding } from "./doctor-text.ts";

/** Where `lvs doctor` writes. */
export interface DoctorOutput {
  readonly stdout: (text: string) => void;
  /** One complaint, without prefix and line feed. */
  readonly complain: (text: string) => void;
}

/** How often it is looked again after something was mended: what was hidden behind it is mended, too. */
const ROUNDS = 3;

/** `lvs doctor`: whether nothing is wrong, or all that was is mended. */
export function runDoctor(request: DoctorRequest, { stdout, complain }: DoctorOutput): boolean {
  const { virtualAddresses, directors, probe } = request;
  const options: GatherOptions = { hints: { virtualAddresses, directors }, probe };
  const facts = gatherFacts(options);
  const roles: readonly Role[] = request.role === null ? rolesOf(facts) : [request.role];
  let left = examine(facts, roles);
  const mended: Finding[] = [];
  const tried = new Set<string>();
  for (let round = 0; request.fix && round < ROUNDS; round++) {
    const open = left.filter((each) => isSafe(each.remedy) && !tried.has(idOf(each)));
    if (open.length === 0) break;
    for (const each of open) tried.add(idOf(each));
    for (const { command, problem } of mend(open)) {
      if (problem !== null) complain(`${command}: ${problem}`);
    }
    left = examine(gatherFacts(options), roles);
    const still = new Set(left.map(idOf));
    mended.push(...open.filter((each) => !still.has(idOf(each))));
  }
  const report: ReportedFinding[] = [
    ...mended.map((finding) => ({ finding, fixed: true })),
    ...left.map((finding) => ({ finding, fixed: false })),
  ];
  stdout(request.json ? doctorJson(report) : doctorText(report, roles));
  return left.every(({ severity }) => severity === "note");
}

function idOf({ code, where }: Finding): string {
  return `${code} ${where}`;
}
