/** Random rule sets, over all that rules can say. Values come from small lists, so that packets match. */
import {
  type Chain,
  type Family,
  type InterfaceMatch,
  type Match,
  NO_COUNTERS,
  type PortMatch,
  PREROUTING,
  type Rule,
  type RuleSet,
  type Target,
} from "../../src/ipvs/index.ts";
import type { Random } from "../../src/kernel/fuzz/random.ts";
import { parseIp } from "../../src/net/index.ts";

/** Addresses that rules ask for and packets have. Those of IPv4 that hosts cannot have are seen by rules all the same. */
export const ADDRESSES: Readonly<Record<Family, readonly string[]>> = {
  4: ["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.128.0.1", "192.168.7.9", "255.255.255.255", "224.0.0.5"],
  6: ["2001:db8::1", "2001:db8::2", "2001:db8:1::1", "2001:db8::1:0:0:1", "fd00::8000:0:0:1", "ff02::5"],
};
const MASKS: Readonly<Record<Family, readonly string[]>> = {
  4: [
    "255.255.255.255",
    "255.255.255.0",
    "255.255.0.0",
    "255.128.0.0",
    "255.0.255.0",
    "0.0.0.255",
    "240.0.0.0",
  ],
  6: [
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "ffff:ffff:ffff::",
    "ffff:ffff::ffff",
    "::ffff",
    "fff0::",
    "ffff:ffff:ffff:ffff:8000::",
  ],
};
export const INTERFACES = ["eth0", "eth1", "wan0"] as const;
const NAMES: readonly InterfaceMatch[] = [
  ...[...INTERFACES, "eth", "lo"].map((name) => ({ negated: false, name, isPrefix: false })),
  ...["eth", "e", "wan0", "wan", ""].map((name) => ({ negated: false, name, isPrefix: true })),
];
export const TCP = 6;
export const UDP = 17;
export const SCTP = 132;
const DCCP = 33;
const UDPLITE = 136;
export const PROTOCOLS: Readonly<Record<Family, readonly number[]>> = {
  4: [TCP, TCP, TCP, UDP, UDP, SCTP, DCCP, UDPLITE, 1, 47, 50, 51, 89, 253],
  6: [TCP, TCP, TCP, UDP, UDP, SCTP, DCCP, UDPLITE, 58, 47, 50, 51, 89, 253],
};
const WITH_PORTS = [TCP, UDP, SCTP, DCCP, UDPLITE];
export const PORTS = [0, 1, 21, 22, 53, 80, 81, 443, 8000, 65535] as const;
export const MARKS = [0, 1, 2, 3, 0x10, 0xff, 0x80000000, 0xffffffff] as const;
const MARK_MASKS = [0xffffffff, 0xffffffff, 0xff, 3, 0x80000000, 0] as const;
/** FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32. */
const FLAGS = [0x02, 0x12, 0x17, 0x3f, 0x37, 0x01, 0x04, 0x10, 0x00] as const;

/** A rule set of that family. */
export function randomRules(random: Random, family: Family): RuleSet {
  const chains = ["web", "deep-1", "deep_2", "x", "marks-for-everyone-out-there"].slice(0, random.below(6));
  const rulesOf = (later: readonly string[], most: number) =>
    Array.from({ length: random.below(most) }, () => randomRule(random, family, later));
  const builtin: Chain = {
    name: PREROUTING,
    policy: random.once(4) ? "drop" : "accept",
    counters: NO_COUNTERS,
    rules: rulesOf(chains, 12),
  };
  const others = chains.map(
    (name, index): Chain => ({
      ...{ name, policy: null, counters: NO_COUNTERS },
      rules: rulesOf(chains.slice(index + 1), 6),
    }),
  );
  return { family, chains: [builtin, ...others] };
}

function maybe<T>(random: Random, once: number, make: () => T): T | null {
  return random.once(once) ? make() : null;
}

function randomRule(random: Random, family: Family, chains: readonly string[]): Rule {
  const protocol = maybe(random, 2, () => ({
    negated: random.once(5),
    number: random.of(PROTOCOLS[family]),
  }));
  const address = () => {
    const address = parseIp(random.of(ADDRESSES[family]))!;
    const mask = parseIp(random.of(MASKS[family]))!;
    return { negated: random.once(4), address: address.map((byte, i) => byte & mask[i]!), mask };
  };
  return {
    source: maybe(random, 4, address),
    destination: maybe(random, 3, address),
    input: maybe(random, 5, () => ({ ...random.of(NAMES), negated: random.once(4) })),
    protocol,
    fragment: family === 4 ? maybe(random, 10, () => ({ negated: random.once(3) })) : null,
    matches: randomMatches(random, protocol !== null && !protocol.negated ? protocol.number : 0),
    target: randomTarget(random, chains),
    counters: NO_COUNTERS,
  };
}

/** A range that is not all there is. */
function randomPorts(random: Random): PortMatch {
  const [a, b] = [random.of(PORTS), random.once(2) ? random.of(PORTS) : null];
  const first = b === null ? a : Math.min(a, b);
  const last = b === null ? a : Math.max(a, b);
  const isAll = first === 0 && last === 65535;
  return { negated: !isAll && random.once(4), first, last };
}

function randomMatches(random: Random, protocol: number): Match[] {
  const kinds = (["mark", "mark", "comment"] as Match["kind"][]).filter(() => random.once(5));
  if (protocol === TCP && random.once(2)) kinds.push("tcp");
  if (protocol === UDP && random.once(2)) kinds.push("udp");
  if (protocol === SCTP && random.once(2)) kinds.push("sctp");
  if (WITH_PORTS.includes(protocol) && random.once(3)) kinds.push("multiport");
  if (random.once(2)) kinds.reverse();
  return kinds.map((kind) => randomMatch(random, kind));
}

/** Never two single ports that are both inverted: iptables-nft 1.8.9 takes those for "not this pair" (docs/marks.md). */
function withoutPair(
  source: PortMatch | null,
  destination: PortMatch | null,
): { source: PortMatch | null; destination: PortMatch | null } {
  const isSingle = (match: PortMatch | null) => match?.negated === true && match.first === match.last;
  return isSingle(source) && isSingle(destination)
    ? { source, destination: { ...destination!, negated: false } }
    : { source, destination };
}

function randomMatch(random: Random, kind: Match["kind"]): Match {
  const ports = withoutPair(
    maybe(random, 3, () => randomPorts(random)),
    maybe(random, 2, () => randomPorts(random)),
  );
  switch (kind) {
    case "tcp": {
      const flags = maybe(random, 3, () => {
        const mask = random.of(FLAGS);
        return { negated: mask !== 0 && random.once(3), mask, set: random.of(FLAGS) & mask };
      });
      return { kind, ...ports, flags };
    }
    case "udp":
    case "sctp":
      return { kind, ...ports };
    case "multiport": {
      const ranges = Array.from({ length: 1 + random.below(7) }, () => {
        const { first, last } = randomPorts(random);
        return { first, last };
      });
      const which = random.of(["source", "destination", "either"] as const);
      return { kind, negated: random.once(4), which, ranges };
    }
    case "mark": {
      const mask = random.of(MARK_MASKS);
      return { kind, negated: random.once(3), value: (random.of(MARKS) & mask) >>> 0, mask };
    }
    default:
      return { kind: "comment", text: "what it is for" };
  }
}

function randomTarget(random: Random, chains: readonly string[]): Target | null {
  if (random.once(10)) return null;
  if (random.once(12)) return { kind: "accept" };
  if (random.once(12)) return { kind: "drop" };
  if (random.once(12)) return { kind: "return" };
  if (chains.length > 0 && random.once(3))
    return { kind: "jump", chain: random.of(chains), isGoto: random.once(3) };
  return { kind: "mark", value: random.of(MARKS), mask: random.of(MARK_MASKS) };
}
