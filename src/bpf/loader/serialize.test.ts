import assert from "node:assert/strict";
import { test } from "node:test";
import {
  alu,
  callFunction,
  encode,
  exit,
  jump,
  labelled,
  loadFunction,
  loadImmediate,
  loadMap,
  loadMapValue,
  R0,
  R1,
  R2,
} from "../asm/index.ts";
import type { MapDefinition } from "../map.ts";
import { arrayMap, arrayOfMaps, constants, hashMap } from "../maps/index.ts";
import type { CompiledProgram } from "../program.ts";
import { struct, u32, u64 } from "../schema/index.ts";
import { deserializeProgram, serializeProgram } from "./serialize.ts";

const Key = struct("Key", { id: u32 });
const Value = struct("Value", { count: u64 });
const flows = hashMap("flows", { key: Key, value: Value, entries: 100 });
const state = arrayMap("state", { value: Value, entries: 1 });

const program: CompiledProgram = {
  name: "balance",
  type: "schedCls",
  license: "Dual MIT/GPL",
  instructions: [
    loadMap(R1, "flows"),
    labelled("again", loadMapValue(R2, "state", 8)),
    loadImmediate(R0, 0xffff_ffff_ffff_fff0n),
    loadFunction(R2, "callback"),
    callFunction("callback"),
    jump.eq.imm(R0, 1, "again"),
    exit(),
    labelled("callback", alu.mov.imm(R0, -1)),
    exit(),
  ],
  functions: [
    { name: "balance", start: 0 },
    { name: "callback", start: 11 },
  ],
  lines: [
    { start: 0, file: "a.ts", line: 1, column: 2, text: "  first();" },
    { start: 11, file: "a.ts", line: 9, column: 1, text: 'return "ü";' },
  ],
  maps: [flows, state],
};

function among(...maps: MapDefinition[]): (name: string) => MapDefinition | undefined {
  return (name) => maps.find((map) => map.name === name);
}

test("a program comes back with the same code, lines, functions and maps", () => {
  const bytes = serializeProgram(program);
  const back = deserializeProgram(bytes, among(flows, state));
  const mapDescriptor = (name: string) => (name === "flows" ? 5 : 6);
  assert.deepEqual(
    encode(back.instructions, { mapDescriptor }),
    encode(program.instructions, { mapDescriptor }),
  );
  const { instructions: _, ...rest } = back;
  const { instructions: __, ...expected } = program;
  assert.deepEqual(rest, expected);
  assert.equal(back.maps[0], flows, "bound to the maps of this process");
  assert.deepEqual(serializeProgram(back), bytes, "and serialises to the same bytes");
});

test("damage, other versions and changed maps are found", () => {
  const bytes = serializeProgram(program);
  const read = (changed: Uint8Array, ...maps: MapDefinition[]) =>
    assert.throws(
      () => deserializeProgram(changed, among(...maps)),
      (error: Error) => {
        assert.equal((error as { code?: string }).code, "STALE_PROGRAM");
        messages.push(error.message);
        return true;
      },
    );
  const messages: string[] = [];
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice();
    damaged[at]! ^= 0x10;
    read(damaged, flows, state);
  }
  for (const length of [0, 3, 10, 60, bytes.length - 1]) read(bytes.slice(0, length), flows, state);
  messages.length = 0;
  const version = bytes.slice();
  version[4] = 99;
  read(version, flows, state);
  read(bytes, flows);
  const Wider = struct("Value", { count: u64, more: u32 });
  read(bytes, flows, arrayMap("state", { value: Wider, entries: 1 }));
  const Renamed = struct("Value", { packets: u64 });
  read(bytes, flows, arrayMap("state", { value: Renamed, entries: 1 }));
  read(bytes, flows, arrayMap("state", { value: Value, entries: 2 }));
  assert.deepEqual(
    messages.map((message) => message.replace("the cached program cannot be used: ", "")),
    [
      "it has format 99, this is 1",
      'there is no map "state" any more',
      'the map "state" has another shape now',
      'the map "state" has another shape now',
      'the map "state" has another shape now',
    ],
  );
  deserializeProgram(bytes, among(hashMap("flows", { key: Key, value: Value, entries: 7 }), state));
});

test("tables of constants and inner maps count, too", () => {
  const simple = { ...program, instructions: [alu.mov.imm(R0, 0), exit()], lines: [], functions: [] };
  const table = serializeProgram({ ...simple, maps: [constants("table", u64, [1n, 2n])] });
  deserializeProgram(table, among(constants("table", u64, [1n, 2n])));
  assert.throws(() => deserializeProgram(table, among(constants("table", u64, [1n, 3n]))), /another shape/);
  const outer = serializeProgram({ ...simple, maps: [arrayOfMaps("outer", { inner: flows, entries: 2 })] });
  deserializeProgram(outer, among(arrayOfMaps("outer", { inner: flows, entries: 2 })));
  assert.throws(
    () => deserializeProgram(outer, among(arrayOfMaps("outer", { inner: state, entries: 2 }))),
    /another shape/,
  );
});
