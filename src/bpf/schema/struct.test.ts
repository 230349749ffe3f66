import assert from "node:assert/strict";
import { test } from "node:test";
import { SchemaError } from "./errors.ts";
import { ipv4, s32, spinLock, timer, u8, u16, u16be, u32, u64 } from "./scalars.ts";
import { array, bytes, isSchema, struct } from "./struct.ts";

test("structs have the layout of C", () => {
  const Inner = struct("Inner", { a: u8, b: u16be });
  const Outer = struct("Outer", { a: u8, inner: Inner, b: u8, c: u32, list: bytes(3), d: u64, e: u8 });
  assert.deepEqual([Inner.size, Inner.align], [4, 2]);
  assert.deepEqual(
    Outer.fields.map(({ name, offset }) => [name, offset]),
    [
      ["a", 0],
      ["inner", 2],
      ["b", 6],
      ["c", 8],
      ["list", 12],
      ["d", 16],
      ["e", 24],
    ],
  );
  assert.deepEqual([Outer.size, Outer.align], [32, 8]);
  assert.equal(Outer.field.c.offset, 8);
  assert.deepEqual([timer.size, timer.align, spinLock.size, spinLock.align], [16, 8, 4, 4]);
  assert.deepEqual([array(Inner, 3).size, array(Inner, 3).align], [12, 2]);
  assert.equal(s32.signed, true);
  assert.equal(ipv4.bigEndian, true);
});

test("what cannot be laid out is refused", () => {
  assert.throws(() => struct("a b", { a: u8 }), SchemaError);
  assert.throws(() => struct("S", {}), /no fields/);
  assert.throws(() => struct("S", { "1": u8 }), /cannot name a field/);
  assert.throws(() => struct("S", { a: 5 as unknown as typeof u8 }), /not a schema/);
  assert.throws(() => array(u8, 0), /positive integer/);
  assert.throws(() => array(u16, 1.5), /positive integer/);
  assert.throws(() => array(timer, 2), /cannot be an element/);
  assert.throws(() => bytes(2 ** 30), /at most/);
  assert.equal(isSchema({ kind: "struct" }), false);
});
