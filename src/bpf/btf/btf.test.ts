import assert from "node:assert/strict";
import { test } from "node:test";
import type { Opaque, Scalar, Schema, Struct } from "../schema/types.ts";
import { BtfBuilder } from "./builder.ts";
import { memberPlace } from "./kernel.ts";
import { Btf, BtfFormatError } from "./parse.ts";
import { completeLines, programBtf } from "./program.ts";
import { hasSpecialField, identifier, schemaType } from "./schema.ts";

const u32 = { kind: "scalar", name: "u32", size: 4, align: 4, signed: false, bigEndian: false } as Scalar;
const u64 = { kind: "scalar", name: "u64", size: 8, align: 8, signed: false, bigEndian: false } as Scalar;
const timer: Opaque = { kind: "timer", size: 16, align: 8 };
const lock: Opaque = { kind: "spinLock", size: 4, align: 4 };

function structOf(name: string, size: number, fields: readonly [string, Schema, number][]): Struct {
  const list = fields.map(([field, schema, offset]) => ({ name: field, schema, offset }));
  return {
    kind: "struct",
    name,
    fields: list,
    field: Object.fromEntries(list.map((f) => [f.name, f])),
    size,
    align: 8,
  };
}

test("the bytes of the smallest blob: one integer", () => {
  const builder = new BtfBuilder();
  builder.add({ kind: "int", name: "u8", size: 1, signed: false });
  assert.equal(
    Buffer.from(builder.encode()).toString("hex"),
    // header: magic, version, flags, length 24; types 0+16, strings 16+4
    `9feb0100${"18000000"}${"00000000"}${"10000000"}${"10000000"}${"04000000"}` +
      // name 1, kind 1 << 24, size 1, 8 bits; strings "", "u8"
      `${"01000000"}${"00000001"}${"01000000"}${"08000000"}${"00753800"}`,
  );
});

test("a schema with a timer, a lock, an array and a nested struct round-trips", () => {
  const inner = structOf("Inner", 8, [
    ["low", u32, 0],
    ["high", u32, 4],
  ]);
  const list = { kind: "array", element: u32, length: 3, size: 12, align: 4 } as const;
  const outer = structOf("Outer", 56, [
    ["timer", timer, 0],
    ["lock", lock, 16],
    ["list", list, 20],
    ["inner", inner, 32],
    ["count", u64, 40],
  ]);
  const builder = new BtfBuilder();
  const id = schemaType(builder, outer);
  assert.equal(schemaType(builder, outer), id, "asked twice, one id");
  const btf = new Btf(builder.encode());
  const type = btf.type(id);
  assert.ok(type.kind === "struct");
  assert.equal(type.name, "Outer");
  assert.equal(type.size, 56);
  assert.deepEqual(
    type.members.map((m) => [m.name, m.bitOffset]),
    [
      ["timer", 0],
      ["lock", 128],
      ["list", 160],
      ["inner", 256],
      ["count", 320],
    ],
  );
  const timers = btf.find("struct", "bpf_timer");
  assert.deepEqual(timers, [type.members[0]!.type]);
  assert.equal((btf.type(timers[0]!) as { size: number }).size, 16);
  assert.equal(btf.find("struct", "bpf_spin_lock").length, 1);
  assert.deepEqual(btf.find("struct", "absent"), []);
  const place = memberPlace(btf, id, ["inner", "high"]);
  assert.deepEqual([place?.bitOffset, place?.bitSize], [288, 32]);
  assert.equal(memberPlace(btf, id, ["inner", "absent"]), null);
});

test("bit fields keep offset and width", () => {
  const builder = new BtfBuilder();
  const word = builder.add({ kind: "int", name: "u32", size: 4, signed: false });
  const id = builder.add({
    kind: "struct",
    name: "flags",
    size: 4,
    members: [
      { name: "a", type: word, bitOffset: 0, bitSize: 3 },
      { name: "b", type: word, bitOffset: 3, bitSize: 29 },
    ],
  });
  const place = memberPlace(new Btf(builder.encode()), id, ["b"]);
  assert.deepEqual(place, { bitOffset: 3, bitSize: 29, type: word });
});

test("special fields are found at any depth", () => {
  assert.equal(hasSpecialField(u32), false);
  assert.equal(hasSpecialField(timer), true);
  assert.equal(hasSpecialField(structOf("A", 16, [["b", structOf("B", 16, [["t", timer, 0]]), 0]])), true);
});

test("names become C identifiers", () => {
  assert.equal(identifier("a-b.c"), "a_b_c");
  assert.equal(identifier("9lives"), "_9lives");
  assert.equal(identifier("x".repeat(300)).length, 127);
});

test("a program has a function record each and a line at each function's start", () => {
  const line = (start: number, n: number) => ({
    start,
    file: "a.ts",
    line: n,
    column: 2000,
    text: `line ${n}`,
  });
  const functions = [
    { name: "main", start: 0 },
    { name: "callback", start: 5 },
  ];
  const lines = [line(2, 1), line(3, 2), line(3, 9), line(4, 3), line(6, 4)];
  const complete = completeLines(functions, lines, new Set([4]));
  assert.deepEqual(
    complete.map((l) => [l.start, l.line]),
    [
      [0, 1],
      [2, 1],
      [3, 2],
      [5, 4],
      [6, 4],
    ],
  );
  const { btf, funcInfo, lineInfo } = programBtf(functions, lines, new Set([4]));
  const parsed = new Btf(btf);
  assert.equal(funcInfo.length, 16);
  assert.equal(lineInfo.length, 5 * 16);
  const view = new DataView(lineInfo.buffer);
  assert.equal(parsed.string(view.getUint32(4, true)), "a.ts");
  assert.equal(parsed.string(view.getUint32(8, true)), "line 1");
  assert.equal(view.getUint32(12, true), (1 << 10) | 1023);
  const callback = parsed.type(new DataView(funcInfo.buffer).getUint32(12, true));
  assert.deepEqual(callback, { kind: "function", name: "callback", prototype: 2, linkage: "static" });
});

test("what is not BTF is refused", () => {
  assert.throws(() => new Btf(new Uint8Array(8)), BtfFormatError);
  const builder = new BtfBuilder();
  builder.add({ kind: "int", name: "u8", size: 1, signed: false });
  assert.throws(() => new Btf(builder.encode().subarray(0, 40)), BtfFormatError);
});
