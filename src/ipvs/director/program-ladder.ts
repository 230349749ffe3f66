/**
 * The programs that the package's build compiles, so that no command waits for the compiler. A configuration gets the
 * smallest set of programs that does what it needs; each can do a little more than the one before.
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

/** What all the ways of forwarding over IPv4 that most use take, with the usual schedulers. */
const USUAL_IPV4: readonly Feature[] = [
  ...["tcp", "udp", "portMapping", "thresholds", "directRouting", "tunnels", "localServers"],
  ...["persistence", "anyPort", ...USUAL_SCHEDULERS],
] as Feature[];

/** What only one feature of the list takes: all others are for everybody else. */
const WITHOUT_IPV6 = FEATURES.filter((feature) => feature !== "ipv6");

/** Sets of needs that there are programs for, the smallest first. The last is everything. */
export const LADDER: readonly Needs[] = [
  ...USUAL_SCHEDULERS.flatMap((scheduler): Feature[][] => [
    ["tcp", scheduler],
    ["tcp", "udp", "portMapping", scheduler],
  ]),
  ["tcp", "udp", "directRouting", ...USUAL_SCHEDULERS] as Feature[],
  ["tcp", "udp", "portMapping", "thresholds", "persistence", ...USUAL_SCHEDULERS] as Feature[],
  USUAL_IPV4,
  ["tcp", "udp", "ipv6", "portMapping", "thresholds", "persistence", ...USUAL_SCHEDULERS] as Feature[],
  WITHOUT_IPV6,
  [...FEATURES],
]
  .map((features) => new Set(features))
  .sort((a, b) => a.size - b.size);

/** The smallest of the ladder that does for these needs. */
export function suitable(needs: Needs): Needs {
  return LADDER.find((each) => satisfies(each, needs)) ?? new Set(FEATURES);
}
