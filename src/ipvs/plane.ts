/** What the administration needs of a place where the datapath's memory lives: the kernel, or a simulated machine. */
import type { MapDefinition, MapHandle } from "../bpf/index.ts";
import type { AddressNumber } from "./configuration/address.ts";

/**
 * What a program of the datapath can be able to do, by the names of the options that switch it on
 * (`src/kernel/options.ts`). The order is that of bits in programs' names: new ones come last.
 */
export const FEATURES = [
  "tcp",
  "udp",
  "sctp",
  "ipv6",
  "marks",
  "anyPort",
  "persistence",
  "onePacket",
  "directRouting",
  "tunnels",
  "fullnat",
  "localServers",
  "portMapping",
  "thresholds",
  "roundRobin",
  "weightedRoundRobin",
  "leastConnection",
  "weightedLeastConnection",
  "localityLeastConnection",
  "localityWithReplication",
  "destinationHashing",
  "sourceHashing",
  "maglevHashing",
  "shortestExpectedDelay",
  "neverQueue",
  "weightedFailover",
  "weightedOverflow",
  "twoChoices",
  "clientAddress",
  "sip",
  "rules",
  "ruleDrops",
  "ftp",
] as const;

export type Feature = (typeof FEATURES)[number];

/** What a configuration asks of the datapath's programs. Programs are compiled for what is used. */
export type Needs = ReadonlySet<Feature>;

/** The datapath of one network namespace: its maps, and what happens around a change of them. */
export interface Plane {
  /** The map of that definition. Always the same handle. One that few need is made when it is first asked for. */
  map(definition: MapDefinition): MapHandle;

  /** Whether that map has been made. */
  exists(definition: MapDefinition): boolean;

  /**
   * Makes the datapath able to do what the changed services need, before they are published. `whole` gives the needs
   * of the configuration as it will be, for building a new program. Throws IpvsError: then nothing is changed.
   */
  prepare(changed: Needs, whole: () => Needs): void;

  /**
   * Returns when every run of the datapath that began before the call has ended: what was unpublished before may be
   * reused after it. From then on, what is answered about addresses is as the host now has it.
   */
  settle(): void;

  /** Whether the host takes this for the address of a host: not for a broadcast or multicast one, for example. */
  isUnicast(address: AddressNumber): boolean;

  /** Whether this is one of the host's own addresses. */
  isLocalAddress(address: AddressNumber): boolean;

  /** The host's own address towards another host, of its family; null if there is no way to it. */
  sourceTowards(address: AddressNumber): AddressNumber | null;

  /** CLOCK_MONOTONIC as the datapath reads it, ns. */
  monotonicTime(): bigint;

  /** Called before each store to mapped memory; for tests that stop in between. */
  readonly beforeStore?: () => void;
}
