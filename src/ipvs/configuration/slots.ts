/** Free slots of the tables. All are looked for before anything is written, so what a change frees is not among them. */
import type { DirectorMemory } from "../memory/director-memory.ts";
import type { AddressNumber, NumberKey } from "./address.ts";
import { endpointNumber, type ServiceIdentity, serviceNumber } from "./identity.ts";
import { identityAt, type ServiceSlots } from "./published.ts";

/** Removed servers in whose slots something of them is left: connections, counters. */
export class RemovedServers {
  /** Slots by service (its number) and endpoint. */
  readonly #rows: Map<NumberKey, Map<NumberKey, number>> = new Map();
  readonly #byService: Map<number, number[]> = new Map();
  /** Services (slots) that removed servers with connections belong to. */
  readonly #held: Set<number> = new Set();

  constructor(memory: DirectorMemory) {
    const { address, port, family, available, service } = memory.destinations;
    const end = memory.settings.destinationEnd.get(0);
    for (let row = 1; row < end; row++) {
      const owner = service.get(row);
      if (available.get(row) !== 0 || owner === 0) continue;
      append(this.#byService, owner, row);
      const alive = memory.connectionsOf(row) > 0;
      if (alive) this.#held.add(owner);
      const number = serviceNumber(identityAt(memory, owner));
      let endpoints = this.#rows.get(number);
      if (endpoints === undefined) {
        endpoints = new Map();
        this.#rows.set(number, endpoints);
      }
      const endpoint = endpointNumber(address.get(row, family.get(row) === 6), port.get(row));
      if (alive || !endpoints.has(endpoint)) endpoints.set(endpoint, row);
    }
  }

  /** The slot of that server of that service, which may by now be in another slot; 0 if there is none. */
  find(service: ServiceIdentity, address: AddressNumber, port: number): number {
    return this.#rows.get(serviceNumber(service))?.get(endpointNumber(address, port)) ?? 0;
  }

  /** The slots of those that belong to the service in slot `serviceRow`. */
  of(serviceRow: number): readonly number[] {
    return this.#byService.get(serviceRow) ?? [];
  }

  /** Whether a service slot must keep its name because connections to its removed servers live on. */
  holds(serviceRow: number): boolean {
    return this.#held.has(serviceRow);
  }
}

function append(lists: Map<number, number[]>, key: number, value: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** Hands out free slots of destinationTable, lowest first. */
export class DestinationSlots {
  readonly #memory: DirectorMemory;
  readonly #taken: Set<number> = new Set();
  #next = 1;

  constructor(memory: DirectorMemory) {
    this.#memory = memory;
  }

  /** Takes a given slot, of a server that comes back. */
  reserve(row: number): void {
    this.#taken.add(row);
  }

  /** Whether a slot was handed out or reserved. */
  isTaken(row: number): boolean {
    return this.#taken.has(row);
  }

  /** A free slot, now taken; 0 if there is none. */
  take(): number {
    const { capacity, available } = this.#memory.destinations;
    for (; this.#next < capacity; this.#next++) {
      const row = this.#next;
      if (available.get(row) !== 0 || this.#taken.has(row) || this.#memory.connectionsOf(row) > 0) continue;
      this.#taken.add(row);
      this.#next++;
      return row;
    }
    return 0;
  }
}

/** Hands out free slots of serviceTable: the one a service had before, else the lowest. */
export class FreeServices {
  readonly #memory: DirectorMemory;
  readonly #former: ReadonlyMap<NumberKey, number>;
  readonly #removed: RemovedServers;
  readonly #taken: Set<number> = new Set();
  #next = 1;

  constructor(memory: DirectorMemory, slots: ServiceSlots, removed: RemovedServers) {
    this.#memory = memory;
    this.#former = new Map(slots.former);
    this.#removed = removed;
  }

  /** A free slot for that service, now taken; 0 if there is none. */
  take(service: ServiceIdentity): number {
    const own = this.#former.get(serviceNumber(service));
    if (own !== undefined && !this.#taken.has(own)) {
      this.#taken.add(own);
      return own;
    }
    const { capacity, inUse } = this.#memory.services;
    for (; this.#next < capacity; this.#next++) {
      const row = this.#next;
      if (inUse.get(row) !== 0 || this.#taken.has(row) || this.#removed.holds(row)) continue;
      this.#taken.add(row);
      this.#next++;
      return row;
    }
    return 0;
  }
}

/** Hands out ranges of a table that the pools in use own ranges of. */
export class FreeRanges {
  readonly #used: Uint8Array;
  #next = 0;

  private constructor(capacity: number) {
    this.#used = new Uint8Array(capacity);
  }

  /** Of the members table. */
  static ofMembers(memory: DirectorMemory): FreeRanges {
    const { start, count } = memory.pools;
    return FreeRanges.#of(memory, memory.members.capacity, (pool) => [start.get(pool), count.get(pool)]);
  }

  /** Of FullNAT's local addresses. */
  static ofLocalAddresses(memory: DirectorMemory): FreeRanges {
    const { localStart, localCount } = memory.pools;
    const { capacity } = memory.localAddresses;
    return FreeRanges.#of(memory, capacity, (pool) => [localStart.get(pool), localCount.get(pool)]);
  }

  /** Of the schedulers' tables; `sizeOf` says how large that of a scheduler is. */
  static ofBuckets(memory: DirectorMemory, sizeOf: (scheduler: number) => number): FreeRanges {
    const { bucketStart, scheduler } = memory.pools;
    const { capacity } = memory.buckets;
    return FreeRanges.#of(memory, capacity, (pool) => [bucketStart.get(pool), sizeOf(scheduler.get(pool))]);
  }

  static #of(
    { services }: DirectorMemory,
    capacity: number,
    rangeOf: (pool: number) => readonly [start: number, count: number],
  ): FreeRanges {
    const ranges = new FreeRanges(capacity);
    for (let row = 1; row < services.capacity; row++) {
      if (services.inUse.get(row) === 0) continue;
      const [start, count] = rangeOf(services.pool.get(row));
      ranges.#used.fill(1, start, start + count);
    }
    return ranges;
  }

  /** The start of a free range of `count` elements, now taken; −1 if there is none. */
  take(count: number): number {
    if (count === 0) return 0;
    const start = this.#find(this.#next, count) ?? this.#find(0, count);
    if (start === undefined) return -1;
    this.#used.fill(1, start, start + count);
    this.#next = start + count;
    return start;
  }

  #find(from: number, count: number): number | undefined {
    let start = from;
    while (start + count <= this.#used.length) {
      const taken = this.#used.subarray(start, start + count).lastIndexOf(1);
      if (taken === -1) return start;
      start += taken + 1;
    }
    return undefined;
  }
}
