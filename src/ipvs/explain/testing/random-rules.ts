/** Random rules for a random director: they give the marks that its services have, and drop some packets. */
import type { Random } from "../../../kernel/fuzz/random.ts";
import { MARKS, PORTS } from "../../../kernel/testing/random-configuration.ts";
import type { Family } from "../../model.ts";
import {
  type Chain,
  type Match,
  NO_COUNTERS,
  PREROUTING,
  type Rule,
  type RuleSet,
} from "../../rules/model.ts";
import { rule, within } from "../../rules/testing/rules.ts";

/** A chain that the built-in one may call. */
const OTHER = "more";
const KINDS = { 6: "tcp", 17: "udp", 132: "sctp" } as const;
const SOURCES = {
  4: ["198.18.0.1/32", "198.18.0.2/31"],
  6: ["2001:db8:1::1/128", "2001:db8:1::2/127"],
} as const;

export function randomRules(random: Random, family: Family): RuleSet {
  const chain = (name: string, policy: Chain["policy"], chains: readonly string[]): Chain => ({
    ...{ name, policy, counters: NO_COUNTERS },
    rules: Array.from({ length: 1 + random.below(5) }, () => randomRule(random, family, chains)),
  });
  const policy = random.once(12) ? "drop" : "accept";
  return { family, chains: [chain(PREROUTING, policy, [OTHER]), chain(OTHER, null, [])] };
}

function randomRule(random: Random, family: Family, chains: readonly string[]): Rule {
  const number = random.of([null, 6, 6, 17, 132] as const);
  const port = random.of(PORTS);
  const destination = { negated: random.once(6), first: port, last: port };
  const kind = number === null ? null : KINDS[number];
  const matches: Match[] =
    kind === null || random.once(3)
      ? []
      : [
          kind === "tcp"
            ? { kind, source: null, destination, flags: null }
            : { kind, source: null, destination },
        ];
  if (random.once(8)) matches.push({ kind: "mark", negated: false, value: random.of(MARKS), mask: 0xff });
  return rule({
    protocol: number === null ? null : { negated: false, number },
    source: random.once(4) ? within(random.of(SOURCES[family]), random.once(4)) : null,
    input: random.once(4) ? { negated: false, name: random.of(["d0", "d1"]), isPrefix: false } : null,
    matches,
    target: randomTarget(random, chains),
  });
}

function randomTarget(random: Random, chains: readonly string[]): Rule["target"] {
  if (chains.length > 0 && random.once(4)) {
    return { kind: "jump", chain: random.of(chains), isGoto: random.once(3) };
  }
  if (random.once(8)) return { kind: "drop" };
  if (random.once(4)) return random.of([null, { kind: "accept" }, { kind: "return" }] as const);
  return { kind: "mark", value: random.of(MARKS), mask: random.of([0xffffffff, 0xff]) };
}
