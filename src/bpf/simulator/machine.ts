import { FIB_NOT_FORWARDED, type FibLookup } from "../intrinsics/fib.ts";
import { LockError } from "../intrinsics/locks.ts";
import { TC_REDIRECT } from "../intrinsics/verdicts.ts";
import type { MapDefinition } from "../map.ts";
import type { MapHandle } from "../map-handle.ts";
import { MapError } from "../maps/errors.ts";
import type { Packet } from "../packet.ts";
import { ArrayStore } from "./array-store.ts";
import { Clock } from "./clock.ts";
import { type CurrentMachine, type Redirect, withMachine } from "./current.ts";
import { HashStore } from "./hash-store.ts";
import { outer, type SimulatedMap } from "./outer.ts";
import type { SimulatedPacket } from "./packet.ts";
import { randomSequence } from "./random.ts";
import { ring } from "./ring.ts";
import type { MapStorage } from "./storage.ts";
import type { Store, StoreOptions } from "./store.ts";
import { StoreHandle } from "./store-handle.ts";
import { StoreStorage } from "./store-storage.ts";
import { TrieStore } from "./trie-store.ts";

export interface MachineOptions {
  /** What options are set to, by name; others have their defaults. */
  readonly options?: Readonly<Record<string, number | boolean>>;
  /** Numbers of entries that differ from the map's definition, by name. */
  readonly entries?: Readonly<Record<string, number>>;
  /** How many CPUs there are. Default 1. */
  readonly cpus?: number;
  /** Nanoseconds since boot at the start. Default: one second. */
  readonly time?: bigint;
  /** The seed of `random()`, or a source of numbers 0 … 2³²−1. Default 1. */
  readonly random?: number | (() => number);
  /** Answers `fibLookup`: fills in the request, returns a FIB_ code. By default nothing is forwarded. */
  readonly fib?: (request: FibLookup, flags: number, packet: Packet) => number;
}

const STORES: Readonly<Record<string, new (options: StoreOptions) => Store>> = {
  hash: HashStore,
  lruHash: HashStore,
  perCpuHash: HashStore,
  array: ArrayStore,
  perCpuArray: ArrayStore,
  constants: ArrayStore,
  lpmTrie: TrieStore,
};

/**
 * A kernel, as far as kernel functions see one: maps, clock, timers, CPUs, random numbers and routes, all in memory and
 * deterministic. It starts with empty maps.
 */
export class Machine implements CurrentMachine {
  readonly cpus: number;
  readonly clock: Clock;
  readonly #options: MachineOptions;
  readonly #random: () => number;
  readonly #maps = new Map<MapDefinition, SimulatedMap>();
  readonly #names = new Map<string, MapDefinition>();
  #cpu = 0;
  #ids = 0;
  #locks = 0;
  #redirect: Redirect | undefined;

  constructor(options: MachineOptions = {}) {
    this.#options = options;
    this.cpus = options.cpus ?? 1;
    const { random = 1 } = options;
    this.#random = typeof random === "number" ? randomSequence(random) : random;
    this.clock = new Clock(options.time ?? 1_000_000_000n, (body) => this.run(body));
  }

  /** Calls kernel functions: their maps and helpers are this machine's. Synchronous; machines nest. */
  run<T>(body: () => T): T {
    return withMachine(this, () => {
      const locks = this.#locks;
      try {
        const result = body();
        if (this.#locks !== locks) throw new LockError("a kernel function returned with a lock held");
        return result;
      } finally {
        this.#locks = locks;
      }
    });
  }

  /**
   * Runs a traffic-control program on a packet and returns its verdict. If that is TC_REDIRECT, `packet.redirected` says
   * where to. Views of the packet end with it.
   */
  execute(program: (packet: Packet) => number, packet: SimulatedPacket): number {
    this.#redirect = undefined;
    packet.redirected = undefined;
    try {
      const verdict = this.run(() => program(packet));
      if (verdict === TC_REDIRECT) packet.redirected = this.#redirect;
      return verdict;
    } finally {
      packet.revokeViews();
    }
  }

  /** User space's handle of a map: the same interface as that of a kernel map. */
  map(definition: MapDefinition): MapHandle {
    return this.#map(definition).handle;
  }

  /** The CPU that kernel functions run on, from 0. */
  get cpu(): number {
    return this.#cpu;
  }

  set cpu(cpu: number) {
    if (!Number.isInteger(cpu) || cpu < 0 || cpu >= this.cpus) {
      throw new RangeError(`there is no CPU ${cpu}: the machine has ${this.cpus}`);
    }
    this.#cpu = cpu;
  }

  get timers(): Clock {
    return this.clock;
  }

  storage(definition: MapDefinition): MapStorage {
    if (this.#locks > 0) throw new LockError(`map ${definition.name} was used while a lock is held`);
    return this.#map(definition).storage;
  }

  option(name: string): number | boolean | undefined {
    return this.#options.options?.[name];
  }

  now(): bigint {
    return this.clock.now;
  }

  random(): number {
    return this.#random() >>> 0;
  }

  redirect(redirect: Redirect): void {
    this.#redirect = redirect;
  }

  fibLookup(packet: Packet, request: FibLookup, flags: number): number {
    return this.#options.fib?.(request, flags, packet) ?? FIB_NOT_FORWARDED;
  }

  lockTaken(): void {
    if (this.#locks > 0) throw new LockError("another lock is held already; only one can be");
    this.#locks += 1;
  }

  lockReleased(): void {
    this.#locks -= 1;
  }

  #map(definition: MapDefinition): SimulatedMap {
    let found = this.#maps.get(definition);
    if (found === undefined) {
      if (this.#names.has(definition.name)) throw new MapError(`there are two maps named ${definition.name}`);
      found = this.#create(definition, this.#options.entries?.[definition.name] ?? definition.entries);
      this.#maps.set(definition, found);
      this.#names.set(definition.name, definition);
    }
    return found;
  }

  #create(map: MapDefinition, entries: number): SimulatedMap {
    this.#ids += 1;
    const id = this.#ids;
    if (map.kind === "ringBuffer") return { id, ...ring(map, entries) };
    if (map.inner !== undefined) {
      const { inner } = map;
      return { id, ...outer(map, entries, (count) => this.#create(inner, count ?? inner.entries)) };
    }
    const StoreClass = STORES[map.kind] ?? HashStore;
    const store = new StoreClass({ map, entries, cpus: this.cpus, timers: this.clock });
    return { id, storage: new StoreStorage(map, store, this), handle: new StoreHandle(map, store) };
  }
}

/** A new machine, with empty maps. */
export function createMachine(options: MachineOptions = {}): Machine {
  return new Machine(options);
}
