/**
 * The proof that both worlds agree: a generated function runs in the kernel (BPF_PROG_TEST_RUN) and in the simulator
 * on the same inputs; verdict, packet, arrays and hash map must be equal to the last byte.
 */
import { compile, textSources } from "../compiler/index.ts";
import type { MapDefinition, MapHandle, Packet } from "../index.ts";
import * as bpf from "../index.ts";
import { createMap, type LoadedMap, type LoadedProgram, loadProgram } from "../loader/index.ts";
import { createMachine, type Machine, SimulatedPacket } from "../simulator/index.ts";
import { type Generated, generate } from "./generate.ts";
import { Random } from "./random.ts";
import * as world from "./world.ts";

/** An input on which the worlds differ. */
export interface Difference {
  readonly seed: number;
  readonly round: number;
  readonly what: string;
  readonly kernel: string;
  readonly simulator: string;
}

/** What a program gave. */
export interface Outcome {
  readonly cases: number;
  readonly differences: readonly Difference[];
}

const MAPS: readonly MapDefinition[] = [world.input, world.output, world.list, world.table, world.squares];
const PACKET_BYTES = 96;

/** The maps of both worlds; used for one program after the other. */
export class Worlds {
  readonly maps: ReadonlyMap<string, LoadedMap> = new Map(MAPS.map((map) => [map.name, createMap(map)]));
  readonly machine: Machine = createMachine();

  close(): void {
    for (const map of this.maps.values()) map.close();
  }
}

/** Compiles and loads the program of a seed and runs it on `rounds` inputs in both worlds. */
export async function runSeed(worlds: Worlds, seed: number, rounds: number): Promise<Outcome> {
  const generated = generate(seed);
  const simulated = evaluate(generated);
  const compiled = await compile({
    entry: { module: "fuzz", name: "entry" },
    sources: textSources(
      { fuzz: { text: withImports(generated.typescript), namespace: {} } },
      { bpf: bpf as unknown as Record<string, unknown>, world: world as unknown as Record<string, unknown> },
    ),
    name: "fuzz",
    type: "schedCls",
    license: "Dual MIT/GPL",
  });
  const program = loadProgram(compiled, worlds.maps);
  try {
    const random = new Random(seed ^ 0x5eed);
    const differences: Difference[] = [];
    for (let round = 0; round < rounds && differences.length < 3; round++) {
      const difference = compareOnce(worlds, program, simulated, random);
      if (difference !== undefined) differences.push({ seed, round, ...difference });
    }
    return { cases: rounds, differences };
  } finally {
    program.close();
  }
}

function compareOnce(
  worlds: Worlds,
  program: LoadedProgram,
  simulated: (packet: Packet) => number,
  random: Random,
): Omit<Difference, "seed" | "round"> | undefined {
  const data = randomBytes(random, PACKET_BYTES);
  const prepare = preparation(random);
  for (const definition of MAPS) {
    const kernel = worlds.maps.get(definition.name);
    if (kernel !== undefined) prepare(definition, kernel);
    prepare(definition, worlds.machine.map(definition));
  }
  const packet = new SimulatedPacket(data);
  const expected = worlds.machine.execute(simulated, packet) >>> 0;
  const { verdict, data: bytes } = program.run({ data });
  if (verdict !== expected) return { what: "verdict", kernel: String(verdict), simulator: String(expected) };
  const both = (what: string, kernel: Uint8Array, simulator: Uint8Array) =>
    Buffer.compare(kernel, simulator) === 0
      ? undefined
      : { what, kernel: hex(kernel), simulator: hex(simulator) };
  const wrong = both("packet", bytes, packet.bytes);
  if (wrong !== undefined) return wrong;
  for (const definition of [world.output, world.list]) {
    const kernel = worlds.maps.get(definition.name)!.memory();
    const simulator = worlds.machine.map(definition).memory();
    const size = Math.min(kernel.byteLength, simulator.byteLength);
    const different = both(
      definition.name,
      new Uint8Array(kernel, 0, size),
      new Uint8Array(simulator, 0, size),
    );
    if (different !== undefined) return different;
  }
  const kernel = contents(worlds.maps.get(world.table.name)!);
  const simulator = contents(worlds.machine.map(world.table));
  return kernel === simulator ? undefined : { what: world.table.name, kernel, simulator };
}

/** Fills maps with the same random contents in both worlds. */
function preparation(random: Random): (definition: MapDefinition, map: MapHandle) => void {
  const memory = new Map(
    [world.input, world.output, world.list].map((map) => [map.name, randomBytes(random, 1024)]),
  );
  const elements = Array.from({ length: random.below(4) }, () => ({
    key: Uint8Array.of(random.below(4), 0, 0, 0, 0, 0, random.below(2), 0),
    value: randomBytes(random, 24),
  }));
  return (definition, map) => {
    const bytes = memory.get(definition.name);
    if (bytes !== undefined) {
      const target = new Uint8Array(map.memory());
      target.set(bytes.subarray(0, Math.min(map.stride * map.capacity, bytes.length)));
    } else if (definition.name === world.table.name) {
      for (const key of [...map.keys()]) map.delete(key);
      for (const { key, value } of elements) map.update(key, value.subarray(0, map.valueSize));
    }
  };
}

function randomBytes(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i + 4 <= length; i += 4) view.setUint32(i, random.interesting(), true);
  return bytes;
}

/** A hash map's elements, in the order of their keys. */
function contents(map: MapHandle): string {
  return [...map.keys()]
    .map((key) => `${hex(key)}=${hex(map.lookup(key) ?? new Uint8Array())}`)
    .sort()
    .join(" ");
}

function evaluate({ javascript }: Generated): (packet: Packet) => number {
  const names = { ...bpf, ...world } as Record<string, unknown>;
  const keys = Object.keys(names);
  return new Function(...keys, `"use strict";\n${javascript}\nreturn entry;`)(
    ...keys.map((key) => names[key]),
  ) as (packet: Packet) => number;
}

const INTRINSICS =
  "make, copy, repeat, swap16, swap32, swap64, divide64, modulo64, atomicAdd, atomicFetchAdd, atomicExchange, atomicCompareExchange, type Packet, type u8, type u16, type u32, type s32, type u64";

function withImports(text: string): string {
  return `import { ${INTRINSICS} } from "bpf";\nimport { State, Value, Key, Header, input, output, list, table, squares } from "world";\n${text}`;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
