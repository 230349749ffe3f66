import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { close, MNT_DETACH, mount, umount } from "../../linux/index.ts";
import {
  ANY,
  arrayMap,
  arrayOfMaps,
  constants,
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
import { bytes, spinLock, struct, timer, u8, u16be, u32, u32be, u64 } from "../schema/index.ts";
import { countCpus } from "./cpus.ts";
import { ForeignPinError } from "./errors.ts";
import { createMap, freezeMap, mapById, mapInfo, openMap, possibleCpus, sweepPins, unpin } from "./index.ts";

const skip = process.getuid?.() === 0 ? false : "needs root (bpf)";
const directory = `/tmp/loadertest-${process.pid}`;

const Key = struct("Key", { id: u32 });
const Pair = struct("Pair", { a: u32, b: u32 });
const Big = struct("Big", { count: u64, rest: bytes(4) });

function word(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

function words(value: Uint8Array | null): number[] | null {
  return value && [...new Uint32Array(value.slice().buffer)];
}

before(() => {
  if (skip) return;
  mkdirSync(directory);
  mount("bpf", directory, "bpf", 0);
});

after(() => {
  if (skip) return;
  umount(directory, MNT_DETACH);
  rmSync(directory, { recursive: true });
});

test("CPU lists are counted", () => {
  assert.equal(countCpus("0\n"), 1);
  assert.equal(countCpus("0-3,8,10-11"), 7);
});

test("a hash: look-up, conditions, deletion, keys, full", { skip }, () => {
  using map = createMap(hashMap("loadertest", { key: Key, value: Pair, entries: 3 }));
  assert.equal(map.lookup(word(1)), null);
  map.update(word(1), word(10, 11), NO_EXIST);
  assert.deepEqual(words(map.lookup(word(1))), [10, 11]);
  assert.throws(() => map.update(word(1), word(0, 0), NO_EXIST), { code: "EEXIST" });
  assert.throws(() => map.update(word(2), word(0, 0), EXIST), { code: "ENOENT" });
  map.update(word(1), word(12, 13), EXIST);
  map.update(word(2), word(20, 21), ANY);
  assert.deepEqual([...map.keys()].map((key) => words(key)![0]).sort(), [1, 2]);
  map.update(word(3), word(0, 0));
  assert.throws(() => map.update(word(4), word(0, 0)), { code: "E2BIG", message: /the map is full/ });
  assert.equal(map.delete(word(1)), true);
  assert.equal(map.delete(word(1)), false);
  assert.throws(() => map.lookup(new Uint8Array(3)), { code: "EINVAL", message: /4 bytes, not 3/ });
  assert.throws(() => map.memory(), { code: "EOPNOTSUPP" });
});

test("100,000 elements in few calls", { skip }, () => {
  const count = 100_000;
  using map = createMap(hashMap("loadertest", { key: Key, value: Pair, entries: count, preallocate: false }));
  const keys = new Uint32Array(count);
  const values = new Uint32Array(count * 2);
  for (let index = 0; index < count; index++) {
    keys[index] = index * 7;
    values[index * 2] = index;
    values[index * 2 + 1] = ~index;
  }
  map.updateMany(new Uint8Array(keys.buffer), new Uint8Array(values.buffer));
  const all = map.readAll();
  assert.equal(all.count, count);
  const found = new Uint32Array(all.keys.buffer);
  const contents = new Uint32Array(all.values.buffer);
  const seen = new Set(found);
  assert.equal(seen.size, count);
  for (let index = 0; index < count; index++) {
    assert.equal(contents[index * 2], found[index]! / 7);
  }
  // Every other key, and as many that are not there.
  const half = keys.filter((_, index) => index % 2 === 0);
  const gone = new Uint32Array([...half.slice(0, 500), 3, ...half.slice(500), 4, 5]);
  assert.equal(map.deleteMany(new Uint8Array(gone.buffer)), count / 2);
  assert.equal(map.readAll().count, count / 2);
  assert.equal([...map.keys()].length, count / 2);
  assert.equal(map.takeAll().count, count / 2);
  assert.equal(map.readAll().count, 0);
  map.update(word(keys[1]!), word(0, 0));
  assert.throws(() => map.updateMany(word(keys[1]!), word(1, 2), NO_EXIST), { code: "EEXIST" });
  map.updateMany(new Uint8Array(0), new Uint8Array(0));
});

test("a hash that crowds into few buckets is read whole", { skip }, () => {
  using map = createMap(hashMap("loadertest", { key: Key, value: Pair, entries: 1 }));
  map.update(word(9), word(1, 2));
  assert.deepEqual(words(map.readAll().values), [1, 2]);
  using empty = createMap(hashMap("loadertest", { key: Key, value: Pair, entries: 100 }));
  assert.equal(empty.readAll().count, 0);
});

test("per-CPU values have a part for each possible CPU, each rounded up to 8 bytes", { skip }, () => {
  const cpus = possibleCpus();
  for (const map of [
    createMap(perCpuArrayMap("loadertest", { value: bytes(5), entries: 2 })),
    createMap(perCpuHashMap("loadertest", { key: Key, value: bytes(5), entries: 2 })),
  ]) {
    assert.deepEqual([map.cpus, map.stride, map.valueSize], [cpus, 8, 8 * cpus]);
    const value = Uint8Array.from({ length: 8 * cpus }, (_, index) => (index % 8 < 5 ? index + 1 : 0));
    map.update(word(1), value);
    assert.deepEqual(map.lookup(word(1)), value);
    const all = map.readAll();
    const at = words(all.keys)!.indexOf(1);
    assert.deepEqual(all.values.subarray(at * map.valueSize, (at + 1) * map.valueSize), value);
    map.close();
  }
});

test("the memory of a mappable array is the array", { skip }, () => {
  using map = createMap(arrayMap("loadertest", { value: Big, entries: 1000, mappable: true }));
  const memory = new DataView(map.memory());
  assert.equal(map.memory(), memory.buffer);
  memory.setBigUint64(999 * map.stride, 77n, true);
  const value = map.lookup(word(999))!;
  assert.equal(new DataView(value.buffer).getBigUint64(0, true), 77n);
  value[0] = 78;
  map.update(word(999), value);
  assert.equal(memory.getBigUint64(999 * map.stride, true), 78n);
  assert.throws(() => map.update(word(1000), value), { code: "E2BIG", message: /no such index/ });
  assert.throws(() => map.delete(word(1)), { code: "EINVAL" });
  assert.equal(map.readAll().count, 1000);
  map.unmapMemory();
});

test("constants hold their table, frozen", { skip }, () => {
  using map = createMap(constants("loadertest", u32, [1, 2, 0xffff_ffff]));
  assert.deepEqual(words(map.lookup(word(0))), [1, 2, 0xffff_ffff]);
  assert.throws(() => map.update(word(0), word(0, 0, 0)), { code: "EPERM", message: /constants are frozen/ });
  using wide = createMap(constants("loadertest", u64, [0x1122_3344_5566_7788n]));
  assert.deepEqual(words(wide.lookup(word(0))), [0x5566_7788, 0x1122_3344]);
  using network = createMap(constants("loadertest", u16be, [0x1234]));
  assert.deepEqual([...network.lookup(word(0))!], [0x12, 0x34]);
});

test("a frozen map takes no writes", { skip }, () => {
  using map = createMap(hashMap("loadertest", { key: Key, value: Pair, entries: 3 }));
  freezeMap(map);
  assert.throws(() => map.update(word(1), word(1, 2)), { code: "EPERM" });
});

test("a trie finds the longest prefix", { skip }, () => {
  const Prefix = struct("Prefix", { length: u32, address: u32be });
  using map = createMap(lpmTrieMap("loadertest", { key: Prefix, value: bytes(4), entries: 2 }));
  const key = (length: number, ...address: number[]) => Uint8Array.from([length, 0, 0, 0, ...address]);
  map.update(key(8, 10, 0, 0, 0), word(8));
  map.update(key(16, 10, 1, 0, 0), word(16));
  assert.deepEqual(words(map.lookup(key(32, 10, 1, 2, 3))), [16]);
  assert.deepEqual(words(map.lookup(key(32, 10, 2, 2, 3))), [8]);
  assert.equal(map.lookup(key(32, 11, 2, 2, 3)), null);
  assert.equal(map.readAll().count, 2);
  assert.throws(() => map.update(key(24, 10, 1, 1, 0), word(1)), { code: "ENOSPC", message: /full/ });
});

test("a least-recently-used hash makes room", { skip }, () => {
  using map = createMap(lruHashMap("loadertest", { key: Key, value: Pair, entries: 64 }));
  for (let index = 0; index < 1000; index++) map.update(word(index), word(index, 0));
  assert.ok(map.readAll().count <= 64);
});

test("values with a timer and a lock", { skip }, () => {
  const Timed = struct("Timed", { timer, lock: spinLock, count: u32 });
  for (const definition of [
    hashMap("loadertest", { key: Key, value: Timed, entries: 8 }),
    hashMap("loadertest", { key: Key, value: Timed, entries: 8, preallocate: false }),
    arrayMap("loadertest", { value: Timed, entries: 8 }),
  ]) {
    using map = createMap(definition);
    const value = new Uint8Array(map.valueSize).fill(0xff);
    map.update(word(1), value);
    const back = map.lookup(word(1))!;
    assert.deepEqual([...back.subarray(0, 20)], Array(20).fill(0), "timer and lock are never shown");
    assert.equal(back[20], 0xff);
  }
});

test("maps of maps: inner maps of any length", { skip }, () => {
  const inner = arrayMap("inner", { value: Pair, entries: 2 });
  for (const outer of [
    createMap(arrayOfMaps("loadertest", { inner, entries: 4 })),
    createMap(hashOfMaps("loadertest", { key: Key, inner, entries: 4 })),
  ]) {
    const large = outer.createInner(100);
    large.update(word(99), word(1, 2));
    outer.setInner(word(3), large);
    outer.setInner(word(2), outer.createInner());
    large.close();
    const again = outer.openInner(word(3))!;
    assert.equal(again.capacity, 100);
    assert.deepEqual(words(again.lookup(word(99))), [1, 2]);
    again.close();
    assert.equal(outer.openInner(word(1)), null);
    assert.equal(outer.delete(word(3)), true);
    outer.close();
  }
});

test("maps of maps: all inner arrays alike, when asked for", { skip }, () => {
  const inner = arrayMap("inner", { value: Pair, entries: 2 });
  using outer = createMap(arrayOfMaps("loadertest", { inner, entries: 4 }), { fixedInner: true });
  using right = outer.createInner();
  outer.setInner(word(0), right);
  using wrong = outer.createInner(3);
  assert.throws(() => outer.setInner(word(1), wrong), { code: "EINVAL" });
});

test("maps of hashes", { skip }, () => {
  const inner = hashMap("inner", { key: Key, value: Pair, entries: 2 });
  using outer = createMap(arrayOfMaps("loadertest", { inner, entries: 4 }));
  using large = outer.createInner(1000);
  outer.setInner(word(0), large);
  assert.equal(outer.openInner(word(0))!.capacity, 1000);
});

test("a ring buffer has no elements", { skip }, () => {
  using ring = createMap(ringBuffer("loadertest", { bytes: 4096 }));
  assert.equal(
    ring.consume(() => {}),
    0,
  );
  assert.throws(() => ring.lookup(new Uint8Array(0)), { code: "EOPNOTSUPP" });
  assert.throws(() => ring.readAll(), { code: "EOPNOTSUPP" });
});

test("a closed map says so, and a second close is harmless", { skip }, () => {
  const map = createMap(hashMap("loadertest", { key: Key, value: Pair, entries: 1 }));
  map.close();
  map.close();
  assert.throws(() => map.lookup(word(1)), /map loadertest is closed/);
});

test("what the kernel refuses names the map", { skip }, () => {
  const definition = hashMap("loadertest", { key: Key, value: Pair, entries: 0xffff_ffff });
  assert.throws(() => createMap(definition), {
    code: "E2BIG",
    message: /hash loadertest of 4294967295 elements/,
  });
});

test("pins: found again, replaced in one step, refused when foreign", { skip }, () => {
  const path = `${directory}/map`;
  const definition = hashMap("loadertest", { key: Key, value: Pair, entries: 3 });
  assert.equal(openMap(path, definition), null);
  const map = createMap(definition);
  map.update(word(5), word(6, 7));
  map.pin(path);
  assert.throws(() => map.pin(path), { code: "EEXIST" });
  const { id } = mapInfo(map.fd);
  map.close();
  {
    using again = openMap(path, definition)!;
    assert.deepEqual(words(again.lookup(word(5))), [6, 7]);
    using same = mapById(id, definition)!;
    assert.deepEqual(words(same.lookup(word(5))), [6, 7]);
  }
  const changed = hashMap("loadertest", { key: Key, value: Big, entries: 4 });
  assert.throws(
    () => openMap(path, changed),
    (error: ForeignPinError) => {
      assert.ok(error instanceof ForeignPinError);
      assert.equal(error.code, "FOREIGN_PIN");
      assert.deepEqual(error.differences, [
        { field: "value size", expected: "16", found: "8" },
        { field: "capacity", expected: "4", found: "3" },
      ]);
      assert.match(error.message, /loadertest.*value size 8 instead of 16, capacity 3 instead of 4/);
      return true;
    },
  );
  using any = openMap(path, hashMap("loadertest", { key: Key, value: Pair, entries: 9 }), {
    entries: "any",
  })!;
  assert.equal(any.capacity, 3);
  using other = createMap(definition);
  other.pin(path, { replace: true });
  using found = openMap(path, definition)!;
  assert.equal(found.lookup(word(5)), null);
  other.pin(`${path}~left`);
  assert.equal(sweepPins(directory), 1);
  assert.equal(sweepPins(directory), 0);
  assert.equal(unpin(path), true);
  assert.equal(unpin(path), false);
  assert.equal(mapById(id, definition)?.capacity, 3, "still held");
  assert.equal(mapById(0x7fff_ffff, definition), null);
});

test("a map of maps is opened from its pin with all it can do", { skip }, () => {
  const inner = arrayMap("inner", { value: Pair, entries: 2 });
  const definition = arrayOfMaps("loadertest", { inner, entries: 4 });
  const path = `${directory}/outer`;
  using first = createMap(definition);
  first.pin(path);
  using outer = openMap(path, definition)!;
  using made = outer.createInner(9);
  outer.setInner(word(1), made);
  assert.equal(first.openInner(word(1))!.capacity, 9);
});

test("descriptors are not lost", { skip }, async () => {
  const { readdirSync } = await import("node:fs");
  const before = readdirSync("/proc/self/fd").length;
  for (let round = 0; round < 20; round++) {
    const map = createMap(hashMap("loadertest", { key: Key, value: Pair, entries: 3 }));
    map.close();
    createMap(constants("loadertest", u8, [1])).close();
  }
  assert.equal(readdirSync("/proc/self/fd").length, before);
  assert.throws(() => close(12345), { code: "EBADF" });
});
