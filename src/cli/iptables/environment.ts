import type { RuleAdministration } from "../../ipvs/rules/administration.ts";
import type { RuleNames } from "../../ipvs/rules/text/names.ts";

/** What `iptables` and its companions work with. Nothing else of the process is touched. */
export interface IptablesEnvironment {
  /** The rules of this network namespace, opened by the first command that asks or tells them something. */
  readonly rules: () => Promise<RuleAdministration>;
  readonly names: () => Promise<RuleNames>;
  /** All of the standard input. */
  readonly stdin: () => string;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** The text of a file. Throws as node:fs does. */
  readonly readFile: (path: string) => string;
  /** Puts text into a file, in place of what is there. Throws as node:fs does. */
  readonly writeFile: (path: string, text: string) => void;
  readonly now: () => Date;
  /** The program of that name that came with the system, for rules that are none of ours. */
  readonly system: SystemPrograms;
}

export interface SystemPrograms {
  /** Its full path; null if there is none. */
  find(program: string): string | null;
  /** Runs it in place of ours, with our standard streams; its exit status. */
  run(path: string, words: readonly string[]): number;
}

/** The programs: one for each family, by the name that it is called by. */
export type IptablesProgram =
  | "iptables"
  | "ip6tables"
  | "iptables-save"
  | "ip6tables-save"
  | "iptables-restore"
  | "ip6tables-restore";

export function familyOf(program: IptablesProgram): 4 | 6 {
  return program.startsWith("ip6") ? 6 : 4;
}
