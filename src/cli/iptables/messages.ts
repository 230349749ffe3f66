import { IpvsError } from "../../ipvs/errors.ts";
import { RestoreError } from "../../ipvs/rules/text/restore-file.ts";
import { RulesError } from "../../ipvs/rules/text/rules-error.ts";
import type { SystemPrograms } from "./environment.ts";

/** The iptables whose words, messages and formats these are, and whose rules. */
export const VERSION = "v1.8.9 (lvs)";

const FAILED = 1;
const WRONG_USAGE = 2;
const WRONG_VERSION = 3;
const NO_RESOURCE = 4;

/** What to say of a failure, and the exit status. */
export interface Complaint {
  readonly text: string;
  readonly exit: number;
}

/**
 * What a program says of what was thrown.
 *
 * @param command the words of the command line, for advice about the system's program
 * @throws what is neither about rules nor from the director
 */
export function complaint(
  error: unknown,
  program: string,
  command: readonly string[],
  system: SystemPrograms,
): Complaint {
  if (error instanceof IpvsError) return refusal(error, program);
  const line = error instanceof RestoreError ? error.line : null;
  const cause = error instanceof RestoreError ? error.cause : error;
  if (!(cause instanceof RulesError)) throw error;
  const { message } = cause;
  const where = line === null ? "" : `Error occurred at line: ${line}\n`;
  const help = `${where}Try \`${program} -h' or '${program} --help' for more information.\n`;
  switch (cause.code) {
    case "usage": {
      const end = cause.isForeign ? where + advice(program, command, system) : help;
      return { text: `${program} ${VERSION}: ${message}\n${end}`, exit: WRONG_USAGE };
    }
    case "argument":
      return { text: `${message}\n${help}`, exit: WRONG_USAGE };
    case "family":
      return { text: help, exit: WRONG_USAGE };
    case "version": {
      const upgrade = `Perhaps ${program} or your kernel needs to be upgraded.\n`;
      return { text: `${program} ${VERSION}: ${message}\n${where}${upgrade}`, exit: WRONG_VERSION };
    }
    case "failed":
      return { text: failure(program, message, line), exit: FAILED };
    case "other":
      return { text: `${program} ${VERSION}: ${message}\n${where}`, exit: FAILED };
    case "refused": {
      const text = line === null ? ` ${message}` : `\nline ${line}: ${message}`;
      return { text: `${program} ${VERSION}: ${text}\n`, exit: NO_RESOURCE };
    }
  }
}

function failure(program: string, message: string, line: number | null): string {
  if (line === null || message.startsWith("COMMIT")) return `${program}: ${message}\n`;
  // The hint at dmesg belongs to command lines.
  const reason = message.replace(/ Run `dmesg'.*/, "");
  return reason === "" ? `${program}: line ${line} failed\n` : `${program}: line ${line} failed: ${reason}\n`;
}

/** The director refused: what it could not do, in its own words. */
function refusal(error: IpvsError, program: string): Complaint {
  if (error.code === "EPERM" && !error.explained) {
    const text = "Could not fetch rule set generation id: Permission denied (you must be root)";
    return { text: `${program} ${VERSION}: ${text}\n`, exit: NO_RESOURCE };
  }
  return { text: `${program} ${VERSION}: ${error.message}\n`, exit: NO_RESOURCE };
}

/** How to go on with what is none of ours. */
export function advice(program: string, words: readonly string[], system: SystemPrograms): string {
  const path = system.find(program);
  if (path === null)
    return `Only the system's ${program} could do that, and there is none: install iptables.\n`;
  return `The system's own ${program} may do it: ${[path, ...words.map(shellWord)].join(" ")}\n`;
}

/** As a shell reads it. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
