import { type IpvsError, NotSupportedError } from "./errors.ts";
import type {
  ConnectionEntry,
  Destination,
  DestinationKey,
  ServiceKey,
  ServiceStatus,
  SyncDaemon,
  SyncRole,
  Sysctl,
  Timeouts,
  VirtualService,
} from "./model.ts";

/** A change of the configuration, as data. Each one is atomic: it takes effect whole or not at all. */
export type Command =
  | { readonly kind: "add-service"; readonly service: VirtualService }
  /** Replaces all settings of the service with that key; its destinations and connections stay. */
  | { readonly kind: "edit-service"; readonly service: VirtualService }
  /** Deletes the service and its destinations. */
  | { readonly kind: "delete-service"; readonly key: ServiceKey }
  /** Deletes all services. */
  | { readonly kind: "flush" }
  /** The destination becomes the first in the service's list. */
  | { readonly kind: "add-destination"; readonly service: ServiceKey; readonly destination: Destination }
  /** Replaces all settings of the destination with that address and port; it keeps its place in the list. */
  | { readonly kind: "edit-destination"; readonly service: ServiceKey; readonly destination: Destination }
  | {
      readonly kind: "delete-destination";
      readonly service: ServiceKey;
      readonly destination: DestinationKey;
    }
  /**
   * Gives a service a local address for FullNAT: canonical text, of the service's family. It becomes the last.
   * EEXIST: the service has it already; EINVAL: not unicast, or of the other family; ENOSPC: no room.
   */
  | { readonly kind: "add-local-address"; readonly service: ServiceKey; readonly address: string }
  /** Takes it away; connections that use it go on. ENOENT: the service does not have it. */
  | { readonly kind: "delete-local-address"; readonly service: ServiceKey; readonly address: string }
  /** Zeroes the statistics of one service and its destinations, or (null) everything. */
  | { readonly kind: "zero"; readonly service: ServiceKey | null }
  /** A timeout of 0 keeps its value. */
  | { readonly kind: "set-timeouts"; readonly timeouts: Timeouts }
  /** `UnknownSysctlError`, `SysctlValueError`. Value: decimal numbers separated by white space. */
  | { readonly kind: "set-sysctl"; readonly name: string; readonly value: string }
  | { readonly kind: "start-daemon"; readonly daemon: SyncDaemonRequest }
  | { readonly kind: "stop-daemon"; readonly role: SyncRole; readonly syncId: number };

/** A sync daemon to be started; what is left out takes its default. */
export type SyncDaemonRequest = Pick<SyncDaemon, "role" | "syncId"> & Partial<SyncDaemon>;

/** What an implementation says of itself. */
export interface DirectorInfo {
  /** Version of the IPVS interface: "1.2.1". */
  readonly version: string;
  /** Buckets of the connection table, which `ipvsadm` prints as `size=`. */
  readonly connectionTableSize: number;
}

/**
 * What a director can be told and asked. One instance is about one network namespace. All calls are synchronous and
 * complete when they return. Every method may throw an `IpvsError` of code EPERM, EBUSY or EIO.
 */
export interface Administration {
  info(): DirectorInfo;

  /**
   * All services with their destinations and counters, in no particular order; destinations newest first. A snapshot:
   * later changes do not show.
   */
  services(): readonly ServiceStatus[];

  /** One service, or null if it does not exist. */
  service(key: ServiceKey): ServiceStatus | null;

  /**
   * Carries out commands as if one by one in this order, written in as few steps as the implementation can. A refused
   * command changes nothing and does not stop those behind it. The answer has one element per command: null, or why
   * it was refused. Another process sees every state between two commands or none of them, but no half command.
   *
   * @throws IpvsError only if nothing could be tried (no permission, lock not to be had, state unusable)
   */
  apply(commands: readonly Command[]): readonly (IpvsError | null)[];

  /** The following are `apply` with one command; they throw what it answers. */
  addService(service: VirtualService): void;
  editService(service: VirtualService): void;
  deleteService(key: ServiceKey): void;
  flush(): void;
  addDestination(service: ServiceKey, destination: Destination): void;
  editDestination(service: ServiceKey, destination: Destination): void;
  deleteDestination(service: ServiceKey, destination: DestinationKey): void;
  zero(service?: ServiceKey): void;
  addLocalAddress(service: ServiceKey, address: string): void;
  deleteLocalAddress(service: ServiceKey, address: string): void;
  setTimeouts(timeouts: Timeouts): void;
  setSysctl(name: string, value: string): void;

  timeouts(): Timeouts;

  /** The connection table, templates included, in table order. May be large: entries are read as they are consumed. */
  connections(): Iterable<ConnectionEntry>;

  /**
   * Ends the connections and persistence templates that match: their next packet is one of a new connection. The
   * function is called once for each entry, in table order, and must not change the director.
   *
   * @returns how many were ended
   */
  endConnections(matching: (entry: ConnectionEntry) => boolean): number;

  /** All sysctls of IPVS, sorted by name. */
  sysctls(): readonly Sysctl[];

  /** The sync daemons that run. */
  daemons(): readonly SyncDaemon[];

  /** Gives up what the instance holds (file descriptors). The director's state stays. Idempotent. */
  close(): void;
}

/**
 * The single-command methods of an `Administration`, over its `apply`. Implementations extend this class.
 */
export abstract class AdministrationBase implements Administration {
  abstract info(): DirectorInfo;
  abstract services(): readonly ServiceStatus[];
  abstract service(key: ServiceKey): ServiceStatus | null;
  abstract apply(commands: readonly Command[]): readonly (IpvsError | null)[];
  abstract timeouts(): Timeouts;
  abstract connections(): Iterable<ConnectionEntry>;
  abstract daemons(): readonly SyncDaemon[];
  abstract close(): void;

  addService(service: VirtualService): void {
    this.#one({ kind: "add-service", service });
  }

  editService(service: VirtualService): void {
    this.#one({ kind: "edit-service", service });
  }

  deleteService(key: ServiceKey): void {
    this.#one({ kind: "delete-service", key });
  }

  flush(): void {
    this.#one({ kind: "flush" });
  }

  addDestination(service: ServiceKey, destination: Destination): void {
    this.#one({ kind: "add-destination", service, destination });
  }

  editDestination(service: ServiceKey, destination: Destination): void {
    this.#one({ kind: "edit-destination", service, destination });
  }

  deleteDestination(service: ServiceKey, destination: DestinationKey): void {
    this.#one({ kind: "delete-destination", service, destination });
  }

  zero(service?: ServiceKey): void {
    this.#one({ kind: "zero", service: service ?? null });
  }

  /** Implementations that can end connections override this. */
  endConnections(_matching: (entry: ConnectionEntry) => boolean): number {
    throw new NotSupportedError("ending connections", { operation: "end-connections" });
  }

  /** Implementations that have sysctls override this, and carry out "set-sysctl". */
  sysctls(): readonly Sysctl[] {
    throw new NotSupportedError("sysctls", { operation: "list" });
  }

  setSysctl(name: string, value: string): void {
    this.#one({ kind: "set-sysctl", name, value });
  }

  addLocalAddress(service: ServiceKey, address: string): void {
    this.#one({ kind: "add-local-address", service, address });
  }

  deleteLocalAddress(service: ServiceKey, address: string): void {
    this.#one({ kind: "delete-local-address", service, address });
  }

  setTimeouts(timeouts: Timeouts): void {
    this.#one({ kind: "set-timeouts", timeouts });
  }

  #one(command: Command): void {
    const error = this.apply([command])[0];
    if (error) throw error;
  }
}
