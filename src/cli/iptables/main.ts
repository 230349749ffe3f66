import { readFileSync, writeFileSync } from "node:fs";
import type { RuleAdministration } from "../../ipvs/rules/administration.ts";
import { asProcess } from "../as-process.ts";
import { readStandardInput, writeStandard } from "../standard-streams.ts";
import type { IptablesEnvironment, IptablesProgram } from "./environment.ts";
import { openKernelRules } from "./kernel-rules.ts";
import { runIptables } from "./run-iptables.ts";
import { runIptablesRestore } from "./run-restore.ts";
import { runIptablesSave } from "./run-save.ts";
import { systemPrograms } from "./system-programs.ts";

/** Exit status where something failed that the command cannot help. */
const FAILED = 1;

/**
 * Runs one of the programs as this process: words, standard streams, exit status. What talks to the kernel is loaded only if the
 * command needs it.
 */
export async function main(program: IptablesProgram): Promise<void> {
  let rules: RuleAdministration | undefined;
  const environment: IptablesEnvironment = {
    rules: async () => {
      rules ??= await openKernelRules();
      return rules;
    },
    names: async () => {
      const { systemRuleNames } = await import("../rule-names.ts");
      return systemRuleNames();
    },
    stdin: readStandardInput,
    stdout: (text) => writeStandard("stdout", text),
    stderr: (text) => writeStandard("stderr", text),
    readFile: (path) => readFileSync(path, "utf8"),
    writeFile: (path, text) => writeFileSync(path, text),
    now: () => new Date(),
    system: systemPrograms(),
  };
  await asProcess(program, FAILED, () =>
    runIptablesProgram(program, process.argv.slice(2), environment).finally(() => rules?.close()),
  );
}

/** One of the programs, without its process; its exit status. */
export function runIptablesProgram(
  program: IptablesProgram,
  words: readonly string[],
  environment: IptablesEnvironment,
): Promise<number> {
  switch (program) {
    case "iptables":
    case "ip6tables":
      return runIptables(program, words, environment);
    case "iptables-save":
    case "ip6tables-save":
      return runIptablesSave(program, words, environment);
    case "iptables-restore":
    case "ip6tables-restore":
      return runIptablesRestore(program, words, environment);
  }
}
