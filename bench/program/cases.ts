/** What the datapath's programs are measured with: a case for each forwarding method, scheduler and so on. */
import { FEATURES, type Feature } from "../../src/ipvs/plane.ts";
import {
  FORWARD_FULLNAT,
  FORWARD_MASQ,
  FORWARD_ROUTE,
  FORWARD_TUNNEL,
  TUNNEL_GRE,
  TUNNEL_GUE,
  TUNNEL_IPIP,
} from "../../src/kernel/tables.ts";
import type { ServerSettings, ServiceSettings } from "../../src/kernel/testing/service-settings.ts";

/** One configuration: a service over five servers, and what its programs can do. */
export interface Case {
  readonly name: string;
  readonly family: 4 | 6;
  readonly protocol: "tcp" | "udp";
  readonly scheduler: string;
  readonly server: ServerSettings;
  readonly service: ServiceSettings;
  /** Features of the programs beyond those of the protocol and the IP version. */
  readonly features: readonly Feature[];
  /** Rules that give marks, all of which a new flow meets; none is about it, and the last drops another's packets if they may drop. */
  readonly rules: number;
  /** Whether each new flow comes from a client of its own. */
  readonly ownAddress: boolean;
}

/** Schedulers, by name and feature. */
const SCHEDULERS: ReadonlyMap<string, Feature> = new Map([
  ["rr", "roundRobin"],
  ["wrr", "weightedRoundRobin"],
  ["lc", "leastConnection"],
  ["wlc", "weightedLeastConnection"],
  ["sed", "shortestExpectedDelay"],
  ["nq", "neverQueue"],
  ["fo", "weightedFailover"],
  ["ovf", "weightedOverflow"],
  ["twos", "twoChoices"],
  ["sh", "sourceHashing"],
  ["dh", "destinationHashing"],
  ["mh", "maglevHashing"],
  ["lblc", "localityLeastConnection"],
  ["lblcr", "localityWithReplication"],
]);

/** ovf sends a server no more connections than its weight. */
const WEIGHT = 65_535;

function made(name: string, features: readonly Feature[], rest: Partial<Case> = {}): Case {
  return {
    name,
    family: 4,
    protocol: "tcp",
    scheduler: "rr",
    server: { method: FORWARD_MASQ },
    service: {},
    rules: 0,
    ownAddress: false,
    ...rest,
    features: ["roundRobin", ...features],
  };
}

/** A tunnel of that type to servers that know GUE's port. */
function tunnel(tunnelType: number): ServerSettings {
  return { method: FORWARD_TUNNEL, tunnelType, tunnelPort: 6080, source: "10.0.0.254" };
}

/** As of the director's usual programs. */
const USUAL: readonly Feature[] = [
  ...(["udp", "portMapping", "thresholds", "persistence", "anyPort"] as const),
  ...(["weightedRoundRobin", "leastConnection", "weightedLeastConnection"] as const),
];

const IPV4_METHODS: readonly Case[] = [
  made("NAT TCP", []),
  made("NAT UDP", [], { protocol: "udp" }),
  made("NAT TCP, usual features", USUAL),
  made("NAT TCP, usual features and FTP", [...USUAL, "ftp"]),
  made("NAT TCP, all features", FEATURES),
  made("DR", ["directRouting"], { server: { method: FORWARD_ROUTE } }),
  made("TUN ipip", ["tunnels"], { server: tunnel(TUNNEL_IPIP) }),
  made("TUN gue", ["tunnels"], { server: tunnel(TUNNEL_GUE) }),
  made("TUN gre", ["tunnels"], { server: tunnel(TUNNEL_GRE) }),
  made("FullNAT", ["fullnat"], {
    server: { method: FORWARD_FULLNAT, source: "10.0.0.254" },
    service: { localAddresses: ["10.0.0.200", "10.0.0.201"] },
  }),
  made("persistent: template known", ["persistence"], { service: { persistence: 300 } }),
  made("persistent: new client", ["persistence"], { service: { persistence: 300 }, ownAddress: true }),
];

const RULES: readonly Case[] = [
  made("NAT TCP, 5 rules", ["rules"], { rules: 5 }),
  made("NAT TCP, 5000 rules", ["rules"], { rules: 5000 }),
  made("NAT TCP, 5000 rules, DROP", ["rules", "ruleDrops"], { rules: 5000 }),
];

const IPV6_METHODS: readonly Case[] = [
  made("NAT IPv6 TCP", ["ipv6"], { family: 6 }),
  made("NAT IPv6 UDP", ["ipv6"], { family: 6, protocol: "udp" }),
  made("DR IPv6", ["ipv6", "directRouting"], { family: 6, server: { method: FORWARD_ROUTE } }),
  made("FullNAT IPv6", ["ipv6", "fullnat"], {
    family: 6,
    server: { method: FORWARD_FULLNAT, source: "2001:db8:a::fe" },
    service: { localAddresses: ["2001:db8:a::200", "2001:db8:a::201"] },
  }),
];

/** All cases, in the order of the table. */
export const CASES: readonly Case[] = [
  ...IPV4_METHODS,
  ...RULES,
  ...IPV6_METHODS,
  // By the same programs, which have them all.
  ...[...SCHEDULERS.keys()].map((scheduler) =>
    made(`scheduler ${scheduler}`, [...SCHEDULERS.values()], {
      scheduler,
      server: { method: FORWARD_MASQ, weight: WEIGHT },
    }),
  ),
];
