/** What every MapHandle does, in the kernel and in the simulator alike. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MapDefinition } from "../map.ts";
import type { MapHandle } from "../map-handle.ts";
import {
  arrayMap,
  arrayOfMaps,
  EXIST,
  hashMap,
  hashOfMaps,
  lpmTrieMap,
  lruHashMap,
  NO_EXIST,
  perCpuArrayMap,
  perCpuHashMap,
  ringBuffer,
} from "../maps/index.ts";
import { bytes, struct, u32, u32be } from "../schema/index.ts";
import { createMachine } from "../simulator/index.ts";
import { createMap, possibleCpus } from "./index.ts";

const Key = struct("Key", { id: u32 });
const Value = struct("Value", { a: u32, rest: bytes(2) });
const Prefix = struct("Prefix", { length: u32, address: u32be });
const inner = arrayMap("inner", { value: Value, entries: 2 });

const root = process.getuid?.() === 0;
const WORLDS: { readonly [world: string]: (definition: MapDefinition) => MapHandle } = {
  kernel: (definition) => createMap(definition),
  simulator: (definition) => createMachine({ cpus: possibleCpus() }).map(definition),
};

const key = (id: number) => Uint8Array.of(id, 0, 0, 0);
const prefix = (length: number, ...address: number[]) => Uint8Array.of(length, 0, 0, 0, ...address);

function value(map: MapHandle, fill: number): Uint8Array {
  const all = new Uint8Array(map.valueSize);
  for (let cpu = 0; cpu < map.cpus; cpu++) all.fill(fill, cpu * map.stride, cpu * map.stride + 8);
  return all;
}

function outcome(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

/** Everything that one can do with elements, as a list of what came of it. */
function elements(map: MapHandle, keys: readonly Uint8Array[]): unknown[] {
  const [a, b, c] = keys as [Uint8Array, Uint8Array, Uint8Array];
  const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
  const content = () => {
    const all = map.readAll();
    const list = Array.from({ length: all.count }, (_, index) => [
      [...all.keys.slice(index * map.keySize, (index + 1) * map.keySize)],
      [...all.values.slice(index * map.valueSize, (index + 1) * map.valueSize)],
    ]);
    assert.deepEqual(
      [all.keys.length, all.values.length],
      [all.count * map.keySize, all.count * map.valueSize],
    );
    return list.map((entry) => JSON.stringify(entry)).sort();
  };
  return [
    [map.capacity, map.keySize, map.valueSize, map.stride, map.cpus],
    outcome(() => map.lookup(a)),
    outcome(() => map.update(a, value(map, 1), EXIST)),
    outcome(() => map.update(a, value(map, 2), NO_EXIST)),
    outcome(() => map.update(a, value(map, 3), NO_EXIST)),
    outcome(() => map.update(a, value(map, 4))),
    outcome(() => map.lookup(a)),
    outcome(() => map.lookup(new Uint8Array(1))),
    outcome(() => map.update(a, new Uint8Array(1))),
    outcome(() => map.update(a, value(map, 4), 99)),
    outcome(() => map.updateMany(joined(b, a), joined(value(map, 5), value(map, 6)))),
    outcome(content),
    outcome(() => map.updateMany(joined(a, b), joined(value(map, 7), value(map, 8)), EXIST)),
    outcome(content),
    outcome(() => [...map.keys()].map(String).sort()),
    outcome(() => map.delete(c)),
    outcome(() => map.deleteMany(joined(c, a))),
    outcome(() => map.delete(b)),
    outcome(content),
    outcome(() => map.memory().byteLength >= map.stride * map.capacity),
    outcome(() => map.consume(() => {})),
    outcome(() => map.createInner()),
  ];
}

const three = [key(1), key(0), key(2)];
const CASES: readonly (readonly [MapDefinition, readonly Uint8Array[]])[] = [
  [hashMap("m", { key: Key, value: Value, entries: 4 }), three],
  [hashMap("m", { key: Key, value: Value, entries: 4, preallocate: false }), three],
  [lruHashMap("m", { key: Key, value: Value, entries: 40 }), three],
  [perCpuHashMap("m", { key: Key, value: Value, entries: 4 }), three],
  [arrayMap("m", { value: Value, entries: 2 }), three],
  [arrayMap("m", { value: Value, entries: 2, mappable: true }), three],
  [perCpuArrayMap("m", { value: Value, entries: 2 }), three],
  [
    lpmTrieMap("m", { key: Prefix, value: Value, entries: 4 }),
    [prefix(8, 10, 0, 0, 0), prefix(32, 1, 2, 3, 4), prefix(24, 1, 2, 3, 0)],
  ],
  [ringBuffer("m", { bytes: 4096 }), three],
];

for (const [definition, keys] of CASES) {
  const { kind, preallocate, mappable } = definition;
  const variant = `${kind}${preallocate ? "" : " on demand"}${mappable ? " mappable" : ""}`;
  test(`${variant}: kernel and simulator agree`, { skip: root ? false : "needs root (bpf)" }, () => {
    const [kernel, simulated] = Object.values(WORLDS).map((world) => {
      const map = world(definition);
      try {
        return elements(map, keys);
      } finally {
        map.close();
      }
    });
    assert.deepEqual(simulated, kernel);
  });
}

test("full maps: kernel and simulator agree", { skip: root ? false : "needs root (bpf)" }, () => {
  const full: readonly (readonly [MapDefinition, (id: number) => Uint8Array])[] = [
    [hashMap("m", { key: Key, value: Value, entries: 3 }), key],
    [perCpuHashMap("m", { key: Key, value: Value, entries: 3 }), key],
    [arrayMap("m", { value: Value, entries: 3 }), key],
    [lpmTrieMap("m", { key: Prefix, value: Value, entries: 3 }), (id) => prefix(32, 10, 0, 0, id)],
  ];
  for (const [definition, of] of full) {
    const [kernel, simulated] = Object.values(WORLDS).map((world) => {
      const map = world(definition);
      const results = Array.from({ length: 5 }, (_, id) => outcome(() => map.update(of(id), value(map, id))));
      map.close();
      return results;
    });
    assert.deepEqual(simulated, kernel, definition.kind);
  }
});

for (const outer of [
  arrayOfMaps("m", { inner, entries: 2 }),
  hashOfMaps("m", { key: Key, inner, entries: 2 }),
] as MapDefinition[]) {
  test(`${outer.kind}: kernel and simulator agree`, { skip: root ? false : "needs root (bpf)" }, () => {
    const [kernel, simulated] = Object.values(WORLDS).map((world) => {
      const map = world(outer);
      const small = map.createInner();
      const large = map.createInner(50);
      small.update(key(1), value(small, 1));
      const results = [
        [map.keySize, map.valueSize, map.stride, map.capacity],
        [small.capacity, large.capacity],
        outcome(() => map.lookup(key(1))),
        outcome(() => map.setInner(key(1), small, EXIST)),
        outcome(() => map.setInner(key(1), small)),
        outcome(() => map.setInner(key(1), large)),
        outcome(() => map.setInner(key(1), large, NO_EXIST)),
        outcome(() => map.setInner(key(7), large)),
        outcome(() => map.lookup(key(1))?.length),
        outcome(() => map.delete(key(0))),
        outcome(() => map.delete(key(1))),
        outcome(() => map.delete(key(1))),
        outcome(() => small.lookup(key(1))),
      ];
      for (const each of [small, large, map]) each.close();
      return results;
    });
    assert.deepEqual(simulated, kernel);
  });
}
