/** Rules of our own, before the datapath, in the terms of the host's firewall. */
import { formatIp, maskLength } from "../../../net/index.ts";
import { type Match, PREROUTING, type Rule, type RuleSet } from "../../rules/model.ts";
import {
  type FirewallChain,
  type FirewallRule,
  type Network,
  PLAIN_RULE,
  type PortRange,
  type Verdict,
} from "./model.ts";

const PROTOCOLS: Readonly<Record<number, string>> = { 6: "tcp", 17: "udp", 132: "sctp" };

/** The chains of one family. */
export function ownChains({ family, chains }: RuleSet): FirewallChain[] {
  const program = family === 4 ? "iptables" : "ip6tables";
  const id = (name: string): string => `${program} -t mangle, chain ${name}`;
  return chains.map(({ name, policy, rules }) => ({
    id: id(name),
    family,
    hook: name === PREROUTING ? "prerouting" : null,
    policy: policy === "drop" ? "drop" : "accept",
    rules: rules.map((rule, index) => ({ ...ruleOf(rule, id), text: `rule ${index + 1} of ${id(name)}` })),
  }));
}

function ruleOf(rule: Rule, chainId: (name: string) => string): FirewallRule {
  const { source, destination, input, protocol, fragment, matches } = rule;
  const length = destination === null ? undefined : maskLength(destination.mask);
  const network: Network[] | null =
    destination === null || destination.negated || length === undefined
      ? null
      : [{ address: formatIp(destination.address), length }];
  const name = protocol === null || protocol.negated ? undefined : PROTOCOLS[protocol.number];
  const understood = matches.map(portsOf);
  return {
    ...PLAIN_RULE,
    destinations: network,
    protocols: name === undefined ? null : [name],
    destinationPorts: understood.find((ports) => ports !== null && ports.length > 0) ?? null,
    vague:
      source !== null ||
      input !== null ||
      fragment !== null ||
      (destination !== null && network === null) ||
      (protocol !== null && name === undefined) ||
      understood.includes(null) ||
      understood.filter((ports) => ports !== null && ports.length > 0).length > 1,
    verdict: verdictOf(rule, chainId),
  };
}

/** Ports that a match asks for; none: it asks nothing. Null: it asks for something else. */
function portsOf(match: Match): PortRange[] | null {
  switch (match.kind) {
    case "comment":
      return [];
    case "tcp":
    case "udp":
    case "sctp": {
      const { source, destination } = match;
      const flags = match.kind === "tcp" ? match.flags : null;
      if (source !== null || flags !== null || destination?.negated) return null;
      return destination === null ? [] : [{ first: destination.first, last: destination.last }];
    }
    case "multiport":
      return match.which === "destination" && !match.negated ? [...match.ranges] : null;
    default:
      return null;
  }
}

function verdictOf({ target }: Rule, chainId: (name: string) => string): Verdict {
  if (target === null || target.kind === "mark") return { kind: "continue" };
  if (target.kind !== "jump") return { kind: target.kind };
  return { kind: target.isGoto ? "goto" : "jump", chain: chainId(target.chain) };
}
