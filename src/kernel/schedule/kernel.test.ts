/**
 * Every scheduler in the kernel and in the simulator: the same questions, one by one, with the same answers and the same memory in
 * the end, while loads, thresholds and weights change at random.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { compile } from "../../bpf/compiler/index.ts";
import { decode, encode, type MapDefinition, SimulatedPacket } from "../../bpf/index.ts";
import { createMap, type LoadedMap, type LoadedProgram, loadProgram } from "../../bpf/loader/index.ts";
import {
  buckets,
  destinationTable,
  LocalitySet,
  localities,
  localitySets,
  members,
  pools,
  pressure,
  Service,
  serviceTable,
  settings,
} from "../tables.ts";
import { TestDirector } from "../testing/director.ts";
import { randomNumbers } from "../testing/mutate.ts";
import { SCHEDULERS } from "../testing/service-settings.ts";
import { chooseForPacket, Question } from "./testing/choose-entry.ts";

const VIRTUAL = "192.0.2.1:80";
const SERVERS = 7;
/** Changes of the configuration for each scheduler, and questions after each. */
const EDITS = 24;
const QUESTIONS = 40;
const ENTRIES: Readonly<Record<string, number>> = {
  service_table: 64,
  pools: 128,
  members: 512,
  buckets: 16_384,
  destinations: 128,
  counters: 128,
  estimates: 128,
};
const SHARED: readonly MapDefinition[] = [
  ...[settings, serviceTable, pools, members, buckets, destinationTable, pressure],
];

const skip = process.getuid?.() === 0 ? false : "loading programs into the kernel needs root";
const maps = new Map<string, LoadedMap>();
let program: LoadedProgram;

before(async () => {
  if (skip !== false) return;
  const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const compiled = await compile({
    entry: {
      module: new URL(`./testing/choose-entry.${suffix}`, import.meta.url).href,
      name: "chooseForPacket",
    },
    options: { cpus: 1 },
    name: "choose",
    type: "schedCls",
    license: "Dual MIT/GPL",
  });
  for (const map of compiled.maps) {
    const entries = ENTRIES[map.name];
    maps.set(map.name, createMap(map, entries === undefined ? {} : { entries }));
  }
  program = loadProgram(compiled, maps);
});

after(() => {
  program?.close();
  for (const map of maps.values()) map.close();
});

class Comparison {
  readonly director = new TestDirector({ entries: ENTRIES });
  readonly #random: (limit: number) => number;
  readonly #slots: number[];

  constructor(scheduler: string, random: (limit: number) => number) {
    this.#random = random;
    const { configuration, machine } = this.director;
    configuration.addService("tcp", VIRTUAL, scheduler, { flags: random(4) });
    this.#slots = Array.from({ length: SERVERS }, (_, i) =>
      configuration.addServer("tcp", VIRTUAL, this.#name(i), { weight: random(6), upper: 1000 }),
    );
    // A run of its own, the same in both, for those that would draw one.
    if (scheduler.startsWith("lblc")) {
      machine.run(() => {
        serviceTable.lookup(1)!.cursor = (1n << 32n) | BigInt(random(0x7fffffff) + 1);
      });
    }
  }

  #name(i: number): string {
    return `10.0.0.${i + 1}:80`;
  }

  /** Changes a weight, takes a server away and puts it back, or changes loads. */
  edit(): void {
    const random = this.#random;
    const { configuration, machine } = this.director;
    const name = this.#name(random(SERVERS));
    const kind = random(4);
    if (kind === 0) configuration.editServer("tcp", VIRTUAL, name, { weight: random(6), upper: 1000 });
    if (kind === 1) {
      configuration.deleteServer("tcp", VIRTUAL, name);
      configuration.addServer("tcp", VIRTUAL, name, { weight: random(6), upper: 1000 });
    }
    machine.run(() => {
      for (const slot of this.#slots) {
        const server = destinationTable.lookup(slot)!;
        server.active = random(9);
        server.inactive = random(600);
        server.overloaded = random(6) === 0 ? 1000 : 0;
      }
    });
    for (const map of SHARED) {
      const { keys, values } = machine.map(map).readAll();
      maps.get(map.name)?.updateMany(keys, values);
    }
  }

  question(): Uint8Array {
    const random = this.#random;
    return encode(Question, {
      ethernet: [0, 0, 0, 0, 0, 0, 0x88b5],
      service: 1,
      source: 0x0a000000 + random(1 << 24),
      destination: 0xc0000200 + random(6),
      port: random(65_536),
      reserved: 0,
    });
  }

  simulated(bytes: Uint8Array): number {
    return this.director.machine.execute(chooseForPacket, new SimulatedPacket(bytes));
  }

  /** Scheduler's memory in both. */
  compareMemory(): void {
    const here = decode(
      Service,
      this.director.machine.map(serviceTable).readAll().values.subarray(Service.size),
    );
    const there = decode(Service, maps.get(serviceTable.name)!.readAll().values.subarray(Service.size));
    assert.deepEqual(there, here);
    for (const map of [localities, localitySets]) {
      const sorted = (handle: { lookup(key: Uint8Array): Uint8Array | null }) => {
        const { keys } = this.director.machine.map(map).readAll();
        const size = map.key.size;
        return Array.from({ length: keys.length / size }, (_, i) => {
          const value = handle.lookup(keys.subarray(i * size, (i + 1) * size));
          assert.ok(value !== null);
          if (map !== localitySets) return Buffer.from(value).toString("hex");
          const { servers, ...rest } = decode(LocalitySet, value);
          return JSON.stringify({ ...rest, servers: servers.slice(0, rest.count) });
        });
      };
      assert.deepEqual(sorted(maps.get(map.name)!), sorted(this.director.machine.map(map)));
    }
  }
}

for (const scheduler of Object.keys(SCHEDULERS)) {
  test(`${scheduler}: kernel and simulator choose alike`, { skip }, () => {
    const comparison = new Comparison(scheduler, randomNumbers(SCHEDULERS[scheduler]!));
    let chosen = 0;
    for (let edit = 0; edit < EDITS; edit++) {
      comparison.edit();
      for (let i = 0; i < QUESTIONS; i++) {
        const bytes = comparison.question();
        const here = comparison.simulated(bytes);
        const there = program.run({ data: bytes }).verdict;
        if (here !== 0) chosen += 1;
        // Two random choices are random in each.
        if (scheduler === "twos") assert.equal(there === 0, here === 0, `edit ${edit}, question ${i}`);
        else assert.equal(there, here, `edit ${edit}, question ${i}`);
      }
    }
    assert.ok(chosen > EDITS * QUESTIONS * 0.3, `only ${chosen} were chosen`);
    comparison.compareMemory();
  });
}
