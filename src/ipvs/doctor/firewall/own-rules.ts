/** Rules of our own, before the datapath, in the terms of the host's firewall. */
import { formatIp, maskLength } from "../../../net/index.ts";
import {
  type AddressMatch,
  type InterfaceMatch,
  type Match,
  PREROUTING,
  type Rule,
  type RuleSet,
} from "../../rules/model.ts";
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
  const [sources, destinations] = [networksOf(source), networksOf(destination)];
  const inputs = inputsOf(input);
  const name = protocol === null || protocol.negated ? undefined : PROTOCOLS[protocol.number];
  const understood = matches.map(portsOf);
  const ports = (which: "source" | "destination") =>
    understood.flatMap((each) => (each?.[which] ? [each[which]] : []));
  return {
    ...PLAIN_RULE,
    ...{ sources, destinations, inputs },
    protocols: name === undefined ? null : [name],
    sourcePorts: ports("source")[0] ?? null,
    destinationPorts: ports("destination")[0] ?? null,
    vague:
      (source !== null && sources === null) ||
      (destination !== null && destinations === null) ||
      (input !== null && inputs === null) ||
      fragment !== null ||
      (protocol !== null && name === undefined) ||
      understood.includes(null) ||
      ports("source").length > 1 ||
      ports("destination").length > 1,
    verdict: verdictOf(rule, chainId),
  };
}

/** Null: it asks nothing, or something that is no network. */
function networksOf(match: AddressMatch | null): Network[] | null {
  const length = match === null ? undefined : maskLength(match.mask);
  return match === null || match.negated || length === undefined
    ? null
    : [{ address: formatIp(match.address), length }];
}

/** Null: it asks nothing, or for others than this one. */
function inputsOf(match: InterfaceMatch | null): string[] | null {
  if (match === null || match.negated) return null;
  return [match.isPrefix ? `${match.name}*` : match.name];
}

/** Null: any port. */
interface Ports {
  readonly source?: readonly PortRange[] | null;
  readonly destination?: readonly PortRange[] | null;
}

/** Ports that a match asks for. Null: it asks for something else. */
function portsOf(match: Match): Ports | null {
  switch (match.kind) {
    case "comment":
      return {};
    case "tcp":
    case "udp":
    case "sctp": {
      const { source, destination } = match;
      const flags = match.kind === "tcp" ? match.flags : null;
      if (source?.negated || flags !== null || destination?.negated) return null;
      return { source: source && [source], destination: destination && [destination] };
    }
    case "multiport":
      if (match.negated || match.which === "either") return null;
      return { [match.which]: match.ranges };
    default:
      return null;
  }
}

function verdictOf({ target }: Rule, chainId: (name: string) => string): Verdict {
  if (target === null || target.kind === "mark") return { kind: "continue" };
  if (target.kind !== "jump") return { kind: target.kind };
  return { kind: target.isGoto ? "goto" : "jump", chain: chainId(target.chain) };
}
