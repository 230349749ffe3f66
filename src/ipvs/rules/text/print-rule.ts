/** Rules in the words of `iptables -S` and `iptables-save`. */
import { formatIp } from "../../../net/index.ts";
import type { AddressMatch, Match, PortMatch, Rule, RuleCounters, Target } from "../model.ts";
import { NO_RULE_NAMES, type RuleNames } from "./names.ts";
import {
  flagsText,
  hexadecimal,
  interfaceText,
  markAndMask,
  maskText,
  not,
  portRange,
  quoted,
} from "./print-values.ts";
import { protocolName } from "./protocols.ts";

/**
 * A rule without the command in front of it: "-p tcp -m tcp --dport 80 -j MARK --set-xmark 0x1/0xffffffff". Empty for a rule that
 * asks nothing and does nothing. Reading it gives an equal rule.
 *
 * @param names only those of protocols are used
 * @param counters "-c PACKETS BYTES" in front of the target, if given
 */
export function printRule(
  rule: Rule,
  names: Pick<RuleNames, "protocolName"> = NO_RULE_NAMES,
  counters?: RuleCounters,
): string {
  const { source, destination, input, protocol, fragment, matches, target } = rule;
  return [
    source && address("-s", source),
    destination && address("-d", destination),
    input && `${not(input.negated)}-i ${savedInterface(interfaceText(input))}`,
    protocol && `${not(protocol.negated)}-p ${protocolName(protocol.number, { ...NO_RULE_NAMES, ...names })}`,
    fragment && `${not(fragment.negated)}-f`,
    ...matches.map(printMatch),
    counters && `-c ${counters.packets} ${counters.bytes}`,
    target && printTarget(target),
  ]
    .filter((part) => part !== null && part !== undefined)
    .join(" ");
}

/** In quotes, which the original does without, where a saved file could not be read otherwise. */
function savedInterface(text: string): string {
  return /[ \t"]/.test(text) ? quoted(text) : text;
}

function address(option: string, { negated, address, mask }: AddressMatch): string {
  return `${not(negated)}${option} ${formatIp(address)}${maskText(mask)}`;
}

function printMatch(match: Match): string {
  switch (match.kind) {
    case "tcp":
    case "udp":
    case "sctp": {
      const flags = match.kind === "tcp" ? match.flags : null;
      return [
        `-m ${match.kind}`,
        match.source && ports("--sport", match.source),
        match.destination && ports("--dport", match.destination),
        flags && `${not(flags.negated)}--tcp-flags ${flagsText(flags, " ")}`,
      ]
        .filter((part) => part !== null)
        .join(" ");
    }
    case "multiport": {
      const option = { source: "--sports", destination: "--dports", either: "--ports" }[match.which];
      return `-m multiport ${not(match.negated)}${option} ${match.ranges.map(portRange).join(",")}`;
    }
    case "mark":
      return `-m mark ${not(match.negated)}--mark ${markAndMask(match.value, match.mask)}`;
    case "comment":
      return `-m comment --comment ${quoted(match.text)}`;
    case "set":
      return `-m set ${not(match.negated)}--match-set ${match.name} ${match.directions.join(",")}`;
  }
}

function ports(option: string, match: PortMatch): string {
  return `${not(match.negated)}${option} ${portRange(match)}`;
}

function printTarget(target: Target): string {
  switch (target.kind) {
    case "mark":
      return `-j MARK --set-xmark ${hexadecimal(target.value)}/${hexadecimal(target.mask)}`;
    case "jump":
      return `${target.isGoto ? "-g" : "-j"} ${target.chain}`;
    default:
      return `-j ${target.kind.toUpperCase()}`;
  }
}
