/**
 * The programs that the package's build compiles, so that no command waits for the compiler. A configuration gets the
 * cheapest set of programs that does what it needs.
 */
import { FEATURES, type Feature, type Needs } from "../plane.ts";
import { satisfies } from "../writing/needs.ts";

/** The schedulers that nearly everyone uses. */
const USUAL_SCHEDULERS = [
  "roundRobin",
  "weightedRoundRobin",
  "leastConnection",
  "weightedLeastConnection",
] as const satisfies readonly Feature[];

/** What most use over IPv4, with the usual schedulers. */
const USUAL: readonly Feature[] = [
  "tcp",
  "udp",
  "portMapping",
  "thresholds",
  "persistence",
  "anyPort",
  ...USUAL_SCHEDULERS,
];

const FORWARDING: readonly Feature[] = ["directRouting", "tunnels"];

/** Rules that give marks, and services by mark, which are of every protocol. */
const MARKING: readonly Feature[] = ["rules", "marks", "sctp"];

/** What only those have who ask for it by name. */
const RULES: readonly Feature[] = ["rules", "ruleDrops"];

/**
 * What a feature costs those who do not need it: local servers a program that all packets going out pass, IPv6 twice the
 * programs, and a table, rules a program for each packet of no known connection, and a table, Call-IDs a large table. All others some
 * instructions.
 */
const COSTS: Partial<Record<Feature, number>> = {
  ...{ localServers: 100, sip: 50, ipv6: 30, fullnat: 3, ftp: 2 },
  ...{ rules: 40, ruleDrops: 40 },
};

function costOf(needs: Needs): number {
  return [...needs].reduce((sum, feature) => sum + (COSTS[feature] ?? 1), 0);
}

function without(...left: readonly Feature[]): Feature[] {
  return FEATURES.filter((feature) => !left.includes(feature));
}

/** Sets of needs that there are programs for, the cheapest first. */
export const LADDER: readonly Needs[] = [
  ...USUAL_SCHEDULERS.flatMap((scheduler): Feature[][] => [
    ["tcp", scheduler],
    ["tcp", "udp", "portMapping", scheduler],
  ]),
  ["tcp", "udp", "directRouting", ...USUAL_SCHEDULERS] satisfies Feature[],
  USUAL,
  [...USUAL, "ftp"] satisfies Feature[],
  [...USUAL, ...FORWARDING],
  [...USUAL, "fullnat"] satisfies Feature[],
  [...USUAL, "ipv6"] satisfies Feature[],
  [...USUAL, ...FORWARDING, "ipv6"] satisfies Feature[],
  [...USUAL, ...FORWARDING, "localServers"] satisfies Feature[],
  ["rules"] satisfies Feature[],
  [...RULES, "ipv6"] satisfies Feature[],
  [...USUAL, ...MARKING] satisfies Feature[],
  [...USUAL, ...FORWARDING, ...MARKING] satisfies Feature[],
  [...USUAL, ...FORWARDING, ...MARKING, "ipv6"] satisfies Feature[],
  [...USUAL, ...FORWARDING, "onePacket", "sip"] satisfies Feature[],
  without("ipv6", "localServers", "sip", ...RULES),
  without("localServers", "sip", ...RULES),
  without("ipv6", "sip", ...RULES),
  without("sip", ...RULES),
  without("ipv6", "localServers", "sip"),
  FEATURES,
]
  .map((features): Needs => new Set<Feature>(features))
  .sort((a, b) => costOf(a) - costOf(b));

/** The cheapest of the ladder that does for these needs. */
export function suitable(needs: Needs): Needs {
  return LADDER.find((each) => satisfies(each, needs)) ?? new Set(FEATURES);
}
