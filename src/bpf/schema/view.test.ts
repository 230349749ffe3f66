import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { decode, encode } from "./codec.ts";
import { SchemaError } from "./errors.ts";
import { markRevocable, StaleReferenceError } from "./memory.ts";
import { ipv4, s32, timer, u8, u16, u16be, u32, u64, u64be } from "./scalars.ts";
import { array, bytes, struct } from "./struct.ts";
import { copyView, newView, revoke, viewOf } from "./view.ts";
import type { View } from "./view-base.ts";

const Endpoint = struct("Endpoint", { address: ipv4, port: u16be });
const Flow = struct("Flow", {
  protocol: u8,
  client: Endpoint,
  server: Endpoint,
  hops: array(Endpoint, 2),
  mac: bytes(6),
  words: array(ipv4, 4),
  balance: s32,
  stamp: u64,
  tag: u64be,
  clock: timer,
});

test("fields read and write the memory behind a view, in the byte order of the field", () => {
  const data = new DataView(new ArrayBuffer(Flow.size + 8));
  const flow = viewOf(Flow, data, 8);
  flow.protocol = 0x106;
  flow.client.address = 0xc0000201;
  flow.client.port = 80;
  flow.balance = -2;
  flow.stamp = -1n;
  flow.tag = 0x0102030405060708n;
  const at = (name: keyof typeof Flow.field) => 8 + Flow.field[name].offset;
  assert.equal(data.getUint8(at("protocol")), 6);
  assert.equal(data.getUint32(at("client")), 0xc0000201);
  assert.equal(data.getUint16(at("client") + 4), 80);
  assert.equal(data.getInt32(at("balance"), true), -2);
  assert.equal(flow.stamp, 2n ** 64n - 1n);
  assert.equal(data.getUint8(at("tag")), 1);
  assert.equal(flow.client.address, 0xc0000201);
  assert.equal(flow.client, flow.client);
});

test("assigning a nested struct or sequence copies it", () => {
  const flow = newView(Flow);
  const endpoint = newView(Endpoint);
  endpoint.port = 53;
  flow.server = endpoint;
  endpoint.port = 54;
  assert.equal(flow.server.port, 53);
  flow.hops[1] = flow.server;
  assert.equal(flow.hops[1]!.port, 53);
  const other = newView(Flow);
  other.mac[5] = 7;
  flow.mac = other.mac;
  assert.equal(flow.mac[5], 7);
  copyView(other, flow);
  assert.equal(other.hops[1]!.port, 53);
  assert.throws(() => copyView(other, endpoint), SchemaError);
});

test("sequences know their length and refuse other indexes", () => {
  const Long = struct("Long", { list: array(u16be, 200), structs: array(Endpoint, 100) });
  const view = newView(Long);
  view.list[199] = 0x1234;
  view.list[3] = 3;
  view.structs[90]!.port = 9;
  assert.equal(view.list.length, 200);
  assert.equal(view.list[199], 0x1234);
  assert.equal(view.structs[90]!.port, 9);
  assert.equal(view.structs[90], view.structs[90]);
  assert.throws(() => view.list[200], RangeError);
  assert.throws(() => {
    view.list[-1] = 1;
  }, RangeError);
  assert.equal([...(view.list as Iterable<number> & typeof view.list)][3], 3);
});

test("scalar sequences of an odd offset or a revocable buffer behave as native ones", () => {
  const List = array(u32, 3);
  const odd = viewOf(List, new DataView(new ArrayBuffer(20)), 1);
  odd[1] = 2 ** 32 + 5;
  assert.equal(odd[1], 5);
  const native = newView(List);
  assert.ok(ArrayBuffer.isView(native));
  copyView(native, odd);
  assert.equal(native[1], 5);
  native[2] = 6;
  copyView(odd, native);
  assert.equal(odd[2], 6);
});

test("encode and decode are inverses; what is left out is zero; timers are left out", () => {
  const plain = {
    protocol: 17,
    client: { address: 1, port: 2 },
    server: { address: 3, port: 4 },
    hops: [
      { address: 5, port: 6 },
      { address: 7, port: 8 },
    ],
    mac: [1, 2, 3, 4, 5, 6],
    words: [1, 2, 3, 4],
    balance: -1,
    stamp: 5n,
    tag: 6n,
  };
  const coded = encode(Flow, plain);
  assert.equal(coded.length, Flow.size);
  assert.deepEqual(decode(Flow, coded), plain);
  assert.deepEqual(decode(Endpoint, encode(Endpoint, { port: 9 })), { address: 0, port: 9 });
  assert.deepEqual(decode(u16, new Uint8Array([0, 1, 2]), 1), 0x201);
  assert.deepEqual(decode(bytes(2), encode(bytes(2), new Uint8Array([8, 9]))), [8, 9]);
  // @ts-expect-error: there is no such field
  assert.throws(() => encode(Endpoint, { prot: 9 }), SchemaError);
  assert.throws(() => encode(bytes(2), [1, 2, 3]), SchemaError);
});

test("a view prints as its contents and does not reach beyond its memory", () => {
  assert.match(inspect(newView(Endpoint)), /address: 0, port: 0/);
  assert.throws(() => viewOf(Endpoint, new DataView(new ArrayBuffer(9)), 2), RangeError);
  assert.throws(() => viewOf(u8, new DataView(new ArrayBuffer(9)), 2), SchemaError);
});

test("a revoked view throws at every use, and so do those had from it", () => {
  const buffer = new ArrayBuffer(Flow.size);
  markRevocable(buffer);
  const flow = viewOf(Flow, new DataView(buffer));
  const { client, mac, words, hops } = flow;
  const hop = hops[0]!;
  revoke(flow as unknown as View);
  assert.throws(() => flow.protocol, StaleReferenceError);
  assert.throws(() => flow.client.port, StaleReferenceError);
  assert.throws(() => client.port, StaleReferenceError);
  assert.throws(() => mac[0], StaleReferenceError);
  assert.throws(() => words[0], StaleReferenceError);
  assert.throws(() => hop.port, StaleReferenceError);
  assert.throws(() => copyView(newView(Endpoint), client), StaleReferenceError);
  assert.throws(() => copyView(client, newView(Endpoint)), StaleReferenceError);
});
