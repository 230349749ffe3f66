import assert from "node:assert/strict";
import { test } from "node:test";
import { make } from "../bpf/index.ts";
import {
  ABSENT,
  connectionOf,
  directionOf,
  findFlow,
  hashOf,
  hashWith,
  IN_FRONT,
  IN_ITS_PLACE,
  insertFlow,
  putInFront,
  removeFlow,
  wordOf,
} from "./flow.ts";
import {
  connectionTable,
  FlowKey,
  FROM_CLIENT,
  FROM_SERVER,
  flows,
  PROTOCOL_UDP,
  pressure,
} from "./tables.ts";
import { TestDirector } from "./testing/director.ts";

/** A client's flow; fields that a test does not care about are the same in all. */
function keyOf(i: number): FlowKey {
  return make(FlowKey, {
    source: 0xc6120000 + (i >> 6),
    destination: 0xc0000201,
    sourcePort: 1000 + (i & 63),
    destinationPort: 53,
    kind: PROTOCOL_UDP,
  });
}

/** Makes connection `slot` that of the client's flow `key`. */
function fill(slot: number, key: FlowKey): void {
  const connection = connectionTable.lookup(slot)!;
  connection.client = key.source;
  connection.virtual = key.destination;
  connection.clientPort = key.sourcePort;
  connection.virtualPort = key.destinationPort;
  connection.kind = PROTOCOL_UDP;
}

test("a word holds a slot, a direction and a tag that is never 0", () => {
  new TestDirector().machine.run(() => {
    for (const hash of [0n, 0x7fn, 0x80n, 0xffffffffffffffffn]) {
      const word = wordOf(hash, 0xabcdef, FROM_SERVER);
      assert.equal(connectionOf(word), 0xabcdef);
      assert.equal(directionOf(word), FROM_SERVER);
      assert.notEqual(wordOf(hash, 0, FROM_CLIENT), 0);
    }
  });
});

for (const limit of [64, 1000]) {
  test(`as many flows as a table of ${limit} connections can have are found, and only they`, () => {
    const director = new TestDirector({ connectionLimit: limit });
    director.machine.run(() => {
      pressure.at(0).seed = 12345;
      let overflowed = 0;
      // Two words for each connection, here of two clients' flows.
      for (let i = 0; i < limit; i++) {
        fill(i, keyOf(i));
        const hash = hashOf(keyOf(i));
        assert.ok(insertFlow(hash, wordOf(hash, i, FROM_CLIENT)), `flow ${i}`);
        const filler = hashOf(keyOf(100_000 + i));
        assert.ok(insertFlow(filler, wordOf(filler, i, FROM_SERVER)));
      }
      for (let i = 0; i < limit; i++) {
        overflowed += flows.lookup(i)!.overflow;
        const key = keyOf(i);
        const word = findFlow(key, hashOf(key), 0);
        assert.equal(connectionOf(word), i);
        assert.equal(findFlow(key, hashOf(key), word), 0, "there is no other");
        const unknown = keyOf(50_000 + i);
        assert.equal(findFlow(unknown, hashOf(unknown), 0), 0);
      }
      assert.ok(overflowed < limit / 50, `${overflowed} of ${2 * limit} in the next bucket`);
      for (let i = 0; i < limit; i++) {
        const hash = hashOf(keyOf(i));
        removeFlow(hash, wordOf(hash, i, FROM_CLIENT));
        assert.equal(findFlow(keyOf(i), hash, 0), 0);
        const filler = hashOf(keyOf(100_000 + i));
        removeFlow(filler, wordOf(filler, i, FROM_SERVER));
        removeFlow(filler, wordOf(filler, i, FROM_SERVER));
      }
      for (let i = 0; i < limit; i++) assert.equal(flows.lookup(i)!.overflow, 0);
    });
    assert.equal(director.flowWords(), 0);
  });
}

test("a full bucket goes on in the next, where its flows are found and removed", () => {
  const director = new TestDirector({ connectionLimit: 64 });
  director.machine.run(() => {
    const home = (key: FlowKey) => Number(((hashOf(key) >> 32n) * 64n) >> 32n);
    const keys = Array.from({ length: 20_000 }, (_, i) => keyOf(i)).filter((key) => home(key) === 63);
    for (const [i, key] of keys.slice(0, 14).entries()) {
      fill(i, key);
      assert.ok(insertFlow(hashOf(key), wordOf(hashOf(key), i, FROM_CLIENT)));
    }
    assert.equal(flows.lookup(63)!.overflow, 7);
    const extra = keys[14]!;
    assert.equal(insertFlow(hashOf(extra), wordOf(hashOf(extra), 14, FROM_CLIENT)), false);
    assert.equal(flows.lookup(63)!.overflow, 7);
    for (const [i, key] of keys.slice(0, 14).entries()) {
      assert.equal(connectionOf(findFlow(key, hashOf(key), 0)), i);
    }
    const last = keys[13]!;
    fill(20, last);
    const before = wordOf(hashOf(last), 13, FROM_CLIENT);
    const after = wordOf(hashOf(last), 20, FROM_CLIENT);
    assert.equal(putInFront(hashOf(last), before, after), IN_ITS_PLACE);
    assert.equal(putInFront(hashOf(last), before, after), ABSENT);
    assert.equal(connectionOf(findFlow(last, hashOf(last), 0)), 20);
    removeFlow(hashOf(last), after);
    assert.equal(flows.lookup(63)!.overflow, 6);
    assert.equal(findFlow(last, hashOf(last), 0), 0);
  });
});

test("a word put in front of another of its flow hides that, until it is taken out", () => {
  const director = new TestDirector({ connectionLimit: 64 });
  director.machine.run(() => {
    const home = (key: FlowKey) => Number(((hashOf(key) >> 32n) * 64n) >> 32n);
    const keys = Array.from({ length: 20_000 }, (_, i) => keyOf(i)).filter((key) => home(key) === 5);
    const enter = (key: FlowKey, slot: number): number => {
      fill(slot, key);
      const word = wordOf(hashOf(key), slot, FROM_CLIENT);
      assert.ok(insertFlow(hashOf(key), word));
      return word;
    };
    for (const count of [0, 6, 7]) {
      const others = keys.slice(0, count).map((key, i) => [key, enter(key, i)] as const);
      const key = keys[count]!;
      const other = enter(key, 20);
      // Where the other is in the next bucket, a place that is free in its own is before it.
      if (count === 7) removeFlow(hashOf(keys[0]!), others.shift()![1]);
      fill(21, key);
      const word = wordOf(hashOf(key), 21, FROM_CLIENT);
      assert.equal(putInFront(hashOf(key), other, word), IN_FRONT);
      assert.equal(findFlow(key, hashOf(key), 0), word);
      assert.equal(findFlow(key, hashOf(key), word), other);
      removeFlow(hashOf(key), word);
      assert.equal(findFlow(key, hashOf(key), 0), other);
      removeFlow(hashOf(key), other);
      for (const [each, own] of others) removeFlow(hashOf(each), own);
      assert.equal(flows.lookup(5)!.overflow, 0);
    }
  });
  assert.equal(director.flowWords(), 0);
});

test("hashes spread neighbours over buckets and tags, and depend on the seed", () => {
  const buckets = new Map<number, number>();
  const tags = new Set<number>();
  for (let i = 0; i < 8192; i++) {
    const hash = hashWith(keyOf(i), 7);
    const bucket = Number(hash >> 56n);
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
    tags.add(Number(hash & 0x7fn));
    assert.notEqual(hash, hashWith(keyOf(i), 8));
  }
  assert.equal(buckets.size, 256);
  assert.ok(Math.max(...buckets.values()) < 64, "32 in each on average");
  assert.equal(tags.size, 128);
});
