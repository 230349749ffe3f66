/** Rules as `iptables -L` and `iptables -v` describe them. */

import type { Family } from "../../ipvs/model.ts";
import type { AddressMatch, Match, PortMatch, PortRange, Rule, Target } from "../../ipvs/rules/model.ts";
import type { RuleNames } from "../../ipvs/rules/text/names.ts";
import {
  flagsText,
  hexadecimal,
  interfaceText,
  markAndMask,
  maskText,
} from "../../ipvs/rules/text/print-values.ts";
import { protocolName } from "../../ipvs/rules/text/protocols.ts";
import { formatIp, maskLength } from "../../net/index.ts";

/** The parts of a description, each as it is printed. */
export interface RuleDescription {
  readonly target: string;
  readonly protocol: { readonly negated: boolean; readonly text: string };
  readonly fragment: string;
  readonly input: string;
  readonly output: string;
  readonly source: { readonly negated: boolean; readonly text: string };
  readonly destination: { readonly negated: boolean; readonly text: string };
  /** What the rule asks beyond that, and what it does. Each part begins with a space. */
  readonly details: string;
}

/** @param names null: numbers only */
export function describeRule(
  rule: Rule,
  family: Family,
  names: RuleNames | null,
  protocols: RuleNames,
): RuleDescription {
  const { protocol, fragment, input, target } = rule;
  const number = protocol?.number ?? 0;
  const matches = rule.matches.map((match) => describeMatch(match, number, names));
  return {
    target: targetName(target),
    protocol: {
      negated: protocol?.negated ?? false,
      text: names === null ? String(number) : protocolName(number, protocols),
    },
    fragment: fragment === null ? "--" : fragment.negated ? "!f" : "-f",
    input: input === null ? anyInterface(names) : `${bang(input.negated)}${interfaceText(input)}`,
    output: anyInterface(names),
    source: describeAddress(rule.source, family, names),
    destination: describeAddress(rule.destination, family, names),
    details: [...matches, describeTarget(target)].join(""),
  };
}

function bang(negated: boolean): string {
  return negated ? "!" : "";
}

function anyInterface(names: RuleNames | null): string {
  return names === null ? "*" : "any";
}

function targetName(target: Target | null): string {
  if (target === null) return "";
  return target.kind === "jump" ? target.chain : target.kind.toUpperCase();
}

function describeAddress(
  match: AddressMatch | null,
  family: Family,
  names: RuleNames | null,
): RuleDescription["source"] {
  if (match === null) {
    const all = family === 4 ? "0.0.0.0/0" : "::/0";
    return { negated: false, text: names === null ? all : "anywhere" };
  }
  const { negated, address, mask } = match;
  const text = names?.hostName(address) ?? formatIp(address);
  const isHost = maskLength(mask) === 8 * mask.length;
  return { negated, text: isHost ? text : `${text}${maskText(mask)}` };
}

const TRANSPORTS = new Map([
  [6, "tcp"],
  [17, "udp"],
  [33, "dccp"],
  [132, "sctp"],
  [136, "udplite"],
]);

function describeMatch(match: Match, protocol: number, names: RuleNames | null): string {
  switch (match.kind) {
    case "tcp":
    case "udp":
    case "sctp": {
      const { kind, source, destination } = match;
      const flags = match.kind === "tcp" ? match.flags : null;
      return [
        ` ${kind}`,
        asksNothing(source) ? "" : describePorts("spt", source, kind, names),
        asksNothing(destination) ? "" : describePorts("dpt", destination, kind, names),
        flags === null
          ? ""
          : ` flags:${bang(flags.negated)}${names === null ? `${byte(flags.mask)}/${byte(flags.set)}` : flagsText(flags, "/")}`,
      ].join("");
    }
    case "multiport": {
      const which = { source: "sports", destination: "dports", either: "ports" }[match.which];
      const transport = TRANSPORTS.get(protocol) ?? null;
      const ports = match.ranges.map((range) => rangeText(range, transport, names)).join(",");
      return ` multiport ${which} ${match.negated ? " !" : ""}${ports}`;
    }
    case "mark":
      return ` mark match ${match.negated ? "! " : ""}${markAndMask(match.value, match.mask)}`;
    case "comment":
      return ` /* ${match.text} */`;
    case "set":
      return ` ${match.negated ? "! " : ""}match-set ${match.name} ${match.directions.join(",")}`;
  }
}

/** "0x3F" */
function byte(flags: number): string {
  return `0x${flags.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** None, or all ports: that is not told. */
function asksNothing(match: PortMatch | null): match is null {
  return match === null || (!match.negated && match.first === 0 && match.last === 0xffff);
}

function describePorts(which: string, match: PortMatch, transport: string, names: RuleNames | null): string {
  const plural = match.first === match.last ? "" : "s";
  return ` ${which}${plural}:${bang(match.negated)}${rangeText(match, transport, names)}`;
}

function rangeText({ first, last }: PortRange, transport: string | null, names: RuleNames | null): string {
  const text = (port: number): string => names?.serviceName(port, transport) ?? String(port);
  return first === last ? text(first) : `${text(first)}:${text(last)}`;
}

function describeTarget(target: Target | null): string {
  if (target?.kind !== "mark") return "";
  const { value, mask } = target;
  if (value === 0) return ` MARK and ${hexadecimal(~mask >>> 0)}`;
  if (value === mask) return ` MARK or ${hexadecimal(value)}`;
  if (mask === 0) return ` MARK xor ${hexadecimal(value)}`;
  if (mask === 0xffffffff) return ` MARK set ${hexadecimal(value)}`;
  return ` MARK xset ${hexadecimal(value)}/${hexadecimal(mask)}`;
}
