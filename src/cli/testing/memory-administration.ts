/**
 * A director without a datapath, for tests: it keeps a configuration, and refuses and orders as IPVS of Linux 6.1
 * does, all schedulers, forwarding methods and both families included. It forwards nothing and counts nothing.
 */
import { AdministrationBase, type Command, type DirectorInfo } from "../../ipvs/administration.ts";
import { IpvsError, SysctlValueError, UnknownSysctlError } from "../../ipvs/errors.ts";
import {
  type ConnectionEntry,
  type Destination,
  type DestinationKey,
  destinationId,
  NO_RATES,
  NO_STATISTICS,
  type ServiceKey,
  type ServiceStatus,
  type SyncDaemon,
  type Sysctl,
  serviceId,
  type Timeouts,
  type VirtualService,
} from "../../ipvs/model.ts";
import { ip, isLinkLocal, isMulticast, isUnspecified } from "../../net/index.ts";

const SCHEDULERS = new Set("rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh".split(" "));
const ENGINES = new Set(["sip"]);

/** The machine around: what the answers of IPVS depend on. */
export interface MemoryDirectorOptions {
  /** Interfaces a sync daemon can use. */
  readonly interfaces?: readonly string[];
  /** Broadcast addresses of the interfaces: no server can have them. */
  readonly broadcasts?: readonly string[];
}

interface Entry {
  service: VirtualService;
  destinations: Destination[];
  localAddresses: string[];
}

export class MemoryAdministration extends AdministrationBase {
  readonly #services = new Map<string, Entry>();
  readonly #daemons = new Map<SyncDaemon["role"], SyncDaemon>();
  readonly #interfaces: ReadonlySet<string>;
  readonly #broadcasts: ReadonlySet<string>;
  readonly #sysctls = new Map([
    ["conn_reuse_mode", "1"],
    ["expire_nodest_conn", "0"],
    ["sync_threshold", "3\t50"],
  ]);
  #timeouts: Timeouts = { tcp: 900, tcpFin: 120, udp: 300 };
  /** Entries that `connections()` answers. */
  entries: readonly ConnectionEntry[] = [];

  constructor(options: MemoryDirectorOptions = {}) {
    super();
    this.#interfaces = new Set(options.interfaces ?? ["eth0", "eth1"]);
    this.#broadcasts = new Set(options.broadcasts ?? []);
  }

  info(): DirectorInfo {
    return { version: "1.2.1", connectionTableSize: 4096 };
  }

  services(): readonly ServiceStatus[] {
    const rank = ({ service }: Entry): number => Number(service.key.kind === "mark");
    return [...this.#services.values()].sort((a, b) => rank(a) - rank(b)).map(status);
  }

  service(key: ServiceKey): ServiceStatus | null {
    const entry = this.#services.get(serviceId(key));
    return entry === undefined ? null : status(entry);
  }

  timeouts(): Timeouts {
    return this.#timeouts;
  }

  connections(): Iterable<ConnectionEntry> {
    return this.entries;
  }

  override endConnections(matching: (entry: ConnectionEntry) => boolean): number {
    const kept = this.entries.filter((entry) => !matching(entry));
    const ended = this.entries.length - kept.length;
    this.entries = kept;
    return ended;
  }

  override sysctls(): readonly Sysctl[] {
    return [...this.#sysctls].map(([name, value]) => ({ name, value }));
  }

  daemons(): readonly SyncDaemon[] {
    return [...this.#daemons.values()];
  }

  close(): void {}

  apply(commands: readonly Command[]): readonly (IpvsError | null)[] {
    return commands.map((command) => {
      try {
        this.#run(command);
        return null;
      } catch (error) {
        if (error instanceof IpvsError) return error;
        throw error;
      }
    });
  }

  #run(command: Command): void {
    switch (command.kind) {
      case "add-service":
        this.#addService(command.service);
        break;
      case "edit-service": {
        const entry = this.#find(command.service.key, command.kind);
        checkNames(command.service, command.kind);
        entry.service = command.service;
        break;
      }
      case "delete-service":
        this.#find(command.key, command.kind);
        this.#services.delete(serviceId(command.key));
        break;
      case "flush":
        this.#services.clear();
        break;
      case "add-destination":
        this.#addDestination(command.service, command.destination);
        break;
      case "edit-destination": {
        const entry = this.#find(command.service, command.kind);
        checkThresholds(command.destination, command.kind);
        entry.destinations[this.#indexOf(entry, command.destination, command.kind)] = command.destination;
        break;
      }
      case "delete-destination": {
        const entry = this.#find(command.service, command.kind);
        entry.destinations.splice(this.#indexOf(entry, command.destination, command.kind), 1);
        break;
      }
      case "add-local-address": {
        const { kind: operation, service, address } = command;
        const { localAddresses } = this.#find(service, operation);
        if (localAddresses.includes(address)) throw new IpvsError("EEXIST", { operation, service });
        if (!this.#isUnicast({ family: service.family, address })) {
          throw new IpvsError("EINVAL", { operation, service });
        }
        localAddresses.push(address);
        break;
      }
      case "delete-local-address": {
        const { kind: operation, service, address } = command;
        const { localAddresses } = this.#find(service, operation);
        const index = localAddresses.indexOf(address);
        if (index < 0) throw new IpvsError("ENOENT", { operation, service });
        localAddresses.splice(index, 1);
        break;
      }
      case "set-sysctl":
        this.#setSysctl(command.name, command.value);
        break;
      case "zero":
        if (command.service !== null) this.#find(command.service, command.kind);
        break;
      case "set-timeouts": {
        const { tcp, tcpFin, udp } = command.timeouts;
        const now = this.#timeouts;
        this.#timeouts = { tcp: tcp || now.tcp, tcpFin: tcpFin || now.tcpFin, udp: udp || now.udp };
        break;
      }
      case "start-daemon":
        this.#startDaemon(command.daemon);
        break;
      case "stop-daemon":
        if (!this.#daemons.delete(command.role)) throw new IpvsError("ESRCH", { operation: command.kind });
        break;
    }
  }

  #addService(service: VirtualService): void {
    const operation = "add-service";
    const id = serviceId(service.key);
    if (this.#services.has(id)) throw new IpvsError("EEXIST", { operation, service: service.key });
    checkNames(service, operation);
    this.#services.set(id, { service, destinations: [], localAddresses: [] });
  }

  #addDestination(service: ServiceKey, destination: Destination): void {
    const operation = "add-destination";
    const entry = this.#find(service, operation);
    checkThresholds(destination, operation);
    if (entry.destinations.some((other) => destinationId(other) === destinationId(destination))) {
      throw new IpvsError("EEXIST", { operation, service, destination });
    }
    if (!this.#isUnicast(destination)) throw new IpvsError("EINVAL", { operation, service, destination });
    entry.destinations.unshift(destination);
  }

  #setSysctl(name: string, value: string): void {
    if (!this.#sysctls.has(name)) throw new UnknownSysctlError(name);
    if (!/^[0-9]+$/.test(value)) throw new SysctlValueError(name, value, "a number");
    this.#sysctls.set(name, value);
  }

  #isUnicast({ family, address }: Pick<Destination, "family" | "address">): boolean {
    const bytes = ip(address);
    if (isMulticast(bytes) || isUnspecified(bytes)) return false;
    if (family === 4) return address !== "255.255.255.255" && !this.#broadcasts.has(address);
    return !isLinkLocal(bytes) && !isMappedIpv4(bytes);
  }

  #startDaemon(request: Partial<SyncDaemon> & Pick<SyncDaemon, "role" | "syncId">): void {
    const operation = "start-daemon";
    const device = request.interface ?? "";
    if (this.#daemons.has(request.role)) throw new IpvsError("EEXIST", { operation });
    if (!this.#interfaces.has(device)) throw new IpvsError("ENODEV", { operation });
    const group = request.group ?? "224.0.0.81";
    const headers = group.includes(":") ? 48 : 28;
    const MTU = 1500;
    const wanted = request.maxLength ?? MTU - headers;
    const least = request.role === "backup" ? 1024 : 1;
    this.#daemons.set(request.role, {
      role: request.role,
      syncId: request.syncId,
      interface: device,
      group,
      port: request.port ?? 8848,
      ttl: request.ttl ?? 1,
      maxLength: Math.max(least, Math.min(wanted, 65535 - headers)),
    });
  }

  #find(service: ServiceKey, operation: Command["kind"]): Entry {
    const entry = this.#services.get(serviceId(service));
    if (entry === undefined) throw new IpvsError("ESRCH", { operation, service });
    return entry;
  }

  #indexOf(entry: Entry, destination: DestinationKey, operation: Command["kind"]): number {
    const index = entry.destinations.findIndex(
      (other) => destinationId(other) === destinationId(destination),
    );
    if (index < 0) throw new IpvsError("ENOENT", { operation, service: entry.service.key, destination });
    return index;
  }
}

/** ::ffff:a.b.c.d */
function isMappedIpv4(address: Uint8Array): boolean {
  return address.every((byte, index) => index >= 12 || byte === (index < 10 ? 0 : 0xff));
}

function status({ service, destinations, localAddresses }: Entry): ServiceStatus {
  return {
    service,
    destinations: destinations.map((destination) => ({
      destination,
      active: 0,
      inactive: 0,
      persistent: 0,
      statistics: NO_STATISTICS,
      rates: NO_RATES,
    })),
    localAddresses,
    statistics: NO_STATISTICS,
    rates: NO_RATES,
  };
}

function checkNames(service: VirtualService, operation: Command["kind"]): void {
  const known = SCHEDULERS.has(service.scheduler) && (service.engine === null || ENGINES.has(service.engine));
  if (!known) throw new IpvsError("ENOENT", { operation, service: service.key });
}

function checkThresholds(destination: Destination, operation: Command["kind"]): void {
  if (destination.lowerThreshold > destination.upperThreshold) {
    throw new IpvsError("ERANGE", { operation, destination });
  }
}
