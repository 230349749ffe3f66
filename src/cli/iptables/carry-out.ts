import { edited } from "../../ipvs/rules/editing.ts";
import type { RuleSet } from "../../ipvs/rules/model.ts";
import type { RulesCommand } from "../../ipvs/rules/text/command.ts";
import type { RuleNames } from "../../ipvs/rules/text/names.ts";
import { RulesError } from "../../ipvs/rules/text/rules-error.ts";
import { allChains, listing, ruleLine } from "./listing.ts";

/** What came of a command. */
export interface Outcome {
  readonly rules: RuleSet;
  /** What it prints. */
  readonly said: string;
}

/**
 * Carries out a command on rules.
 *
 * @param announce is given what `-v` has to say of what the director then refuses
 * @throws RulesError
 */
export function carryOut(
  present: RuleSet,
  command: RulesCommand,
  verbose: boolean,
  names: RuleNames,
  announce: (said: string) => void = () => {},
): Outcome {
  if (command.kind === "list" || command.kind === "list-rules") {
    const said = listing(present, command, names);
    if (!command.zero) return { rules: present, said };
    const zero = { kind: "zero" as const, chain: command.chain, position: null };
    return { rules: edited(present, zero), said: said + (verbose ? about(present, zero, names) : "") };
  }
  const said = verbose ? about(present, command, names) : "";
  try {
    return { rules: edited(present, command), said };
  } catch (error) {
    // What the director refuses has been announced already.
    if (error instanceof RulesError && error.code === "refused") announce(said);
    throw error;
  }
}

/** What `-v` says of a command. */
function about(present: RuleSet, command: RulesCommand, names: RuleNames): string {
  const lines = (chain: string | null, format: (name: string) => string): string => {
    const chains = chain === null ? allChains(present).map(({ name }) => name) : [chain];
    return chains.map(format).join("");
  };
  switch (command.kind) {
    case "append":
    case "insert":
    case "delete":
    case "check":
      return command.rules.map((rule) => ruleLine(rule, present, names)).join("");
    case "replace":
      return ruleLine(command.rule, present, names);
    case "flush":
      return lines(command.chain, (name) => `Flushing chain \`${name}'\n`);
    case "zero":
      return command.position === null ? lines(command.chain, (name) => `Zeroing chain \`${name}'\n`) : "";
    case "delete-chain": {
      const users = present.chains.filter(({ policy }) => policy === null).map(({ name }) => name);
      const gone = command.chain === null ? users : users.filter((name) => name === command.chain);
      return gone.map((name) => `Deleting chain \`${name}'\n`).join("");
    }
    default:
      return "";
  }
}
