/** Free slots of the tables. All are looked for before anything is written, so what a change frees is not among them. */
import type { DirectorMemory } from "../memory/director-memory.ts";
import { endpointNumber, type ServiceIdentity, serviceNumber } from "./identity.ts";
import { identityAt, type ServiceSlots } from "./published.ts";

/** Removed servers in whose slots something of them is left: connections, counters. */
export class RemovedServers {
  /** Slots by service (its number) and endpoint. */
  readonly #rows: Map<number, Map<number, number>> = new Map();
  readonly #byService: Map<number, number[]> = new Map();
  /** Services (slots) that removed servers with connections belong to. */
  readonly #held: Set<number> = new Set();

  constructor(memory: DirectorMemory) {
    const { address, port, available, service } = memory.destinations;
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
      const endpoint = endpointNumber(address.get(row), port.get(row));
      if (alive || !endpoints.has(endpoint)) endpoints.set(endpoint, row);
    }
  }

  /** The slot of that server of that service, which may by now be in another slot; 0 if there is none. */
  find(service: ServiceIdentity, address: number, port: number): number {
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
  readonly #former: ReadonlyMap<number, number>;
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

/** Hands out ranges of the members table that no pool in use covers. */
export class MemberRanges {
  readonly #used: Uint8Array;
  #next = 0;

  constructor(memory: DirectorMemory) {
    this.#used = new Uint8Array(memory.members.capacity);
    const { capacity, inUse, pool } = memory.services;
    const { start, count } = memory.pools;
    for (let row = 1; row < capacity; row++) {
      if (inUse.get(row) === 0) continue;
      const first = start.get(pool.get(row));
      this.#used.fill(1, first, first + count.get(pool.get(row)));
    }
  }

  /** The start of a free range of `count` members, now taken; −1 if there is none. */
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
