import assert from "node:assert/strict";
import { test } from "node:test";
import type { Infer } from "../index.ts";
import * as bpf from "../index.ts";

const Key = bpf.struct("Key", { id: bpf.u32, kind: bpf.u8 });
const Counter = bpf.struct("Counter", { packets: bpf.u64, id: bpf.u16be });
type Key = Infer<typeof Key>;
type Counter = Infer<typeof Counter>;
const E2BIG = -7;
const EEXIST = -17;
const ENOENT = -2;
const EINVAL = -22;

const counter = (id: number): Counter => bpf.make(Counter, { id });
const key = (id: number): Key => bpf.make(Key, { id });

test("hash: references alias the element, updates replace it, flags and fullness have their errno", () => {
  const table = bpf.hashMap("table", { key: Key, value: Counter, entries: 2 });
  bpf.createMachine().run(() => {
    assert.equal(table.lookup(key(1)), null);
    assert.equal(table.update(key(1), counter(10), bpf.EXIST), ENOENT);
    assert.equal(table.update(key(1), counter(10), bpf.NO_EXIST), 0);
    assert.equal(table.update(key(1), counter(10), bpf.NO_EXIST), EEXIST);
    assert.equal(table.update(key(1), counter(10), 9), EINVAL);
    const first = table.lookup(key(1));
    assert.ok(first);
    first.packets = 7n;
    assert.equal(table.lookup(key(1))?.packets, 7n);
    assert.equal(table.update(key(1), counter(11)), 0);
    assert.equal(first.id, 10, "an old reference keeps the old value");
    assert.equal(table.lookup(key(1))?.id, 11);
    assert.equal(table.update(key(2), counter(2)), 0);
    assert.equal(table.update(key(3), counter(3)), E2BIG);
    assert.equal(table.delete(key(1)), 0);
    assert.equal(table.delete(key(1)), ENOENT);
    assert.equal(table.update(key(3), counter(3)), 0);
    // @ts-expect-error: a counter is not a key
    assert.throws(() => table.lookup(counter(1)), { code: "ERR_SCHEMA" });
  });
});

test("hash: scalar keys are numbers and bigints", () => {
  const small = bpf.hashMap("small", { key: bpf.u16be, value: Counter, entries: 2 });
  const large = bpf.hashMap("large", { key: bpf.u64, value: Counter, entries: 2 });
  const machine = bpf.createMachine();
  machine.run(() => {
    small.update(0x102, counter(1));
    large.update(2n ** 63n, counter(2));
    assert.equal(small.lookup(0x102)?.id, 1);
    assert.equal(small.lookup(0x201), null);
    assert.equal(large.lookup(2n ** 63n)?.id, 2);
  });
  assert.deepEqual([...machine.map(small).keys()], [new Uint8Array([1, 2])]);
});

test("LRU: the least recently used element makes room; a look of user space is no use", () => {
  const table = bpf.lruHashMap("table", { key: bpf.u32, value: Counter, entries: 3 });
  const machine = bpf.createMachine();
  const there = bpf.typedMap(table, machine.map(table));
  machine.run(() => {
    for (const id of [1, 2, 3]) table.update(id, counter(id));
    table.lookup(1);
    there.get(2);
    assert.equal(table.update(4, counter(4)), 0);
    table.update(3, counter(3));
    table.update(5, counter(5));
  });
  assert.deepEqual(
    [...there.entries()].map(([id]) => id),
    [4, 3, 5],
  );
});

test("array: all elements are there, in one piece of memory that user space shares", () => {
  const table = bpf.arrayMap("table", { value: Counter, entries: 3, mappable: true });
  const machine = bpf.createMachine();
  const there = bpf.typedMap(table, machine.map(table));
  assert.equal(there.handle.stride, 16);
  machine.run(() => {
    assert.equal(table.lookup(3), null);
    assert.throws(() => table.at(3), RangeError);
    table.at(1).packets = 5n;
    assert.equal(table.update(2, counter(9)), 0);
    assert.equal(table.update(3, counter(9)), E2BIG);
    assert.equal(table.update(2, counter(9), bpf.NO_EXIST), EEXIST);
  });
  const memory = there.handle.memory();
  assert.equal(memory.byteLength, 48);
  assert.equal(new DataView(memory).getBigUint64(16, true), 5n);
  there.at(0).id = 77;
  machine.run(() => assert.equal(table.lookup(0)?.id, 77));
  assert.deepEqual([...there.entries()].at(-1), [2, { packets: 0n, id: 9 }]);
  assert.throws(() => there.delete(0), { code: "EINVAL" });
});

test("per-CPU maps: kernel functions see their CPU's value, user space all", () => {
  const hash = bpf.perCpuHashMap("hash", { key: bpf.u32, value: Counter, entries: 2 });
  const array = bpf.perCpuArrayMap("array", { value: Counter, entries: 2 });
  const machine = bpf.createMachine({ cpus: 3 });
  machine.cpu = 1;
  machine.run(() => {
    hash.update(8, counter(11));
    hash.lookupOn(8, 2)!.packets = 2n;
    array.lookup(1)!.packets = 4n;
    assert.equal(array.lookupOn(1, 0)?.packets, 0n);
    assert.equal(array.lookupOn(1, 3), null);
    assert.equal(hash.lookup(9), null);
  });
  const inHash = bpf.typedMap(hash, machine.map(hash));
  const inArray = bpf.typedMap(array, machine.map(array));
  assert.deepEqual(inHash.getCpus(8), [
    { packets: 0n, id: 0 },
    { packets: 0n, id: 11 },
    { packets: 2n, id: 0 },
  ]);
  assert.deepEqual(
    inArray.getCpus(1)?.map(({ packets }) => packets),
    [0n, 4n, 0n],
  );
  inHash.set(8, { id: 5 });
  assert.deepEqual(
    [...inHash.entriesCpus()][0]?.[1].map(({ id }) => id),
    [5, 5, 5],
  );
  machine.run(() => assert.equal(hash.lookup(8)?.id, 5));
  machine.cpu = 0;
  machine.run(() => assert.equal(array.lookup(1)?.packets, 0n));
});

test("LPM trie: the longest prefix wins, up to the length asked for", () => {
  const Prefix = bpf.struct("Prefix", { length: bpf.u32, address: bpf.ipv4 });
  const routes = bpf.lpmTrieMap("routes", { key: Prefix, value: Counter, entries: 4 });
  const prefix = (length: number, address: number) => bpf.make(Prefix, { length, address });
  bpf.createMachine().run(() => {
    const host = prefix(32, 0x0a010203);
    assert.equal(routes.lookup(host), null);
    routes.update(prefix(0, 0), counter(1));
    routes.update(prefix(8, 0x0a000000), counter(2));
    routes.update(prefix(15, 0x0a000000), counter(3));
    assert.equal(routes.lookup(host)?.id, 3);
    assert.equal(routes.lookup(prefix(12, 0x0a010203))?.id, 2);
    assert.equal(routes.lookup(prefix(32, 0x0a020000))?.id, 2);
    assert.equal(routes.lookup(prefix(32, 0x0b000000))?.id, 1);
    assert.equal(routes.update(prefix(33, 0), counter(1)), EINVAL);
    assert.equal(routes.update(prefix(15, 0x0a010000), counter(4), bpf.NO_EXIST), EEXIST);
    assert.equal(routes.update(prefix(32, 1), counter(4)), 0);
    assert.equal(routes.update(prefix(32, 2), counter(4)), -28);
    assert.equal(routes.delete(prefix(9, 0x0a000000)), ENOENT);
    assert.equal(routes.delete(prefix(8, 0x0aff0000)), 0);
    assert.equal(routes.lookup(prefix(32, 0x0a020000))?.id, 1);
  });
});

test("ring buffer: records in order, none when full", () => {
  const events = bpf.ringBuffer("events", { bytes: 4096 });
  const machine = bpf.createMachine();
  const results = machine.run(() => {
    const event = counter(0);
    return Array.from({ length: 200 }, (_, i) => {
      event.id = i;
      return events.output(event, 0);
    });
  });
  const fitting = results.filter((result) => result === 0).length;
  assert.equal(fitting, 170);
  assert.equal(results.at(-1), -11);
  const ids: number[] = [];
  assert.equal(
    machine.map(events).consume((record) => ids.push(bpf.decode(Counter, record).id)),
    170,
  );
  assert.deepEqual(ids.slice(0, 3), [0, 1, 2]);
  assert.equal(
    machine.map(events).consume(() => {}),
    0,
  );
  assert.throws(() => machine.map(events).lookup(new Uint8Array(0)), { code: "EOPNOTSUPP" });
});

test("maps of maps: user space puts inner maps in, kernel functions find them", () => {
  const inner = bpf.arrayMap("inner", { value: Counter, entries: 2 });
  const byIndex = bpf.arrayOfMaps("by_index", { inner, entries: 2 });
  const byKey = bpf.hashOfMaps("by_key", { key: Key, inner, entries: 1 });
  const machine = bpf.createMachine();
  const outer = machine.map(byIndex);
  const large = outer.createInner(5);
  const index = bpf.encode(bpf.u32, 1);
  outer.setInner(index, large);
  bpf.typedMap(inner, large).set(4, { id: 44 });
  machine.run(() => {
    assert.equal(byIndex.lookupMap(0), null);
    const found = byIndex.lookupMap(1);
    assert.ok(found);
    assert.equal(found.lookup(4)?.id, 44);
    assert.equal(inner.lookup(0)?.id, 0, "the template is a map of its own");
    found.lookup(0)!.packets = 3n;
    assert.equal(byKey.lookupMap(key(1)), null);
  });
  assert.equal(bpf.typedMap(inner, large).get(0)?.packets, 3n);
  assert.throws(() => outer.setInner(bpf.encode(bpf.u32, 2), large), { code: "E2BIG" });
  assert.throws(() => outer.setInner(index, machine.map(inner)), { code: "EINVAL" });
  const keyed = machine.map(byKey);
  keyed.setInner(bpf.encode(Key, { id: 1 }), keyed.createInner());
  machine.run(() => assert.equal(byKey.lookupMap(key(1))?.update(1, counter(1)), 0));
  assert.throws(() => keyed.setInner(bpf.encode(Key, { id: 2 }), keyed.createInner()), { code: "E2BIG" });
  assert.equal(outer.lookup(index)?.length, 4);
  assert.equal(keyed.delete(bpf.encode(Key, { id: 1 })), true);
  assert.deepEqual([...keyed.keys()], []);
});

test("constants: the table in kernel functions, frozen memory in user space", () => {
  const table = bpf.constants("table", bpf.u16, [1, 2, 65535]);
  const wide = bpf.constants("wide", bpf.u64, [1n]);
  const machine = bpf.createMachine();
  assert.deepEqual([table.at(2), table.at(3), wide.at(1)], [65535, 0, 0n]);
  const handle = machine.map(table);
  assert.deepEqual(bpf.typedMap(table, handle).get(0), [1, 2, 65535]);
  assert.throws(() => handle.update(new Uint8Array(4), new Uint8Array(6)), { code: "EPERM" });
  assert.throws(() => bpf.constants("bad", bpf.u8, [256]), { code: "ERR_MAP_DEFINITION" });
});

test("forEach and repeat count their calls and stop at 1", () => {
  const table = bpf.hashMap("table", { key: bpf.u32, value: Counter, entries: 10 });
  const sum = bpf.make(Counter);
  bpf.createMachine().run(() => {
    for (const id of [1, 2, 3, 4]) table.update(id, counter(id));
    const add = (id: number, value: Counter, into: Counter) => {
      into.packets += BigInt(id * value.id);
      table.delete(2);
      return id === 3 ? 1 : 0;
    };
    assert.equal(bpf.forEach(table, add, sum), 2);
    assert.equal(sum.packets, 10n);
    const count = (i: number, into: Counter) => {
      into.id = i;
      return 0;
    };
    assert.equal(bpf.repeat(5, count, sum), 5);
    assert.equal(sum.id, 4);
    assert.equal(bpf.repeat(2 ** 23 + 1, count, sum), E2BIG);
    assert.equal(
      bpf.repeat(5, (i) => (i === 1 ? 1 : 0), sum),
      2,
    );
  });
});

test("handles: batches, flags and sizes as in the system calls", () => {
  const table = bpf.hashMap("table", { key: bpf.u32, value: Counter, entries: 4 });
  const handle = bpf.createMachine().map(table);
  const typed = bpf.typedMap(table, handle);
  typed.setMany([1, 2, 3, 4].map((id) => [id, { id }]));
  assert.equal(handle.readAll().count, 4);
  assert.throws(() => typed.set(5, {}), { code: "E2BIG", syscall: "BPF_MAP_UPDATE_ELEM" });
  assert.throws(() => typed.set(1, {}, bpf.NO_EXIST), { code: "EEXIST" });
  assert.throws(() => typed.set(6, {}, bpf.EXIST), { code: "ENOENT" });
  assert.throws(() => handle.lookup(new Uint8Array(3)), { code: "EINVAL" });
  assert.throws(() => handle.updateMany(new Uint8Array(8), new Uint8Array(8)), { code: "EINVAL" });
  const keys = new Uint8Array(Uint32Array.of(1, 9, 4).buffer);
  assert.equal(handle.deleteMany(keys), 2);
  assert.deepEqual(
    [...typed.entries()].map(([id]) => id),
    [2, 3],
  );
  assert.equal(typed.delete(9), false);
  assert.throws(() => handle.memory(), { code: "EOPNOTSUPP" });
});
