import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf } from "../../linux/index.ts";
import { Attribute } from "./attribute.ts";
import { mapBatchAttribute, mapCreateAttribute, mapElementAttribute } from "./map-attributes.ts";
import {
  byIdAttribute,
  infoAttribute,
  linkCreateAttribute,
  linkUpdateAttribute,
  programQueryAttribute,
} from "./object-attributes.ts";
import { btfLoadAttribute, programLoadAttribute, testRunAttribute } from "./program-attributes.ts";

/** The non-zero 32-bit words of an attribute by their byte offset. */
function words({ bytes }: Attribute): { [offset: number]: number } {
  const view = new DataView(bytes.buffer);
  const entries: [number, number][] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    if (view.getUint32(at, true) !== 0) entries.push([at, view.getUint32(at, true)]);
  }
  return Object.fromEntries(entries);
}

function pointer({ bytes }: Attribute, offset: number): bigint {
  return new DataView(bytes.buffer).getBigUint64(offset, true);
}

test("names are cut to what the kernel takes", () => {
  const attribute = new Attribute(20).name(2, "a-name.that is_longer");
  assert.equal(Buffer.from(attribute.bytes).toString("latin1"), "\0\0a_name.that_is_\0\0\0");
});

test("plain data at the offsets of union bpf_attr", () => {
  assert.deepEqual(
    words(
      mapCreateAttribute({
        type: 1,
        keySize: 2,
        valueSize: 3,
        entries: 4,
        flags: 5,
        innerMap: 6,
        name: "abc",
        btf: { fd: 7, key: 8, value: 9 },
      }),
    ),
    { 0: 1, 4: 2, 8: 3, 12: 4, 16: 5, 20: 6, 28: 0x63_62_61, 48: 7, 52: 8, 56: 9 },
  );
  assert.deepEqual(words(linkCreateAttribute(3, 5, 46)), { 0: 3, 4: 5, 8: 46 });
  assert.deepEqual(words(linkUpdateAttribute(3, 5)), { 0: 3, 4: 5 });
  assert.deepEqual(words(byIdAttribute(9)), { 0: 9 });
  assert.deepEqual(words(programQueryAttribute({ ifindex: 2, attachType: 46 })), { 0: 2, 4: 46 });
});

test("pointers and lengths", () => {
  const a = new Uint8Array(16);
  const b = new Uint8Array(32);
  const element = mapElementAttribute(3, a, b, 2);
  assert.deepEqual([pointer(element, 8), pointer(element, 16)], [addressOf(a), addressOf(b)]);
  assert.equal(pointer(element, 24), 2n);
  assert.equal(pointer(mapElementAttribute(3, new Uint8Array(0)), 8), 0n);
  const batch = mapBatchAttribute({ fd: 3, next: a, keys: a, values: b, count: 4, elementFlags: 4 });
  assert.deepEqual(
    [0, 8, 16, 24, 40].map((at) => pointer(batch, at)),
    [0n, addressOf(a), addressOf(a), addressOf(b), 4n],
  );
  assert.equal(batch.readU32(32), 4);
  assert.equal(batch.readU32(36), 3);
  const info = infoAttribute(3, b);
  assert.deepEqual([info.readU32(0), info.readU32(4), pointer(info, 8)], [3, 32, addressOf(b)]);
});

test("a program with log, functions and lines", () => {
  const instructions = new Uint8Array(16);
  const buffer = new Uint8Array(64);
  const funcInfo = new Uint8Array(8);
  const lineInfo = new Uint8Array(32);
  const attribute = programLoadAttribute({
    type: 3,
    name: "x",
    license: "MIT",
    instructions,
    expectedAttachType: 46,
    log: { level: 1, buffer },
    btf: { fd: 9, funcInfo, lineInfo },
  });
  assert.deepEqual([pointer(attribute, 8), pointer(attribute, 32)], [instructions, buffer].map(addressOf));
  assert.deepEqual([pointer(attribute, 80), pointer(attribute, 96)], [funcInfo, lineInfo].map(addressOf));
  const at = (...offsets: number[]) => offsets.map((offset) => attribute.readU32(offset));
  assert.deepEqual(at(0, 4, 24, 28, 48, 68), [3, 2, 1, 64, 0x78, 46]);
  assert.deepEqual(at(72, 76, 88, 92, 104), [9, 8, 1, 16, 2]);
  const run = testRunAttribute({ fd: 3, data: instructions, dataOut: buffer, context: funcInfo, repeat: 5 });
  assert.deepEqual(
    [0, 8, 12, 32, 40, 44].map((offset) => run.readU32(offset)),
    [3, 16, 64, 5, 8, 0],
  );
  assert.deepEqual(
    [16, 24, 48, 56].map((offset) => pointer(run, offset)),
    [...[instructions, buffer, funcInfo].map(addressOf), 0n],
  );
  const btf = btfLoadAttribute(lineInfo, { level: 1, buffer });
  assert.deepEqual(
    [16, 20, 24].map((offset) => btf.readU32(offset)),
    [32, 64, 1],
  );
});
