import { UsageError } from "./usage-error.ts";
import { readWords, refuseRest } from "./words.ts";

/** What `lvs rules` was asked to do. */
export type RulesRequest =
  | { readonly kind: "rules" }
  | {
      readonly kind: "rules-import";
      /** "-": the standard input; null: what the system's iptables has now. */
      readonly file: string | null;
      /** Of text that does not say it. */
      readonly family: 4 | 6;
      /** In place of rules that are there. */
      readonly replace: boolean;
      /** Only say what would be done. */
      readonly dryRun: boolean;
    };

/** Reads the words behind `lvs rules`. Throws UsageError. */
export function readRulesRequest(words: readonly string[]): RulesRequest {
  const [command, ...more] = words;
  if (command !== "import") {
    refuseRest("rules", readWords("rules", words, {}));
    return { kind: "rules" };
  }
  const { options, rest } = readWords("rules import", more, {
    live: { spellings: ["--live"], argument: null },
    dryRun: { spellings: ["--dry-run"], argument: null },
    replace: { spellings: ["--replace"], argument: null },
    ipv4: { spellings: ["-4", "--ipv4"], argument: null },
    ipv6: { spellings: ["-6", "--ipv6"], argument: null },
  });
  const [file, ...others] = rest;
  const live = options.has("live");
  if (others.length > 0) throw new UsageError(`lvs rules import takes one file, but got ${rest.join(" ")}`);
  if (live === (file !== undefined)) {
    throw new UsageError(
      "lvs rules import wants a file that iptables-save wrote, - for the standard input, or --live for the rules that this host has now",
    );
  }
  return {
    kind: "rules-import",
    file: live ? null : file!,
    family: options.has("ipv6") ? 6 : 4,
    replace: options.has("replace"),
    dryRun: options.has("dryRun"),
  };
}
