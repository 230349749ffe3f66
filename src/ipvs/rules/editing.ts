/** What commands make of a rule set. */
import { hasTooManyLinks, references } from "./links.ts";
import { type Chain, NO_COUNTERS, PREROUTING, type Rule, type RuleSet } from "./model.ts";
import { sameRule } from "./same-rule.ts";
import { unsoundRule } from "./soundness.ts";
import type { RulesCommand } from "./text/command.ts";
import { foreign, RulesError, usage } from "./text/rules-error.ts";
import { OTHER_CHAINS } from "./text/save.ts";

type Edit = Exclude<RulesCommand, { kind: "list" | "list-rules" | "check" }>;

const NO_CHAIN = "No chain/target/match by that name.";
const NO_RULE = "Bad rule (does a matching rule exist in that chain?).";

/**
 * The rules after a command. `check` changes nothing, and neither do listings.
 *
 * @throws RulesError if that cannot be; messages are those of iptables
 */
export function edited(rules: RuleSet, command: RulesCommand): RuleSet {
  switch (command.kind) {
    case "check":
      checkTargets(rules, command.rules);
      for (const rule of command.rules) indexOfRule(rules, command.chain, rule);
      return rules;
    case "list":
    case "list-rules":
      return rules;
    default:
      return edit(rules, command);
  }
}

function edit(rules: RuleSet, command: Edit): RuleSet {
  switch (command.kind) {
    case "append":
    case "insert":
    case "replace":
      return place(rules, command);
    case "delete": {
      checkTargets(rules, command.rules);
      return command.rules.reduce((present, rule) => {
        const at = indexOfRule(present, command.chain, rule);
        return changeRules(present, command.chain, (list) => list.toSpliced(at, 1));
      }, rules);
    }
    case "delete-number":
      return changeRules(rules, command.chain, (list) => {
        if (list.length === 0) throw failed(NO_CHAIN);
        if (command.position > list.length) throw failed("Index of deletion too big.");
        return list.toSpliced(command.position - 1, 1);
      });
    case "flush":
      if (command.chain === null) return mapChains(rules, (chain) => ({ ...chain, rules: [] }));
      if (isOther(command.chain)) return rules;
      return changeRules(rules, command.chain, () => []);
    case "zero":
      return zeroed(rules, command.chain, command.position);
    case "new-chain":
      return withChain(rules, command.chain);
    case "delete-chain":
      return withoutChains(rules, command.chain);
    case "rename-chain":
      return renamed(rules, command.chain, command.to);
    case "policy":
      return withPolicy(rules, command);
  }
}

const PLACING = {
  append: { operation: "RULE_APPEND", tooBig: "" },
  insert: { operation: "RULE_INSERT", tooBig: "Index of insertion too big." },
  replace: { operation: "RULE_REPLACE", tooBig: "Index of replacement too big." },
};

function place(rules: RuleSet, command: Extract<Edit, { kind: "append" | "insert" | "replace" }>): RuleSet {
  const { chain, kind } = command;
  const { operation, tooBig } = PLACING[kind];
  const added = command.kind === "replace" ? [command.rule] : command.rules;
  const refused = (why: string): RulesError =>
    new RulesError("refused", `${operation} failed (${why}): rule in chain ${chain}`);
  if (command.kind === "append") appendedSoundly(rules, command);
  if (isOther(chain)) throw foreign(`the chain \`${chain}'`);
  checkTargets(rules, added);
  const placed = changeRules(rules, chain, (list) => {
    if (command.kind === "append") return [...list, ...added];
    const at = command.position - 1;
    if (command.kind === "insert") {
      if (at > list.length) throw failed(tooBig);
      return list.toSpliced(at, 0, ...added.toReversed());
    }
    if (list.length === 0) throw failed(NO_CHAIN);
    if (at >= list.length) throw failed(tooBig);
    return list.with(at, command.rule);
  });
  const unsound = added.map(unsoundRule).find((why) => why !== null);
  if (unsound !== undefined) throw refused(unsound!);
  if (added.some(({ target }) => target?.kind === "jump") && hasTooManyLinks(placed))
    throw refused("Too many links");
  return placed;
}

/** Throws RulesError if rules cannot be appended, but for loops: those are not looked for. */
export function appendedSoundly(
  rules: RuleSet,
  { chain, rules: added }: Extract<Edit, { kind: "append" }>,
): void {
  if (isOther(chain)) throw foreign(`the chain \`${chain}'`);
  checkTargets(rules, added);
  existing(rules, chain);
  const unsound = added.map(unsoundRule).find((why) => why !== null);
  if (unsound === undefined) return;
  throw new RulesError("refused", `RULE_APPEND failed (${unsound}): rule in chain ${chain}`);
}

/** A chain by its name. Null: there is none. */
export function chainOf({ chains }: RuleSet, name: string): Chain | null {
  return chains.find((chain) => chain.name === name) ?? null;
}

function isOther(name: string): boolean {
  return (OTHER_CHAINS as readonly string[]).includes(name);
}

function failed(message: string): RulesError {
  return new RulesError("failed", message);
}

function existing(rules: RuleSet, name: string): Chain {
  const chain = chainOf(rules, name);
  if (chain === null) throw failed(NO_CHAIN);
  return chain;
}

/** Targets that are chains must be there, and so must sets. */
function checkTargets(rules: RuleSet, added: readonly Rule[]): void {
  for (const { target, matches } of added) {
    const set = matches.find((match) => match.kind === "set");
    if (set !== undefined) throw usage(`Set ${set.name} doesn't exist.\n`);
    if (target?.kind !== "jump" || isOther(target.chain)) continue;
    if (chainOf(rules, target.chain) === null) throw usage(`Chain '${target.chain}' does not exist`);
  }
}

function mapChains(rules: RuleSet, change: (chain: Chain) => Chain): RuleSet {
  return { ...rules, chains: rules.chains.map(change) };
}

function changeRules(
  rules: RuleSet,
  name: string,
  change: (rules: readonly Rule[]) => readonly Rule[],
): RuleSet {
  if (isOther(name)) throw failed(NO_CHAIN);
  const chain = existing(rules, name);
  const changed = { ...chain, rules: change(chain.rules) };
  return mapChains(rules, (other) => (other === chain ? changed : other));
}

function indexOfRule(rules: RuleSet, chain: string, rule: Rule): number {
  const index = chainOf(rules, chain)?.rules.findIndex((other) => sameRule(other, rule)) ?? -1;
  if (index < 0) throw failed(NO_RULE);
  return index;
}

function zeroed(rules: RuleSet, name: string | null, position: number | null): RuleSet {
  if (name === null) {
    return mapChains(rules, (chain) => ({ ...chain, counters: NO_COUNTERS, rules: chain.rules.map(zero) }));
  }
  if (position !== null) {
    if (position > (chainOf(rules, name)?.rules.length ?? 0)) throw failed(NO_RULE);
    return changeRules(rules, name, (list) => list.with(position - 1, zero(list[position - 1]!)));
  }
  if (isOther(name)) return rules;
  const chain = existing(rules, name);
  const changed = { ...chain, counters: NO_COUNTERS, rules: chain.rules.map(zero) };
  return mapChains(rules, (other) => (other === chain ? changed : other));
}

function zero(rule: Rule): Rule {
  return { ...rule, counters: NO_COUNTERS };
}

/** With an empty chain of that name, at its place in the order of listings. */
function withChain(rules: RuleSet, name: string): RuleSet {
  if (chainOf(rules, name) !== null || isOther(name)) throw failed("Chain already exists.");
  const chain = { name, policy: null, counters: NO_COUNTERS, rules: [] };
  const at = rules.chains.findIndex((other) => other.policy === null && other.name > name);
  return { ...rules, chains: rules.chains.toSpliced(at < 0 ? rules.chains.length : at, 0, chain) };
}

/** The built-in chain, then the others by their names. */
function ordered(chains: readonly Chain[]): readonly Chain[] {
  const users = chains.filter(({ policy }) => policy === null);
  users.sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  return [...chains.filter(({ policy }) => policy !== null), ...users];
}

function withoutChains(rules: RuleSet, name: string | null): RuleSet {
  if (name === PREROUTING || (name !== null && isOther(name))) return rules;
  const gone = name === null ? rules.chains.filter(({ policy }) => policy === null) : [existing(rules, name)];
  const kept = rules.chains.filter((chain) => !gone.includes(chain));
  const busy = gone.findLast((chain) => references(rules, chain.name) > 0 || chain.rules.length > 0);
  if (busy !== undefined) {
    throw new RulesError("refused", `CHAIN_DEL failed (Device or resource busy): chain ${busy.name}`);
  }
  return { ...rules, chains: kept };
}

function renamed(rules: RuleSet, from: string, to: string): RuleSet {
  if (chainOf(rules, to) !== null || isOther(to)) throw failed("File exists.");
  const chain = existing(rules, from);
  if (chain.policy !== null) throw failed(NO_CHAIN);
  const named = { ...chain, name: to };
  const chains = rules.chains.map((other) => (other === chain ? named : other));
  return mapChains({ ...rules, chains: ordered(chains) }, (other) => ({
    ...other,
    rules: other.rules.map((rule) =>
      rule.target?.kind === "jump" && rule.target.chain === from
        ? { ...rule, target: { ...rule.target, chain: to } }
        : rule,
    ),
  }));
}

function withPolicy(rules: RuleSet, command: Extract<Edit, { kind: "policy" }>): RuleSet {
  const policy = { ACCEPT: "accept" as const, DROP: "drop" as const }[command.policy];
  const chain = chainOf(rules, command.chain);
  if (!isOther(command.chain) && (chain === null || chain.policy === null)) {
    throw failed("Bad built-in chain name.");
  }
  if (policy === undefined) throw failed("Bad policy name. Run `dmesg' for more information.");
  if (chain === null) {
    if (policy === "accept") return rules;
    throw foreign(`the policy of the chain \`${command.chain}'`);
  }
  const changed = { ...chain, policy, counters: command.counters ?? NO_COUNTERS };
  return mapChains(rules, (other) => (other === chain ? changed : other));
}
