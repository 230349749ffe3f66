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
import {
  MAX_TAIL_CALLS,
  ProgramStorage,
  ProgramTable,
  type SlotProgram,
  TailCallError,
  TailCallSignal,
} from "./programs.ts";
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
  /** Hears the facts that kernel functions tell by `trace`. */
  readonly trace?: (what: string, values: readonly number[]) => void;
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
  readonly trace: MachineOptions["trace"];
  readonly #options: MachineOptions;
  readonly #random: () => number;
  readonly #maps = new Map<MapDefinition, SimulatedMap>();
  readonly #names = new Map<string, MapDefinition>();
  #cpu = 0;
  #ids = 0;
  #locks = 0;
  #redirect: Redirect | undefined;
  /** The packet of the program that runs, and how many tail calls it has made. */
  #packet: SimulatedPacket | undefined;
  #tailCalls = 0;
  /** What options are set to for the program that runs. */
  #values: Readonly<Record<string, number | boolean>>;
  readonly #signal = new TailCallSignal("a tail call was not caught: kernel functions do not catch");

  constructor(options: MachineOptions = {}) {
    this.#options = options;
    this.#values = options.options ?? {};
    this.cpus = options.cpus ?? 1;
    this.trace = options.trace;
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
   * where to; `packet.clones` are the copies that were sent. Views of the packet end with it. Tail calls are followed; then the verdict is that of the last program.
   */
  execute(program: (packet: Packet) => number, packet: SimulatedPacket): number {
    const outer = this.#packet;
    this.#redirect = undefined;
    this.#packet = packet;
    this.#tailCalls = 0;
    packet.redirected = undefined;
    packet.clones = [];
    try {
      const verdict = this.#follow({ entry: program }, packet);
      if (verdict === TC_REDIRECT) packet.redirected = this.#redirect;
      return verdict;
    } finally {
      this.#packet = outer;
      packet.revokeViews();
    }
  }

  /** Puts a program into a slot of a program array, as user space does; null empties it. Throws SystemError E2BIG. */
  setProgram(table: MapDefinition, index: number, program: SlotProgram | null): void {
    this.#programs(table).set(index, program);
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
    return this.#values[name];
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

  tailCall(packet: Packet, table: MapDefinition, index: number): void {
    if (this.#locks > 0) throw new LockError("a tail call was made while a lock is held");
    if (packet !== this.#packet) {
      throw new TailCallError("tail calls take place in machine.execute(program, packet), for its packet");
    }
    this.#packet.revokeViews();
    const program = this.#programs(table).get(index);
    if (program === undefined || this.#tailCalls >= MAX_TAIL_CALLS) return;
    this.#tailCalls += 1;
    this.#signal.program = program;
    throw this.#signal;
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

  /** Runs a program and those that it and its successors go on with. */
  #follow(first: SlotProgram, packet: SimulatedPacket): number {
    const values = this.#values;
    let program = first;
    try {
      for (;;) {
        const { entry, options } = program;
        if (options !== undefined) this.#values = { ...this.#options.options, ...options };
        try {
          return this.run(() => entry(packet));
        } catch (error) {
          if (error !== this.#signal) throw error;
          program = this.#signal.program!;
          this.#values = this.#options.options ?? {};
        }
      }
    } finally {
      this.#values = values;
    }
  }

  #programs(table: MapDefinition): ProgramTable {
    const { handle } = this.#map(table);
    if (handle instanceof ProgramTable) return handle;
    throw new TypeError(`map ${table.name} is no program array`);
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
    if (map.kind === "programArray") {
      return { id, storage: new ProgramStorage(map), handle: new ProgramTable(map, entries) };
    }
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
