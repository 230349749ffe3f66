/** Rule sets in the words of iptables-restore. */
import type { AddressMatch, Match, PortMatch, Rule, RuleSet } from "../../src/ipvs/index.ts";
import { formatIp } from "../../src/net/index.ts";

/** The table mangle with these rules. */
export function emitRules({ chains }: RuleSet): string {
  const heads = chains.map(({ name, policy }) => `:${name} ${policy?.toUpperCase() ?? "-"} [0:0]`);
  const rules = chains.flatMap(({ name, rules }) => rules.map((rule) => `-A ${name} ${emitRule(rule)}`));
  return ["*mangle", ...heads, ...rules, "COMMIT", ""].join("\n");
}

function not(negated: boolean): string[] {
  return negated ? ["!"] : [];
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function emitRule(rule: Rule): string {
  const { source, destination, input, protocol, fragment, target } = rule;
  const words = [...emitAddress("-s", source), ...emitAddress("-d", destination)];
  if (input !== null) words.push(...not(input.negated), "-i", `${input.name}${input.isPrefix ? "+" : ""}`);
  if (protocol !== null) words.push(...not(protocol.negated), "-p", `${protocol.number}`);
  if (fragment !== null) words.push(...not(fragment.negated), "-f");
  for (const match of rule.matches) words.push("-m", match.kind, ...emitMatch(match));
  if (target?.kind === "mark")
    words.push("-j", "MARK", "--set-xmark", `${hex(target.value)}/${hex(target.mask)}`);
  else if (target?.kind === "jump") words.push(target.isGoto ? "-g" : "-j", target.chain);
  else if (target !== null) words.push("-j", target.kind.toUpperCase());
  return words.join(" ");
}

function emitAddress(option: string, match: AddressMatch | null): string[] {
  if (match === null) return [];
  return [...not(match.negated), option, `${formatIp(match.address)}/${formatIp(match.mask)}`];
}

function emitPorts(option: string, ports: PortMatch | null): string[] {
  return ports === null ? [] : [...not(ports.negated), option, `${ports.first}:${ports.last}`];
}

const LISTS = { source: "--sports", destination: "--dports", either: "--ports" } as const;
const FLAG_NAMES = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"] as const;

function emitFlags(flags: number): string {
  const names = FLAG_NAMES.filter((_, bit) => (flags & (1 << bit)) !== 0);
  return names.length === 0 ? "NONE" : names.join(",");
}

function emitMatch(match: Match): string[] {
  switch (match.kind) {
    case "tcp":
    case "udp":
    case "sctp": {
      const ports = [...emitPorts("--sport", match.source), ...emitPorts("--dport", match.destination)];
      if (match.kind !== "tcp" || match.flags === null) return ports;
      const { negated, mask, set } = match.flags;
      return [...ports, ...not(negated), "--tcp-flags", emitFlags(mask), emitFlags(set)];
    }
    case "multiport": {
      const ranges = match.ranges.map(({ first, last }) =>
        first === last ? `${first}` : `${first}:${last}`,
      );
      return [...not(match.negated), LISTS[match.which], ranges.join(",")];
    }
    case "mark":
      return [...not(match.negated), "--mark", `${hex(match.value)}/${hex(match.mask)}`];
    case "comment":
      return ["--comment", `"${match.text}"`];
    case "set":
      throw new Error("sets are not emitted");
  }
}
