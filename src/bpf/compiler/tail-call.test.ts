/** Programs that go on with one another: one source compiled twice with different options, over the same maps. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Packet } from "../index.ts";
import { createMap, type LoadedMap, type LoadedProgram, loadProgram } from "../loader/index.ts";
import type { CompiledProgram } from "../program.ts";
import { createMachine, SimulatedPacket } from "../simulator/index.ts";
import { compile } from "./compile.ts";
import type { OptionValues } from "./front/index.ts";
import { textModule } from "./front/testing/text-module.ts";

const skip = process.getuid?.() === 0 ? false : "needs root (bpf)";

const FAMILIES = `
export const Count = struct("Count", { packets: u32, wide: u32 });
export type Count = Infer<typeof Count>;
export const programs = programArray("programs", { entries: 3 });
export const counts = arrayMap("counts", { value: Count, entries: 1 });
export const wides = arrayMap("wides", { value: Count, entries: 1 });
export const unused = arrayMap("unused", { value: Count, entries: 1 });
export const family = option("family", 4);
export const debug = option("debug", false);
export const Word = struct("Word", { value: u32 });

function leave(packet: Packet): u32 {
  if (packet.protocol === 0x86dd) tailCall(packet, programs, 1);
  tailCall(packet, programs, 2);
  return TC_NEXT;
}

export function f(packet: Packet): u32 {
  if (debug.value) unused.at(0).packets += 1;
  const count = counts.at(0);
  count.packets += 1;
  if (family.value === 4) return packet.protocol === 0x0800 ? 40 : leave(packet);
  const wide = wides.at(0);
  wide.wide += 1;
  const word = packet.header(Word, 14);
  if (word === null) return 61;
  word.value = 0x60606060;
  return 60;
}
`;
const PACKET4 = packetOf(0x0800);
const PACKET6 = packetOf(0x86dd);

function packetOf(type: number): Uint8Array {
  const bytes = new Uint8Array(60);
  bytes.set([type >> 8, type & 0xff], 12);
  return bytes;
}

const { sources, exports } = textModule(FAMILIES);
const entry = exports.f as unknown as (packet: Packet) => number;
const programs = exports.programs as never;
const counts = exports.counts as never;

function build(options: OptionValues, name = "f", from = sources): Promise<CompiledProgram> {
  const license = "Dual MIT/GPL";
  return compile({
    entry: { module: "test.ts", name },
    sources: from,
    options,
    name: "test",
    type: "schedCls",
    license,
  });
}

describe("tail calls in the simulator", () => {
  it("run the program of the slot with its options, on the same packet; an empty slot lets the code go on", () => {
    const machine = createMachine();
    const empty = new SimulatedPacket(PACKET6);
    assert.equal(machine.execute(entry, empty), 0xffffffff);
    machine.setProgram(programs, 1, { entry, options: { family: 6 } });
    const packet = new SimulatedPacket(PACKET6);
    assert.equal(machine.execute(entry, packet), 60);
    assert.deepEqual([...packet.bytes.subarray(14, 18)], [0x60, 0x60, 0x60, 0x60]);
    assert.equal(machine.execute(entry, new SimulatedPacket(PACKET4)), 40);
    assert.deepEqual([...machine.map(counts).lookup(new Uint8Array(4))!], [4, 0, 0, 0, 0, 0, 0, 0]);
    machine.setProgram(programs, 1, null);
    assert.equal(machine.execute(entry, new SimulatedPacket(PACKET6)), 0xffffffff);
  });

  it("end after 33", () => {
    const machine = createMachine();
    machine.setProgram(programs, 2, { entry });
    assert.equal(machine.execute(entry, new SimulatedPacket(packetOf(0x0806))), 0xffffffff);
    assert.equal(machine.map(counts).lookup(new Uint8Array(4))![0], 34);
  });

  it("need a machine that executes the packet", () => {
    const machine = createMachine();
    const packet = new SimulatedPacket(PACKET6);
    assert.throws(() => machine.run(() => entry(packet)), { code: "ERR_TAIL_CALL" });
    assert.throws(() => machine.setProgram(programs, 3, null), { code: "E2BIG" });
  });
});

describe("compiled tail calls", () => {
  it("are refused in functions that are not part of the entry", async () => {
    const text = `
      export const programs = programArray("programs", { entries: 1 });
      /** @separate */
      export function away(packet: Packet): u32 { tailCall(packet, programs, 0); return 1; }
      export function f(packet: Packet): u32 { return away(packet); }`;
    await assert.rejects(build({}, "f", textModule(text).sources), { code: "TAIL_CALL" });
  });

  it("name the maps that a program uses, and no other", async () => {
    const names = async (options: OptionValues) => (await build(options)).maps.map((map) => map.name).sort();
    assert.deepEqual(await names({}), ["counts", "programs"]);
    assert.deepEqual(await names({ family: 6 }), ["counts", "wides"]);
    assert.deepEqual(await names({ family: 6, debug: true }), ["counts", "unused", "wides"]);
  });

  it("go from one program to another over the same maps, in the kernel", { skip }, async () => {
    const [first, second] = [await build({}), await build({ family: 6 })];
    const maps = new Map<string, LoadedMap>();
    for (const map of [...first.maps, ...second.maps]) {
      if (!maps.has(map.name)) maps.set(map.name, createMap(map));
    }
    const loaded: LoadedProgram[] = [];
    try {
      const four = loadProgram(first, maps);
      loaded.push(four);
      const six = loadProgram(second, maps);
      loaded.push(six);
      const table = maps.get("programs")!;
      assert.equal(four.run({ data: PACKET6 }).verdict, 0xffffffff);
      table.setProgram(1, six);
      assert.equal(table.programId(1), six.info().id);
      assert.equal(table.programId(0), null);
      const { verdict, data } = four.run({ data: PACKET6 });
      assert.equal(verdict, 60);
      assert.deepEqual([...data.subarray(14, 18)], [0x60, 0x60, 0x60, 0x60]);
      assert.equal(four.run({ data: PACKET4 }).verdict, 40);
      assert.deepEqual([...maps.get("counts")!.lookup(new Uint8Array(4))!], [4, 0, 0, 0, 0, 0, 0, 0]);
      table.setProgram(2, four);
      assert.equal(four.run({ data: packetOf(0x0806) }).verdict, 0xffffffff);
      assert.equal(maps.get("counts")!.lookup(new Uint8Array(4))![0], 4 + 34);
      assert.equal(table.clearProgram(1), true);
      assert.equal(table.clearProgram(1), false);
      assert.throws(() => table.setProgram(3, six), { code: "E2BIG" });
    } finally {
      for (const each of [...loaded, ...maps.values()]) each.close();
    }
  });
});
