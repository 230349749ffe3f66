/** What the administration needs of a place where the datapath's memory lives: the kernel, or a simulated machine. */
import type { MapDefinition, MapHandle } from "../bpf/index.ts";

/** What a configuration asks of the datapath's program. Programs are compiled for what is used. */
export interface Needs {
  readonly tcp: boolean;
  readonly udp: boolean;
  /** Numbers of the schedulers (SCHEDULER_*). */
  readonly schedulers: ReadonlySet<number>;
  /** Some server listens on another port than its service. */
  readonly portMapping: boolean;
  /** Some server has an upper threshold. */
  readonly thresholds: boolean;
}

/** The datapath of one network namespace: its maps, and what happens around a change of them. */
export interface Plane {
  /** The map of that definition. Always the same handle. */
  map(definition: MapDefinition): MapHandle;

  /**
   * Makes the datapath able to do what the changed services need, before they are published. `whole` gives the needs
   * of the configuration as it will be, for building a new program. Throws IpvsError: then nothing is changed.
   */
  prepare(changed: Needs, whole: () => Needs): void;

  /**
   * Returns when every run of the datapath that began before the call has ended: what was unpublished before may be
   * reused after it.
   */
  settle(): void;

  /** Whether the host takes this IPv4 address (a number) for a broadcast or multicast one: no address of a server. */
  isUnicast(address: number): boolean;

  /** CLOCK_MONOTONIC as the datapath reads it, ns. */
  monotonicTime(): bigint;

  /** Called before each store to mapped memory; for tests that stop in between. */
  readonly beforeStore?: () => void;
}
