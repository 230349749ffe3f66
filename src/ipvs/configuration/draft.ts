/** What a sequence of commands makes of the configuration, in memory, before anything is written. */
import { expectedOf, findSysctl, parseSysctl } from "../../kernel/sysctls.ts";
import { IpvsError, type Operation, SysctlValueError, UnknownSysctlError } from "../errors.ts";
import type { DirectorMemory } from "../memory/director-memory.ts";
import type { Destination, DestinationKey, ServiceKey, Timeouts, VirtualService } from "../model.ts";
import { type AddressNumber, addressNumber, familyOf, type NumberKey } from "./address.ts";
import { type DraftDestination, DraftService, newDestination, restoreDestination } from "./draft-service.ts";
import { endpointNumber, serviceIdentity, serviceNumber } from "./identity.ts";
import { readDestination, readService, readServiceSlots, type ServiceSlots } from "./published.ts";
import { checkDestinationValues, checkServiceSettings } from "./refusals.ts";
import { type DestinationSettings, destinationSettings, serviceSettings } from "./settings.ts";
import { DestinationSlots, FreeServices, RemovedServers } from "./slots.ts";

/** The command can only be carried out after the draft so far has been published. */
export class PublishFirst extends Error {
  /** What the command is refused for if there is nothing to publish. */
  readonly refusal: IpvsError;

  constructor(refusal: IpvsError) {
    super("the draft has to be published first");
    this.refusal = refusal;
  }
}

export class Draft {
  readonly memory: DirectorMemory;
  /** Published services that are to go. */
  readonly deleted: DraftService[] = [];
  /** Slots of services whose counters are to be zeroed; before anything else changes. */
  readonly zeroed: Set<number> = new Set();
  /** Timeouts in seconds, of those that are set. */
  readonly timeouts: { tcp?: number; tcpFin?: number; udp?: number } = {};
  /** Words of `Settings.sysctls` that are set, by index. */
  readonly sysctls: Map<number, number> = new Map();
  readonly #slots: ServiceSlots;
  /** Servers that were removed before. */
  readonly removed: RemovedServers;
  readonly #freeServices: FreeServices;
  readonly #freeDestinations: DestinationSlots;
  /** Services that were looked at, as they will be; null: deleted. */
  readonly #services: Map<NumberKey, DraftService | null> = new Map();
  /** Servers removed by this draft, by service and endpoint. */
  readonly #removedNow: Map<NumberKey, Map<NumberKey, DraftDestination>> = new Map();

  constructor(memory: DirectorMemory) {
    this.memory = memory;
    this.#slots = readServiceSlots(memory);
    this.removed = new RemovedServers(memory);
    this.#freeServices = new FreeServices(memory, this.#slots, this.removed);
    this.#freeDestinations = new DestinationSlots(memory);
  }

  /** Services that are new or changed. */
  get changed(): DraftService[] {
    return [...this.#services.values()].filter((service) => service?.changed === true) as DraftService[];
  }

  /** Whether there is nothing to write. */
  get isEmpty(): boolean {
    const touched =
      this.deleted.length + this.zeroed.size + Object.keys(this.timeouts).length + this.sysctls.size;
    return touched === 0 && this.changed.length === 0;
  }

  /** Slots of the published services that this draft leaves alone. */
  unchangedRows(): number[] {
    const rows: number[] = [];
    for (const [number, row] of this.#slots.live) {
      const service = this.#services.get(number);
      if (service === undefined || service?.changed === false) rows.push(row);
    }
    return rows;
  }

  addService(service: VirtualService): void {
    const operation = "add-service";
    if (this.#find(service.key) !== null) throw new IpvsError("EEXIST", { operation, service: service.key });
    const scheduler = checkServiceSettings(operation, service);
    const identity = serviceIdentity(service.key);
    if (this.#services.get(serviceNumber(identity)) === null) {
      // Deleted by this draft: its slot and its servers are still in use.
      throw new PublishFirst(new IpvsError("EEXIST", { operation, service: service.key }));
    }
    const added = new DraftService(identity, serviceSettings(service, scheduler));
    added.row = this.#freeServices.take(identity);
    if (added.row === 0) {
      const limit = this.memory.services.capacity - 1;
      const message = `the table of virtual services is full (${limit})`;
      throw new PublishFirst(new IpvsError("ENOSPC", { operation, service: service.key, message }));
    }
    this.#services.set(serviceNumber(identity), added);
  }

  editService(service: VirtualService): void {
    const operation = "edit-service";
    const found = this.#require(operation, service.key);
    const scheduler = checkServiceSettings(operation, service);
    found.configure(serviceSettings(service, scheduler));
  }

  deleteService(key: ServiceKey): void {
    const service = this.#require("delete-service", key);
    const number = serviceNumber(service.identity);
    if (service.publishedPool === null) {
      this.#services.delete(number);
    } else {
      this.deleted.push(service);
      this.#services.set(number, null);
    }
  }

  addDestination(key: ServiceKey, destination: Destination): void {
    const operation = "add-destination";
    const service = this.#require(operation, key);
    checkDestinationValues(operation, key, destination);
    const facts = { operation, service: key, destination } as const;
    if (this.#findDestination(service, destination) !== null) throw new IpvsError("EEXIST", facts);
    const address = addressNumber(destination.address);
    if (!this.memory.plane.isUnicast(address)) throw new IpvsError("EINVAL", facts);
    const settings = destinationSettings(destination);
    const returned = this.#exhume(service, address, destination.port, settings);
    if (returned !== null) {
      service.add(returned);
      return;
    }
    const added = newDestination(address, destination.port, settings);
    added.row = this.#freeDestinations.take();
    if (added.row === 0) {
      const limit = this.memory.destinations.capacity - 1;
      const message = `the table of real servers is full (${limit}, removed ones with connections included)`;
      throw new PublishFirst(new IpvsError("ENOSPC", { ...facts, message }));
    }
    service.add(added);
  }

  editDestination(key: ServiceKey, destination: Destination): void {
    const operation = "edit-destination";
    const service = this.#require(operation, key);
    checkDestinationValues(operation, key, destination);
    const found = this.#findDestination(service, destination);
    if (found === null) throw new IpvsError("ENOENT", { operation, service: key, destination });
    service.edit(found, destinationSettings(destination));
  }

  deleteDestination(key: ServiceKey, destination: DestinationKey): void {
    const operation = "delete-destination";
    const service = this.#require(operation, key);
    const found = this.#findDestination(service, destination);
    if (found === null) throw new IpvsError("ENOENT", { operation, service: key, destination });
    service.remove(found);
    this.#bury(service, found);
  }

  addLocalAddress(key: ServiceKey, text: string): void {
    const operation = "add-local-address";
    const service = this.#require(operation, key);
    const address = addressNumber(text);
    if (service.localAddresses.includes(address)) throw new IpvsError("EEXIST", { operation, service: key });
    const isPossible = familyOf(address) === key.family && this.memory.plane.isUnicast(address);
    if (!isPossible) throw new IpvsError("EINVAL", { operation, service: key });
    service.addLocalAddress(address);
  }

  deleteLocalAddress(key: ServiceKey, text: string): void {
    const operation = "delete-local-address";
    const service = this.#require(operation, key);
    const address = addressNumber(text);
    if (!service.localAddresses.includes(address)) throw new IpvsError("ENOENT", { operation, service: key });
    service.removeLocalAddress(address);
  }

  /** Zeroes the counters of one service, or of all. */
  zero(key: ServiceKey | null): void {
    if (key === null) {
      for (const row of this.#slots.live.values()) this.zeroed.add(row);
      return;
    }
    const service = this.#require("zero", key);
    if (service.publishedPool !== null) this.zeroed.add(service.row);
  }

  setTimeouts({ tcp, tcpFin, udp }: Timeouts): void {
    if (tcp < 0 || tcpFin < 0 || udp < 0) throw new IpvsError("EINVAL", { operation: "set-timeouts" });
    if (tcp > 0) this.timeouts.tcp = tcp;
    if (tcpFin > 0) this.timeouts.tcpFin = tcpFin;
    if (udp > 0) this.timeouts.udp = udp;
  }

  setSysctl(name: string, value: string): void {
    const sysctl = findSysctl(name);
    if (sysctl === undefined) throw new UnknownSysctlError(name);
    const { index, defaults } = sysctl;
    const present = defaults.map(
      (_, i) => this.sysctls.get(index + i) ?? this.memory.settings.sysctls[index + i]!.get(0),
    );
    const words = parseSysctl(sysctl, value, present);
    if (words === undefined) throw new SysctlValueError(name, value, expectedOf(sysctl));
    for (const [i, word] of words.entries()) this.sysctls.set(index + i, word);
  }

  #find(key: ServiceKey): DraftService | null {
    const number = serviceNumber(serviceIdentity(key));
    const known = this.#services.get(number);
    if (known !== undefined) return known;
    const row = this.#slots.live.get(number);
    const service = row === undefined ? null : readService(this.memory, row);
    if (service !== null) this.#services.set(number, service);
    return service;
  }

  #require(operation: Operation, key: ServiceKey): DraftService {
    const service = this.#find(key);
    if (service === null) throw new IpvsError("ESRCH", { operation, service: key });
    return service;
  }

  #findDestination(service: DraftService, { address, port }: DestinationKey): DraftDestination | null {
    return service.find(addressNumber(address), port);
  }

  #bury(service: DraftService, destination: DraftDestination): void {
    const number = serviceNumber(service.identity);
    const graves = this.#removedNow.get(number) ?? new Map<NumberKey, DraftDestination>();
    graves.set(endpointNumber(destination.address, destination.port), destination);
    this.#removedNow.set(number, graves);
  }

  /**
   * The server of that service that was removed earlier, with its connections, as IPVS takes it from its trash. Its
   * counters go on, unless the service itself was deleted meanwhile (seen with Linux 6.1).
   */
  #exhume(
    service: DraftService,
    address: AddressNumber,
    port: number,
    settings: DestinationSettings,
  ): DraftDestination | null {
    const graves = this.#removedNow.get(serviceNumber(service.identity));
    const endpoint = endpointNumber(address, port);
    const found = graves?.get(endpoint) ?? this.#exhumeOld(service, address, port);
    graves?.delete(endpoint);
    if (found !== null) restoreDestination(found, settings);
    return found;
  }

  #exhumeOld(service: DraftService, address: AddressNumber, port: number): DraftDestination | null {
    const row = this.removed.find(service.identity, address, port);
    if (row === 0 || this.#freeDestinations.isTaken(row)) return null;
    this.#freeDestinations.reserve(row);
    const found = readDestination(this.memory, row, 0);
    found.restarted =
      service.publishedPool === null || this.memory.destinations.service.get(row) !== service.row;
    return found;
  }
}
