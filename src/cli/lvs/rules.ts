import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { Family } from "../../ipvs/model.ts";
import type { RuleAdministration } from "../../ipvs/rules/administration.ts";
import { type ImportedRules, importRules, savedParts } from "../../ipvs/rules/importing.ts";
import { emptyRuleSet, NO_COUNTERS, type RuleSet } from "../../ipvs/rules/model.ts";
import { checkRules } from "../../ipvs/rules/table-rules.ts";
import type { RuleNames } from "../../ipvs/rules/text/names.ts";
import { RestoreError } from "../../ipvs/rules/text/restore-file.ts";
import type { SystemPrograms } from "../iptables/environment.ts";
import { listing } from "../iptables/listing.ts";
import { readStandardInput } from "../standard-streams.ts";
import { importText } from "./rules-import-text.ts";
import type { RulesRequest } from "./rules-request.ts";

/** What `lvs rules` works with. */
export interface RulesEnvironment {
  readonly rules: RuleAdministration;
  readonly names: RuleNames;
  readonly stdout: (text: string) => void;
  readonly complain: (text: string) => void;
  /** The text of a file, "-" being the standard input. Throws as node:fs does. */
  readonly read: (file: string) => string;
  /** What a program prints. */
  readonly capture: (path: string, words: readonly string[]) => string;
  readonly system: Pick<SystemPrograms, "find">;
}

/** What of the process it works with. */
export const RULES_PROCESS: Pick<RulesEnvironment, "read" | "capture"> = {
  read: (file) => (file === "-" ? readStandardInput() : readFileSync(file, "utf8")),
  capture: (path, words) =>
    execFileSync(path, words, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
      // A host's rules are as many as they are: Node's own bound, 1 MiB, is some 15,000 of them.
      maxBuffer: Number.POSITIVE_INFINITY,
    }),
};

const FAMILIES: readonly Family[] = [4, 6];
const PROGRAMS = { 4: "iptables", 6: "ip6tables" } as const;
const SAY_REPLACE = "see lvs rules; to have the imported ones in their place, say --replace";

/**
 * Carries out `lvs rules`.
 *
 * @returns whether all of it could be done
 */
export function runRules(request: RulesRequest, environment: RulesEnvironment): boolean {
  if (request.kind === "rules-import") return runImport(request, environment);
  const { rules, names, stdout } = environment;
  const command = {
    kind: "list-rules",
    chain: null,
    position: null,
    zero: false,
    options: { numeric: false, verbose: false, exact: false, lineNumbers: false },
  } as const;
  for (const family of FAMILIES) {
    stdout(`# ${PROGRAMS[family]} -t mangle -S\n${listing(rules.ruleSet(family), command, names)}`);
  }
  return true;
}

function runImport(
  request: Extract<RulesRequest, { kind: "rules-import" }>,
  environment: RulesEnvironment,
): boolean {
  const { rules, names, stdout, complain } = environment;
  const text = request.file === null ? live(environment) : read(request.file, environment);
  if (text === null) return false;
  const found = savedParts(text, request.family);
  let imported: ImportedRules[];
  try {
    imported = found.map((part) => importRules(part, names));
  } catch (error) {
    if (!(error instanceof RestoreError)) throw error;
    const reason =
      error.message.trim() === "" ? "this is not what iptables-save writes" : error.message.trim();
    complain(`line ${error.line}: ${reason}. Nothing was changed`);
    return false;
  }
  if (imported.length === 0) {
    complain("there is nothing in it: is it what iptables-save wrote?");
    return false;
  }
  const inTheWay = imported.filter(({ rules: wanted }) => isInTheWay(rules.ruleSet(wanted.family), wanted));
  if (inTheWay.length > 0 && !request.replace) {
    const which = inTheWay.map(({ rules: { family } }) => `IPv${family}`).join(" and ");
    complain(`there are rules of ${which} already, ${SAY_REPLACE}`);
    return false;
  }
  // Each family is published by itself: what cannot be is found out before either is.
  for (const { rules: wanted } of imported) checkRules(wanted);
  for (const each of imported) {
    if (!request.dryRun && !publish(each.rules, request.replace, rules)) {
      complain(`rules of IPv${each.rules.family} came meanwhile, and stay as they are, ${SAY_REPLACE}`);
      return false;
    }
    stdout(importText(each, request.dryRun, names));
  }
  return imported.every(({ refused }) => refused.length === 0);
}

/** Whether these rules would be lost if those were put in their place. */
function isInTheWay(present: RuleSet, wanted: RuleSet): boolean {
  return !sameRules(present, emptyRuleSet(wanted.family)) && !sameRules(present, wanted);
}

/** False: nothing was changed, as there are others by now, which may not be replaced. */
function publish(wanted: RuleSet, replace: boolean, rules: RuleAdministration): boolean {
  let done = true;
  rules.change(wanted.family, (present) => {
    done = replace || !isInTheWay(present, wanted);
    return done && !sameRules(present, wanted) ? wanted : present;
  });
  return done;
}

/** Null: complained of. */
function live({ system, capture, complain }: RulesEnvironment): string | null {
  const texts = FAMILIES.flatMap((family) => {
    const path = system.find(`${PROGRAMS[family]}-save`);
    return path === null
      ? []
      : [
          `# Generated by ${PROGRAMS[family]}-save \n${capture(path, []).replace(/^# Generated by .*$/gm, "")}`,
        ];
  });
  if (texts.length > 0) return texts.join("\n");
  complain("there is no iptables-save but ours on this host, so there are no rules to take over");
  return null;
}

/** Null: complained of. */
function read(file: string, environment: RulesEnvironment): string | null {
  try {
    return environment.read(file);
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    environment.complain(`cannot read ${file}: ${error.message}`);
    return null;
  }
}

/** Whatever they have counted. */
function sameRules(a: RuleSet, b: RuleSet): boolean {
  return isDeepStrictEqual(uncounted(a), uncounted(b));
}

function uncounted(rules: RuleSet): RuleSet {
  const chains = rules.chains.map((chain) => ({
    ...chain,
    counters: NO_COUNTERS,
    rules: chain.rules.map((rule) => ({ ...rule, counters: NO_COUNTERS })),
  }));
  return { ...rules, chains };
}
