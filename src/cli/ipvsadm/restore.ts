import type { Command } from "../../ipvs/administration.ts";
import type { IpvsadmEnvironment } from "./environment.ts";
import { TRY_HELP } from "./help.ts";
import { runInvocation } from "./invocation.ts";
import { parse } from "./parse.ts";
import { sentence } from "./sentences.ts";
import { UsageError } from "./usage-error.ts";

/** A line already read: a change to be made, what there was to complain of, or nothing. */
type Pending = Command | UsageError | null;

/**
 * `ipvsadm --restore`: carries out command lines one after the other. A leading `ipvsadm` is ignored, quotes and
 * comments are not known.
 *
 * Changes are collected and made in one go, up to the next line that asks something. The outcome is that of doing
 * them one by one: refusals, unknown options and missing arguments are reported in the order of the lines and do not
 * stop the rest; any other fault does, and what comes before it has been done.
 *
 * @returns the exit status: that of the last line carried out
 */
export function restore(rules: string, environment: IpvsadmEnvironment): number {
  let pending: Pending[] = [];
  let status = 0;
  const flush = (): void => {
    if (pending.length > 0) status = carryOut(pending, environment);
    pending = [];
  };
  for (const words of splitLines(rules)) {
    if (words.length === 0) {
      pending.push(null);
      continue;
    }
    const invocation = parse(words, environment.names);
    if (invocation instanceof UsageError) {
      pending.push(invocation);
      if (!invocation.recoverable) {
        flush();
        return invocation.exit;
      }
    } else if (invocation.kind === "change") {
      pending.push(invocation.command);
    } else if (invocation.kind === "restore") {
      pending.push(new UsageError(TRY_HELP.trimEnd(), 255));
      flush();
      return 255;
    } else {
      flush();
      status = runInvocation(invocation, environment);
      if (status !== 0 || invocation.kind === "help" || invocation.kind === "version") return status;
    }
  }
  flush();
  return status;
}

/** Makes the changes, says what went wrong, in the order of the lines. Returns the status of the last one. */
function carryOut(pending: readonly Pending[], environment: IpvsadmEnvironment): number {
  const commands = pending.filter((item): item is Command => item !== null && !(item instanceof UsageError));
  const outcomes = commands.length === 0 ? [] : environment.administration().apply(commands);
  let complaints = "";
  let status = 0;
  let done = 0;
  for (const item of pending) {
    const fault = item === null || item instanceof UsageError ? item : outcomes[done++];
    status = fault instanceof UsageError ? fault.exit : fault ? 255 : 0;
    if (fault) complaints += `${fault instanceof UsageError ? fault.message : sentence(fault)}\n`;
  }
  if (complaints !== "") environment.stderr(complaints);
  return status;
}

/** The words of each line; white space separates them. */
function* splitLines(rules: string): Generator<string[]> {
  const lines = rules.split("\n");
  if (lines.at(-1) === "") lines.pop();
  for (const line of lines) {
    const words = line.split(/[ \t\r\0]+/).filter((word) => word !== "");
    while (words[0] === "ipvsadm") words.shift();
    yield words;
  }
}
