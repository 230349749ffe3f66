import assert from "node:assert/strict";
import { test } from "node:test";
import { type Case, readRecording } from "../testing/recordings.ts";
import { wordsOf } from "../testing/service-settings.ts";
import { hashBucket } from "./bucket.ts";
import { dhBuckets, maglevAddress, mhBuckets, shBuckets } from "./buckets.ts";
import { maglevBucket } from "./mh.ts";
import { sipHash } from "./siphash.ts";

/** SipHash-c-d as its paper describes it, of any message and key, for comparison. */
function reference(message: Uint8Array, k0: bigint, k1: bigint, c: number, d: number): bigint {
  const mask = (1n << 64n) - 1n;
  const rotate = (x: bigint, n: bigint) => ((x << n) | (x >> (64n - n))) & mask;
  const v = [
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ] as [bigint, bigint, bigint, bigint];
  const half = (a: 0 | 2, b: 1 | 3, n: bigint) => {
    v[a] = (v[a] + v[b]) & mask;
    v[b] = rotate(v[b], n) ^ v[a];
  };
  const rounds = (n: number) => {
    for (let i = 0; i < n; i++) {
      half(0, 1, 13n);
      half(2, 3, 16n);
      v[0] = rotate(v[0], 32n);
      half(0, 3, 21n);
      half(2, 1, 17n);
      v[2] = rotate(v[2], 32n);
    }
  };
  const padded = new Uint8Array(8 * Math.floor(message.length / 8) + 8);
  padded.set(message);
  padded[padded.length - 1] = message.length & 255;
  const view = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += 8) {
    const block = view.getBigUint64(at, true);
    v[3] ^= block;
    rounds(c);
    v[0] ^= block;
  }
  v[2] ^= 0xffn;
  rounds(d);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

test("the reference gives the paper's test vector", () => {
  const message = Uint8Array.from({ length: 15 }, (_, i) => i);
  const hash = reference(message, 0x0706050403020100n, 0x0f0e0d0c0b0a0908n, 2, 4);
  assert.equal(hash, 0xa129ca6149be45e5n);
});

test("SipHash-1-3 of numbers", () => {
  for (const key of [0n, 2654435761n, 2654446892n, 0xffffffffffffffffn]) {
    for (const value of [0, 1, 80, 0x0a000001, 0xc6120002, 0x80000000, 0xffffffff]) {
      const message = new Uint8Array(4);
      new DataView(message.buffer).setUint32(0, value, true);
      assert.equal(sipHash(value, key), Number(reference(message, key, key, 1, 3) & 0xffffffffn));
    }
  }
});

test("buckets of a hash, and further on from an offset", () => {
  assert.equal(hashBucket(0, 0), 0);
  assert.equal(hashBucket(3, 0), 3);
  assert.equal(hashBucket(255, 1), (255 + 0x61) & 255);
  for (let value = 0; value < 1000; value++) assert.ok(maglevBucket(7, value * 7919) < 4093);
});

const runs = (table: Uint16Array) => {
  const list: [number, number][] = [];
  for (const slot of table) {
    if (list.at(-1)?.[0] === slot) list.at(-1)![1] += 1;
    else list.push([slot, 1]);
  }
  return list;
};

test("sh: as many buckets in a row as the weight, one at least", () => {
  const table = shBuckets([
    { destination: 7, weight: 2 },
    { destination: 8, weight: 0 },
    { destination: 9, weight: 3 },
  ]);
  assert.equal(table.length, 256);
  assert.deepEqual(runs(table).slice(0, 4), [
    [7, 2],
    [8, 1],
    [9, 3],
    [7, 2],
  ]);
  assert.deepEqual(runs(table).at(-1), [9, 1], "the last one's run is cut");
  assert.deepEqual(
    runs(
      shBuckets([
        { destination: 1, weight: 1000 },
        { destination: 2, weight: 1 },
      ]),
    ),
    [[1, 256]],
  );
  assert.deepEqual(runs(shBuckets([])), [[0, 256]]);
});

test("dh: one bucket each in turn", () => {
  const table = dhBuckets([{ destination: 5 }, { destination: 6 }, { destination: 4 }]);
  assert.deepEqual([...table.slice(0, 7)], [5, 6, 4, 5, 6, 4, 5]);
  assert.equal(table[255], 5);
  assert.deepEqual(runs(dhBuckets([])), [[0, 256]]);
});

function mhMembers(weights: readonly number[]) {
  return weights.map((lastWeight, i) => ({
    destination: i + 1,
    address: 0x0a000001 + i,
    port: 80,
    lastWeight,
  }));
}

function shares(table: Uint16Array): Map<number, number> {
  const counted = new Map<number, number>();
  for (const slot of table) counted.set(slot, (counted.get(slot) ?? 0) + 1);
  return counted;
}

test("mh: shares by weight, and few buckets move when a server goes", () => {
  const table = mhBuckets(mhMembers([1, 3, 6]));
  assert.equal(table.length, 4093);
  const shared = shares(table);
  for (const [slot, weight] of [
    [1, 1],
    [2, 3],
    [3, 6],
  ] as const)
    assert.ok(Math.abs(shared.get(slot)! - (4093 * weight) / 10) <= 6, `${slot}: ${shared.get(slot)}`);
  const all = mhMembers([1, 1, 1, 1, 1]);
  const before = mhBuckets(all);
  const after = mhBuckets(all.filter(({ destination }) => destination !== 3));
  const moved = before.filter((slot, i) => slot !== 3 && slot !== after[i]).length;
  assert.ok(moved < 4093 * 0.1, `${moved} buckets of other servers moved`);
});

test("mh: weights are made coarser, but everybody with a weight has a turn", () => {
  const shared = shares(mhBuckets(mhMembers([2_147_483_647, 1, 0])));
  assert.ok(shared.get(2)! > 0);
  assert.equal(shared.has(3), false);
  assert.deepEqual(shares(mhBuckets(mhMembers([0, 0]))), new Map([[0, 4093]]));
  assert.deepEqual(mhBuckets(mhMembers([2, 4])), mhBuckets(mhMembers([1, 2])), "only the ratio counts");
});

test("mh: IPv6 servers of an IPv4 service, as recorded", () => {
  const recorded = readRecording<readonly Case[]>("scheduling/edges.json");
  const { steps } = recorded.find(({ id }) => id === "edges/mh-mixed")!;
  const members = [
    { server: "10.0.0.4", lastWeight: 2 },
    ...[3, 2, 1].map((i) => ({ server: `2001:db8:a::${i}`, lastWeight: i })),
  ].map(({ server, lastWeight }, i) => ({
    server,
    lastWeight,
    destination: i + 1,
    address: maglevAddress(wordsOf(server), 4),
    port: 80,
  }));
  const table = mhBuckets(members);
  const hostOf = (endpoint: string) => endpoint.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  for (const step of steps) {
    if (step.op !== "connect") continue;
    const slot = table[maglevBucket(0, wordsOf(hostOf(step.src))[0]!)]!;
    assert.equal(members[slot - 1]!.server, hostOf(step.chosen!));
  }
});
