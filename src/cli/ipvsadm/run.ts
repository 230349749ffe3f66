import { IpvsError } from "../../ipvs/errors.ts";
import type { IpvsadmEnvironment } from "./environment.ts";
import { runInvocation } from "./invocation.ts";
import { parse } from "./parse.ts";
import { restore } from "./restore.ts";
import { sentence } from "./sentences.ts";
import { UsageError } from "./usage-error.ts";

/** Exit status where the director refused. */
const REFUSED = 255;
/** Exit status where the director cannot be reached at all. */
const NO_DIRECTOR = 2;
/**
 * The command `ipvsadm`.
 *
 * @param words the command line without the program's name
 * @returns the exit status: 0, 1 (listing a service that does not exist), 2 (wrong use, no director), 255 (refused,
 * unknown option)
 */
export function runIpvsadm(words: readonly string[], environment: IpvsadmEnvironment): number {
  const invocation = parse(words, environment.names);
  if (invocation instanceof UsageError) {
    environment.stderr(`${invocation.message}\n`);
    return invocation.exit;
  }
  return reporting(environment, () =>
    invocation.kind === "restore"
      ? restore(environment.stdin(), environment)
      : runInvocation(invocation, environment),
  );
}

/** As `runIpvsadm -R`, with what is to be restored at hand. */
export function runRestore(rules: string, environment: IpvsadmEnvironment): number {
  return reporting(environment, () => restore(rules, environment));
}

/** Runs a command and says what the director refuses. */
function reporting({ stderr }: IpvsadmEnvironment, run: () => number): number {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof IpvsError)) throw error;
    if (error.operation !== "open") {
      stderr(`${sentence(error)}\n`);
      return REFUSED;
    }
    stderr(`Can't initialize ipvs: ${sentence(error)}\n`);
    return NO_DIRECTOR;
  }
}
