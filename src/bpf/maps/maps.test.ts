import assert from "node:assert/strict";
import { test } from "node:test";
import * as bpf from "../index.ts";

const Key = bpf.struct("Key", { id: bpf.u32 });
const Value = bpf.struct("Value", { id: bpf.u32 });
const Timed = bpf.struct("Timed", { id: bpf.u32, timer: bpf.timer });
const Guarded = bpf.struct("Guarded", { id: bpf.u32, guard: bpf.spinLock });
const shape = { key: Key, value: Value, entries: 1 };

function refused(make: () => unknown, message: RegExp): void {
  assert.throws(make, (error: unknown) => {
    assert.ok(error instanceof bpf.MapError);
    assert.equal(error.code, "ERR_MAP_DEFINITION");
    assert.match(error.message, message);
    return true;
  });
}

test("definitions carry what a loader needs", () => {
  const lru = bpf.lruHashMap("conns", { key: Key, value: Timed, entries: 8 });
  assert.ok(bpf.isMap(lru));
  assert.deepEqual(
    [lru.kind, lru.name, lru.key, lru.value, lru.entries, lru.preallocate, lru.mappable],
    ["lruHash", "conns", Key, Timed, 8, true, false],
  );
  assert.equal(bpf.hashMap("h", { ...shape, preallocate: false }).preallocate, false);
  assert.equal(bpf.arrayMap("a", { value: Value, entries: 1, mappable: true }).mappable, true);
  assert.equal(bpf.arrayMap("a", { value: Value, entries: 1 }).key, bpf.u32);
  const ring = bpf.ringBuffer("r", { bytes: 8192 });
  assert.deepEqual([ring.entries, ring.key.size, ring.value.size], [8192, 0, 0]);
  const table = bpf.constants("c", bpf.u16, [1, 2, 3]);
  assert.deepEqual([table.entries, table.value.size, table.values], [1, 6, [1, 2, 3]]);
  assert.equal(bpf.arrayOfMaps("o", { inner: lru, entries: 2 }).inner, lru);
  const Prefix = bpf.struct("Prefix", { length: bpf.u32, address: bpf.ipv4 });
  assert.equal(bpf.lpmTrieMap("l", { key: Prefix, value: Value, entries: 1 }).preallocate, false);
});

test("what no kernel would accept is refused, with the reason", () => {
  refused(() => bpf.hashMap("a name", shape), /1 to 15 letters/);
  refused(() => bpf.hashMap("sixteen_letters_", shape), /1 to 15 letters/);
  refused(() => bpf.hashMap("h", { ...shape, entries: 0 }), /from 1 to 2\^32 - 1/);
  refused(() => bpf.hashMap("h", { ...shape, value: bpf.u32 }), /struct or an array/);
  refused(() => bpf.ringBuffer("r", { bytes: 5000 }), /power of two/);
  refused(() => bpf.perCpuHashMap("h", { ...shape, value: Timed }), /not in perCpuHash/);
  refused(() => bpf.lruHashMap("h", { ...shape, value: Guarded }), /not in lruHash/);
  refused(() => bpf.hashMap("h", { ...shape, key: Timed }), /cannot be part of a key/);
  refused(() => bpf.arrayMap("a", { value: Timed, entries: 1, mappable: true }), /mapped by user space/);
  const Two = bpf.struct("Two", { a: bpf.timer, b: bpf.timer });
  refused(() => bpf.hashMap("h", { ...shape, value: Two }), /only one timer/);
  const Nested = bpf.struct("Nested", { inner: Timed });
  refused(() => bpf.hashMap("h", { ...shape, value: Nested }), /a field of the value itself/);
  refused(() => bpf.lpmTrieMap("l", { key: Key, value: Value, entries: 1 }), /prefix length/);
  const ring = bpf.ringBuffer("r", { bytes: 4096 });
  refused(() => bpf.arrayOfMaps("o", { inner: ring, entries: 1 }), /cannot be an inner map/);
  refused(() => bpf.constants("c", bpf.u8, []), /no values/);
});
