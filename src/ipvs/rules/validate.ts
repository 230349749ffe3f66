/** Whether a rule set can be carried out. */
import type { Family } from "../model.ts";
import { type Chain, type Match, type PortRange, PREROUTING, type Rule, type RuleSet } from "./model.ts";
import { refusal } from "./refusal.ts";

const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;
/** Protocols that have ports in the place where lists of ports look for them: TCP, UDP, DCCP, SCTP, UDP-Lite. */
const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 33, 132, 136]);

const LONGEST_CHAIN_NAME = 28;
const LONGEST_INTERFACE_NAME = 15;
const LONGEST_COMMENT = 255;
const MOST_PORTS = 15;

/** Throws IpvsError EINVAL, which says where the fault is: "rule 2 of chain web: …". */
export function validate(set: RuleSet): void {
  const [builtin, ...others] = set.chains;
  if (builtin?.name !== PREROUTING || builtin.policy === null)
    throw refusal(`the first chain of a rule set is ${PREROUTING}, and has a policy`);
  const names = new Set([PREROUTING]);
  for (const chain of others) {
    if (chain.policy !== null) throw refusal(`chain ${chain.name}: only ${PREROUTING} has a policy`);
    const { length } = Buffer.from(chain.name);
    if (length === 0 || length > LONGEST_CHAIN_NAME)
      throw refusal(`chain "${chain.name}": names of chains have 1 to ${LONGEST_CHAIN_NAME} bytes`);
    if (names.has(chain.name)) throw refusal(`there are two chains named ${chain.name}`);
    names.add(chain.name);
  }
  for (const chain of set.chains) validateChain(chain, set.family, names);
}

function validateChain(chain: Chain, family: Family, names: ReadonlySet<string>): void {
  for (const [index, rule] of chain.rules.entries()) {
    const problem = problemOf(rule, family, names);
    if (problem !== null) throw refusal(`rule ${index + 1} of chain ${chain.name}: ${problem}`);
  }
}

function problemOf(rule: Rule, family: Family, names: ReadonlySet<string>): string | null {
  const bytes = family === 4 ? 4 : 16;
  for (const address of [rule.source, rule.destination]) {
    if (address !== null && (address.address.length !== bytes || address.mask.length !== bytes))
      return `an address of IPv${family} and its mask have ${bytes} bytes each`;
  }
  if (rule.input !== null && Buffer.from(rule.input.name).length > LONGEST_INTERFACE_NAME)
    return `names of interfaces have at most ${LONGEST_INTERFACE_NAME} bytes: "${rule.input.name}"`;
  if (rule.input !== null && rule.input.name === "" && !rule.input.isPrefix)
    return "an interface has no name";
  if (rule.protocol !== null && !isWithin(rule.protocol.number, 1, 255))
    return `a protocol is a number from 1 to 255, not ${rule.protocol.number}`;
  if (rule.fragment !== null && family === 6) return "-f is of IPv4 only";
  for (const match of rule.matches) {
    const problem = problemOfMatch(match, rule);
    if (problem !== null) return problem;
  }
  const { target } = rule;
  if (target?.kind === "mark" && !(isWord(target.value) && isWord(target.mask)))
    return "a mark is a number from 0 to 0xffffffff";
  if (target?.kind !== "jump") return null;
  if (target.chain === PREROUTING) return `no rule can go to ${PREROUTING}`;
  return names.has(target.chain) ? null : `there is no chain ${target.chain}`;
}

function problemOfMatch(match: Match, rule: Rule): string | null {
  const protocol = rule.protocol === null || rule.protocol.negated ? 0 : rule.protocol.number;
  switch (match.kind) {
    case "tcp":
    case "udp":
    case "sctp": {
      if (protocol !== PROTOCOLS[match.kind]) return `-m ${match.kind} needs -p ${match.kind}`;
      for (const ports of [match.source, match.destination])
        if (ports !== null && !isRange(ports)) return "ports go from 0 to 65535, the lower one first";
      if (match.kind === "tcp" && match.flags !== null)
        if (!isWithin(match.flags.mask, 0, 255) || !isWithin(match.flags.set, 0, 255))
          return "TCP flags are the bits of a byte";
      return null;
    }
    case "multiport": {
      if (!WITH_PORTS.has(protocol)) return "-m multiport needs -p tcp, udp, udplite, dccp or sctp";
      if (!match.ranges.every(isRange)) return "ports go from 0 to 65535, the lower one first";
      const count = match.ranges.reduce((sum, { first, last }) => sum + (first === last ? 1 : 2), 0);
      return isWithin(count, 1, MOST_PORTS) ? null : `-m multiport takes 1 to ${MOST_PORTS} ports`;
    }
    case "mark":
      return isWord(match.value) && isWord(match.mask) ? null : "a mark is a number from 0 to 0xffffffff";
    case "comment":
      return Buffer.from(match.text).length <= LONGEST_COMMENT
        ? null
        : `a comment has at most ${LONGEST_COMMENT} bytes`;
    case "set":
      return `-m set: there is no set "${match.name}", as sets are not supported yet`;
  }
}

function isWithin(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}

function isWord(value: number): boolean {
  return isWithin(value, 0, 0xffffffff);
}

function isRange({ first, last }: PortRange): boolean {
  return isWithin(first, 0, 65535) && isWithin(last, first, 65535);
}
