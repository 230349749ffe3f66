import type { Command } from "../../ipvs/administration.ts";
import type { Names } from "../ipvsadm/names.ts";
import { parse } from "../ipvsadm/parse.ts";
import { UsageError } from "../ipvsadm/usage-error.ts";
import type { RecordedCase } from "./recordings.ts";

/** Recorded cases that a director on real tables is not measured by. */
export interface Exception {
  /** Why, for the test's report. */
  readonly reason: string;
  readonly covers: (recorded: RecordedCase, names: Names) => boolean;
}

/** Where `ipvsadm` differs on purpose whatever the director; docs/ipvsadm.md gives the reasons. */
export const DIFFERENT: readonly Exception[] = [
  {
    reason: "the original clears the table when asked for --help",
    covers: ({ id }) => id === "restore/restore script, --help",
  },
];

/** Where the director's own tables differ from the IPVS that was recorded. This is the whole list. */
export const TABLE_EXCEPTIONS: readonly Exception[] = [
  {
    reason: "there are no connection sync daemons yet",
    covers: (recorded, names) => commandsOf(recorded, names).some(({ kind }) => kind === "start-daemon"),
  },
  {
    reason: "there is a scheduler twos, which the recorded kernel was built without",
    covers: ({ id }) => id === "kernel/twos",
  },
];

/** The exception that covers a case, or null. */
export function exceptionFor(
  recorded: RecordedCase,
  exceptions: readonly Exception[],
  names: Names,
): Exception | null {
  return exceptions.find(({ covers }) => covers(recorded, names)) ?? null;
}

/** The changes that a case asks for, by command line or standard input. */
function commandsOf({ steps }: RecordedCase, names: Names): Command[] {
  return steps.flatMap(({ argv, stdin }) => {
    const lines = (stdin ?? "").split("\n").map((line) => line.split(/\s+/).filter((word) => word !== ""));
    return [argv.slice(1), ...lines].flatMap((words) => {
      const invocation = parse(words[0] === "ipvsadm" ? words.slice(1) : words, names);
      return invocation instanceof UsageError || invocation.kind !== "change" ? [] : [invocation.command];
    });
  });
}
