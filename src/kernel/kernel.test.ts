/**
 * The datapath in the kernel and in the simulator: the same packets, one by one through both, with the same verdicts, the
 * same bytes and the same memory in the end. There are no routes, so what would be sent goes up the stack translated.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compile } from "../bpf/compiler/index.ts";
import {
  decode,
  type MapDefinition,
  type MapHandle,
  type Plain,
  type Schema,
  TC_REDIRECT,
} from "../bpf/index.ts";
import { createMap, type LoadedMap, type LoadedProgram, loadProgram } from "../bpf/loader/index.ts";
import { createNetworkNamespace, deleteNetworkNamespace, inNetworkNamespace } from "../linux/index.ts";
import { PROGRAMS } from "./programs.ts";
import {
  Connection,
  Counters,
  connectionTable,
  counters,
  Destination,
  destinationTable,
  Events,
  events,
  FlowBucket,
  flows,
  members,
  PROGRAM_IPV4,
  pools,
  pressure,
  programs,
  Service,
  scratch,
  servers,
  services,
  serviceTable,
  settings,
} from "./tables.ts";
import { TestDirector } from "./testing/director.ts";
import { mutated, randomNumbers, SERVER, samples, VIRTUAL } from "./testing/mutate.ts";

const ROUNDS = 8000;
const FIRST = new Uint8Array(4);
const LIMIT = 4096;
const ENTRIES: Readonly<Record<string, number>> = {
  services: 64,
  service_table: 64,
  pools: 128,
  members: 8192,
  destinations: 128,
  counters: 128,
  estimates: 128,
  connections: LIMIT,
  due: LIMIT,
  flows: LIMIT,
  wide: LIMIT,
  servers: 64,
};
const CONFIGURED: readonly MapDefinition[] = [
  settings,
  services,
  serviceTable,
  pools,
  members,
  destinationTable,
  servers,
  pressure,
];

const skip = process.getuid?.() === 0 ? false : "loading programs into the kernel needs root";

function configured(): TestDirector {
  const director = new TestDirector({ connectionLimit: LIMIT, entries: ENTRIES, forwarding: false });
  for (const [protocol, scheduler] of [["tcp", "wlc"] as const, ["udp", "wrr"] as const]) {
    director.configuration.addService(protocol, VIRTUAL, scheduler);
    director.configuration.addServer(protocol, VIRTUAL, "10.0.0.2:80", { weight: 3, upper: 5 });
    director.configuration.addServer(protocol, VIRTUAL, SERVER, { weight: 2 });
    director.configuration.addService(protocol, "192.0.2.1:9", "rr");
  }
  return director;
}

async function load(
  director: TestDirector,
): Promise<{ program: LoadedProgram; maps: Map<string, LoadedMap> }> {
  const module = new URL(import.meta.url.endsWith(".ts") ? "./ingress.ts" : "./ingress.js", import.meta.url);
  const all: { readonly slot: number; readonly compiled: Awaited<ReturnType<typeof compile>> }[] = [];
  for (const { slot, options } of PROGRAMS) {
    const compiled = await compile({
      entry: { module: module.href, name: "ingress" },
      options: { cpus: 1, ...options },
      name: "ingress",
      type: "schedCls",
      license: "Dual MIT/GPL",
    });
    all.push({ slot, compiled });
  }
  const maps = new Map<string, LoadedMap>();
  for (const map of all.flatMap(({ compiled }) => compiled.maps)) {
    if (maps.has(map.name)) continue;
    const entries = ENTRIES[map.name];
    maps.set(map.name, createMap(map, entries === undefined ? {} : { entries }));
  }
  for (const map of CONFIGURED) {
    const { keys, values } = director.machine.map(map).readAll();
    maps.get(map.name)?.updateMany(keys, values);
  }
  let program: LoadedProgram | undefined;
  for (const { slot, compiled } of all) {
    const loaded = loadProgram(compiled, maps);
    maps.get(programs.name)!.setProgram(slot, loaded);
    if (slot === PROGRAM_IPV4) program = loaded;
    else loaded.close();
  }
  return { program: program!, maps };
}

/** The identification and checksum of the director's own packets are random. */
function withoutRandom(bytes: Uint8Array, verdict: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  if (verdict === TC_REDIRECT) copy.fill(0, 18, 20).fill(0, 24, 26);
  return copy;
}

type Elements = Pick<MapHandle, "readAll" | "keySize" | "valueSize" | "cpus" | "stride">;

/** The elements of a map, as values of `schema`; per-CPU values one by one. */
function valuesOf<S extends Schema>(schema: S, handle: Elements): Plain<S>[] {
  const { values } = handle.readAll();
  const step = handle.cpus > 1 || handle.valueSize === handle.stride ? handle.stride : handle.valueSize;
  const list: Plain<S>[] = [];
  for (let at = 0; at < values.length; at += step)
    list.push(decode(schema, values.subarray(at, at + schema.size)));
  return list;
}

/** The sums, over all elements and CPUs, of numbers. */
function sums(list: readonly object[]): Record<string, bigint> {
  const total: Record<string, bigint> = {};
  for (const each of list) {
    for (const [name, value] of Object.entries(each))
      total[name] = (total[name] ?? 0n) + BigInt(value as bigint);
  }
  return total;
}

/** How many words of the flow table are taken. Which they are depends on the CPU that a test ran on. */
function wordsOf(handle: Elements): number {
  const ways = valuesOf(FlowBucket, handle).flatMap((bucket) => [...bucket.ways]);
  return ways.filter(({ word }) => word !== 0).length;
}

/** Connections, without what depends on the time and the slot. */
function connectionsOf(handle: Elements): string[] {
  return valuesOf(Connection, handle)
    .map(({ expires, hop, state, ...rest }) => JSON.stringify({ ...rest, state: state & 0xffff }))
    .sort();
}

test(`${ROUNDS} packets: kernel and simulator agree`, { skip }, async () => {
  const director = configured();
  const { program, maps } = await load(director);
  const name = `kernel-test-${process.pid}`;
  createNetworkNamespace(name);
  const originals = samples();
  const random = randomNumbers(3);
  try {
    inNetworkNamespace(name, () => {
      for (let round = 0; round < ROUNDS; round++) {
        const bytes = mutated(originals[random(originals.length)]!.bytes, random);
        // Test runs refuse packets that are too short for what their type says.
        if (bytes.length < (bytes[12] === 0x86 ? 54 : 34)) continue;
        // The address of the loopback interface, at which the kernel runs it.
        bytes.fill(0, 0, 6);
        // Time stands still, so that the limit of ICMP errors in a tick would be reached.
        director.machine.map(scratch).update(FIRST, new Uint8Array(director.machine.map(scratch).valueSize));
        maps.get(scratch.name)!.update(FIRST, new Uint8Array(maps.get(scratch.name)!.valueSize));
        const simulated = director.receive(bytes, { ifindex: 1 });
        const real = program.run({ data: bytes, context: { ifindex: 1 } });
        const what = `round ${round}: ${Buffer.from(bytes).toString("hex")}`;
        assert.equal(real.verdict, simulated.verdict, what);
        assert.equal(
          Buffer.from(withoutRandom(real.data, real.verdict)).toString("hex"),
          Buffer.from(withoutRandom(simulated.packet.bytes, simulated.verdict)).toString("hex"),
          what,
        );
      }
    });
    const both = <T>(map: MapDefinition, read: (handle: Elements) => T) =>
      assert.deepEqual(read(maps.get(map.name)!), read(director.machine.map(map)), map.name);
    both(flows, wordsOf);
    both(connectionTable, connectionsOf);
    both(serviceTable, (handle) => valuesOf(Service, handle));
    both(destinationTable, (handle) => valuesOf(Destination, handle).map(({ hop, ...rest }) => rest));
    both(counters, (handle) => sums(valuesOf(Counters, handle)));
    both(events, (handle) => sums(valuesOf(Events, handle)));
  } finally {
    deleteNetworkNamespace(name);
    program.close();
    for (const map of maps.values()) map.close();
  }
});
