/**
 * The datapath in the kernel for fuzzing: its memory is mapped here, so that it can be made as it was at the start, its time can
 * be set, and its tables can be looked through.
 */
import { compile } from "../../bpf/compiler/index.ts";
import type { MapDefinition } from "../../bpf/index.ts";
import { createMap, type LoadedProgram, loadProgram } from "../../bpf/loader/index.ts";
import { findSysctl } from "../sysctls.ts";
import {
  allocator,
  callIds,
  clientHops,
  connectionTable,
  counters,
  Destination,
  datagrams,
  destinationTable,
  due,
  events,
  flows,
  heldFragments,
  localities,
  localitySets,
  pressure,
  proxied,
  Settings,
  scratch,
  serviceTable,
  settings,
  ticker,
  wide,
} from "../tables.ts";
import type { TestDirector } from "../testing/director.ts";
import { compilePrograms, KernelDirector } from "../testing/kernel-director.ts";
import { FastRunner } from "./fast-run.ts";
import { ENTRIES } from "./scene.ts";

export type Compiled = {
  readonly programs: Awaited<ReturnType<typeof compilePrograms>>;
  readonly sweeper: Awaited<ReturnType<typeof compile>>;
};

/** Runtime maps that are empty at the start and can be mapped; those that cannot. */
const EMPTIED: readonly MapDefinition[] = [connectionTable, wide, due, flows, proxied, callIds];
const ZEROED: readonly MapDefinition[] = [
  scratch,
  allocator,
  events,
  counters,
  heldFragments,
  ticker,
  clientHops,
];
const TAKEN: readonly MapDefinition[] = [datagrams, localities, localitySets];
/** Maps that hold configuration and runtime. */
const KEPT: readonly MapDefinition[] = [destinationTable, serviceTable, settings, pressure];

/** The tick at which every batch begins. */
const START = 1000;
const NOW = 2;
const DEFENCE = 4;
/** Bytes of an element of `destinations`. */
const STRIDE = Math.ceil(Destination.size / 8) * 8;
const FIRST = new Uint8Array(4);
/** Sweeps that make a circle. */
const CIRCLE = 9;

/** The programs, and the one that moves time on. */
export async function compileAll(): Promise<Compiled> {
  const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const sweeper = await compile({
    entry: { module: new URL(`./entries.${suffix}`, import.meta.url).href, name: "sweepOnce" },
    options: { cpus: 1 },
    name: "sweep",
    type: "schedCls",
    license: "Dual MIT/GPL",
  });
  return { programs: await compilePrograms(), sweeper };
}

export class World {
  readonly director: KernelDirector;
  readonly #sweeper: LoadedProgram;
  readonly #sweep: FastRunner;
  readonly #memories: Map<string, Uint8Array>;
  readonly #kept = new Map<string, Uint8Array>();
  /** What maps that cannot be mapped are emptied with. */
  readonly #zeroes = new Map<string, { keys: Uint8Array; values: Uint8Array }>();
  readonly #pressure: Uint32Array;
  readonly #settings: Uint32Array;
  readonly #frame = new Uint8Array(128);

  constructor(compiled: Compiled, simulated: TestDirector) {
    this.director = new KernelDirector(compiled.programs, ENTRIES);
    const { maps } = this.director;
    for (const map of compiled.sweeper.maps) {
      if (maps.has(map.name)) continue;
      const entries = ENTRIES[map.name];
      maps.set(map.name, createMap(map, entries === undefined ? {} : { entries }));
    }
    this.#sweeper = loadProgram(compiled.sweeper, maps);
    this.#sweep = new FastRunner(this.#sweeper, this.#frame);
    this.director.configureAs(simulated);
    this.#memories = new Map(
      [...EMPTIED, ...KEPT].map((map) => [map.name, new Uint8Array(this.director.map(map).memory())]),
    );
    for (const { name } of KEPT) this.#kept.set(name, this.#memories.get(name)!.slice());
    for (const { name } of ZEROED) {
      const { keys, values } = maps.get(name)!.readAll();
      this.#zeroes.set(name, { keys, values: new Uint8Array(values.length) });
    }
    this.#pressure = this.words(pressure);
    this.#settings = this.words(settings);
  }

  /** The memory of a map as words. */
  words(map: MapDefinition): Uint32Array {
    const { buffer, byteOffset, byteLength } = this.#memories.get(map.name)!;
    return new Uint32Array(buffer, byteOffset, byteLength >>> 2);
  }

  /** Makes everything as it was at the start. */
  reset(): void {
    for (const { name } of EMPTIED) this.#memories.get(name)!.fill(0);
    for (const [name, bytes] of this.#kept) this.#memories.get(name)!.set(bytes);
    for (const [name, { keys, values }] of this.#zeroes)
      this.director.maps.get(name)!.updateMany(keys, values);
    for (const { name } of TAKEN) this.director.maps.get(name)!.takeAll();
    this.#pressure[NOW] = START;
  }

  get now(): number {
    return this.#pressure[NOW]!;
  }

  /** Limits the connections, to LIMIT at most. Before the first packet only. */
  set connectionLimit(limit: number) {
    this.#settings[Settings.field.connectionLimit.offset / 4] = limit;
  }

  /** Which defences are on: DEFENCE_* (tables.ts). */
  set defence(bits: number) {
    this.#pressure[DEFENCE] = bits;
  }

  /** Makes a server come back, or go. */
  setAvailable(slot: number, isAvailable: boolean): void {
    const bytes = this.#memories.get(destinationTable.name)!;
    bytes[slot * STRIDE + Destination.field.available.offset] = isAvailable ? 1 : 0;
  }

  setSysctl(name: string, value: number): void {
    this.#settings[Settings.field.sysctls.offset / 4 + findSysctl(name)!.index] = value;
  }

  /** Sets the time, and lets the sweeper do one tick's share. */
  tickAt(now: number): void {
    this.#pressure[NOW] = now;
    const errno = this.#sweep.run(64, 1, 0);
    if (errno !== 0) throw new Error(`the sweeper cannot be run: error ${errno}`);
  }

  /** Takes over the configuration, the time and the seed of a director of the simulator. */
  follow(simulated: TestDirector): void {
    this.director.configureAs(simulated);
  }

  /** Forgets what a program notes for the packet in hand, and how many ICMP errors it sent in this tick. */
  forgetScratch(): void {
    const { keys, values } = this.#zeroes.get(scratch.name)!;
    this.director.map(scratch).updateMany(keys, values);
  }

  /** Lets every CPU look for the next free slot where that director's only one would: so the sweeper comes by connections in the same ticks. */
  allocateAs(simulated: TestDirector): void {
    const handle = this.director.map(allocator);
    const mine = simulated.machine.map(allocator).lookup(FIRST)!;
    const values = new Uint8Array(handle.valueSize);
    for (let at = 0; at < values.length; at += handle.stride) values.set(mine, at);
    handle.update(FIRST, values);
  }

  /** Lets ticks pass, and then the sweeper go round once. */
  pass(ticks: number): void {
    this.#pressure[NOW] = this.now + ticks;
    for (let i = 0; i < CIRCLE; i++) this.tickAt(this.now);
  }

  close(): void {
    this.#sweeper.close();
    this.director.close();
  }
}
