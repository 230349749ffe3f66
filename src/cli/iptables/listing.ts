/** `iptables -L` and `iptables -S`. */
import { chainOf } from "../../ipvs/rules/editing.ts";
import { references } from "../../ipvs/rules/links.ts";
import {
  type Chain,
  NO_COUNTERS,
  type Rule,
  type RuleCounters,
  type RuleSet,
} from "../../ipvs/rules/model.ts";
import type { ListOptions, RulesCommand } from "../../ipvs/rules/text/command.ts";
import type { RuleNames } from "../../ipvs/rules/text/names.ts";
import { printRule } from "../../ipvs/rules/text/print-rule.ts";
import { RulesError } from "../../ipvs/rules/text/rules-error.ts";
import { OTHER_CHAINS } from "../../ipvs/rules/text/save.ts";
import { describeRule } from "./describe-rule.ts";
import { shortNumber } from "./numbers.ts";

type Listing = Extract<RulesCommand, { kind: "list" | "list-rules" }>;

/**
 * What a listing prints.
 *
 * @throws RulesError: there is no such chain
 */
export function listing(rules: RuleSet, command: Listing, names: RuleNames): string {
  const { chain, position, kind } = command;
  const chains = chain === null ? allChains(rules) : [listedChain(rules, chain)];
  if (kind === "list-rules") return listRules(chains, command, names);
  const list = (each: Chain): string => listChain(each, rules, command.options, names);
  if (position === null) return chains.map(list).join("\n");
  const rule = chains[0]!.rules[position - 1];
  return rule === undefined ? "" : listRule(rule, position, rules, command.options, names);
}

/** All of the table: ours, and between them those that it has of the rest of the way, empty. */
export function allChains({ chains }: RuleSet): Chain[] {
  const [first, ...users] = chains;
  const others = OTHER_CHAINS.map((name) => otherChain(name));
  return [first!, ...others, ...users];
}

function otherChain(name: string): Chain {
  return { name, policy: "accept", counters: NO_COUNTERS, rules: [] };
}

function listedChain(rules: RuleSet, name: string): Chain {
  const chain = chainOf(rules, name);
  if (chain !== null) return chain;
  if ((OTHER_CHAINS as readonly string[]).includes(name)) return otherChain(name);
  throw new RulesError("other", `chain \`${name}' in table \`mangle' is incompatible, use 'nft' tool.`);
}

function listRules(chains: readonly Chain[], { position, options }: Listing, names: RuleNames): string {
  const heads = chains.map(({ name, policy, counters }) => {
    if (policy === null) return `-N ${name}`;
    const counted = options.verbose ? ` -c ${counters.packets} ${counters.bytes}` : "";
    return `-P ${name} ${policy.toUpperCase()}${counted}`;
  });
  const rules = chains.flatMap(({ name, rules }) => {
    const listed = position === null ? rules : rules.slice(position - 1, position);
    return listed.map((rule) => {
      const words = printRule(rule, names, options.verbose ? rule.counters : undefined);
      return words === "" ? `-A ${name}` : `-A ${name} ${words}`;
    });
  });
  return [...(position === null ? heads : []), ...rules].map((line) => `${line}\n`).join("");
}

function listChain(chain: Chain, rules: RuleSet, options: ListOptions, names: RuleNames): string {
  const rows = chain.rules.map((rule, index) => listRule(rule, index + 1, rules, options, names));
  return `Chain ${chain.name} (${about(chain, rules, options)})\n${header(options)}\n${rows.join("")}`;
}

function about({ name, policy, counters }: Chain, rules: RuleSet, { verbose, exact }: ListOptions): string {
  if (policy === null) return `${references(rules, name)} references`;
  if (!verbose) return `policy ${policy.toUpperCase()}`;
  const number = exact ? String : shortNumber;
  return `policy ${policy.toUpperCase()} ${number(counters.packets)} packets, ${number(counters.bytes)} bytes`;
}

function header({ verbose, exact, lineNumbers }: ListOptions): string {
  const counters = exact ? "    pkts      bytes " : " pkts bytes ";
  return [
    lineNumbers ? "num  " : "",
    verbose ? counters : "",
    "target     prot opt ",
    verbose ? "in     out     " : "",
    "source               destination         ",
  ].join("");
}

function listRule(
  rule: Rule,
  position: number,
  { family }: RuleSet,
  options: ListOptions,
  names: RuleNames,
): string {
  const { verbose, lineNumbers, numeric } = options;
  const parts = describeRule(rule, family, numeric ? null : names, names);
  const { target, protocol, source, destination } = parts;
  return [
    lineNumbers ? `${String(position).padEnd(4)} ` : "",
    verbose ? counterColumns(rule.counters, options) : "",
    `${target.padEnd(10)}${flag(protocol.negated)}${protocol.text.padEnd(4)} ${parts.fragment} `,
    verbose ? ` ${parts.input.padEnd(6)} ${parts.output.padEnd(6)} ` : "",
    `${flag(source.negated)}${source.text.padEnd(19)} ${flag(destination.negated)}${destination.text.padEnd(19)} `,
    rule.target?.kind === "jump" && rule.target.isGoto ? "[goto] " : "",
    parts.details,
    "\n",
  ].join("");
}

function flag(negated: boolean): string {
  return negated ? "!" : " ";
}

function counterColumns({ packets, bytes }: RuleCounters, { exact }: ListOptions): string {
  const column = (value: bigint): string =>
    exact ? String(value).padStart(8) : shortNumber(value).padStart(5);
  return `${column(packets)} ${column(bytes)} `;
}

/** What `-v` prints of a rule that is added, deleted or looked for. */
export function ruleLine(rule: Rule, { family }: RuleSet, names: RuleNames): string {
  const { protocol, source, destination, ...parts } = describeRule(rule, family, null, names);
  const name = rule.protocol === null ? "all" : describeRule(rule, family, names, names).protocol.text;
  return [
    `${parts.target} ${flag(protocol.negated)}${name} opt ${parts.fragment} in ${parts.input} out ${parts.output} `,
    `${flag(source.negated)}${source.text} ${flag(destination.negated)}-> ${destination.text}  `,
    rule.target?.kind === "jump" && rule.target.isGoto ? "[goto] " : "",
    parts.details,
    "\n",
  ].join("");
}
