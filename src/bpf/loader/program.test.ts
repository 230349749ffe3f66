import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { MNT_DETACH, mount, umount } from "../../linux/index.ts";
import {
  alu,
  atomic,
  callFunction,
  callHelper,
  exit,
  type Instruction,
  jump,
  labelled,
  load,
  loadFunction,
  loadMap,
  loadMapValue,
  R0,
  R1,
  R2,
  R3,
  R4,
  R6,
  R7,
  R10,
  store,
  storeImmediate,
} from "../asm/index.ts";
import { arrayMap, constants, hashMap, ringBuffer } from "../maps/index.ts";
import type { CompiledProgram, FunctionInfo, LineInfo } from "../program.ts";
import { spinLock, struct, timer, u32, u64 } from "../schema/index.ts";
import { ProgramFormatError, VerifierError } from "./errors.ts";
import { createMap, type LoadedMap, loadProgram, openMap, openProgram, verifierLog } from "./index.ts";

const skip = process.getuid?.() === 0 ? false : "needs root (bpf)";
const directory = `/tmp/loadertest-program-${process.pid}`;

const HELPER = {
  lookup: 1,
  timerInit: 169,
  timerCallback: 170,
  timerStart: 171,
  lock: 93,
  unlock: 94,
  ring: 130,
};
const packet = new Uint8Array(64);

function program(instructions: Instruction[], more: Partial<CompiledProgram> = {}): CompiledProgram {
  return {
    name: "loadertest",
    type: "schedCls",
    license: "Dual MIT/GPL",
    instructions,
    functions: [{ name: "loadertest", start: 0 }],
    lines: [],
    maps: [],
    ...more,
  };
}

function byName(...maps: LoadedMap[]): Map<string, LoadedMap> {
  return new Map(maps.map((map) => [map.definition.name, map]));
}

function word(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

/** r0 = the element of `map` under key 0, which must be there. */
function lookupFirst(map: string): Instruction[] {
  return [
    storeImmediate(R10, -4, 0, 4),
    alu.mov.reg(R2, R10),
    alu.add.imm(R2, -4),
    loadMap(R1, map),
    callHelper(HELPER.lookup),
  ];
}

before(() => {
  if (skip) return;
  mkdirSync(directory);
  mount("bpf", directory, "bpf", 0);
});

after(() => {
  if (skip) return;
  umount(directory, MNT_DETACH);
  rmSync(directory, { recursive: true });
});

test("a program runs on a packet: verdict, changed bytes and context", { skip }, () => {
  using loaded = loadProgram(
    program([
      load(R2, R1, 8, 4), // mark
      alu.add.imm(R2, 1),
      store(R1, 8, R2, 4),
      load(R6, R1, 76, 4), // data
      load(R7, R1, 80, 4), // data_end
      alu.mov.reg(R2, R6),
      alu.add.imm(R2, 20),
      alu.mov.imm(R0, 2),
      jump.gt.reg(R2, R7, "out"),
      load(R3, R6, 14, 1),
      alu.add.imm(R3, 1),
      store(R6, 14, R3, 1),
      alu.mov.imm(R0, 7),
      labelled("out", exit()),
    ]),
    new Map(),
  );
  const data = packet.slice();
  data[14] = 41;
  const result = loaded.run({ data, context: { mark: 5, control: [1, 2, 3, 4, 5] } });
  assert.equal(result.verdict, 7);
  assert.equal(result.data.length, 64);
  assert.equal(result.data[14], 42);
  assert.equal(result.context.mark, 6);
  assert.deepEqual(result.context.control, [1, 2, 3, 4, 5]);
  assert.equal(data[14], 41, "the input is left alone");
  const many = loaded.run({ data, repeat: 1000 });
  assert.ok(many.duration > 0 && many.duration < 100_000);
  assert.throws(() => loaded.run({ data: new Uint8Array(3) }), {
    code: "EINVAL",
    message: /at least 14 bytes/,
  });
  assert.throws(() => loaded.run({ data, context: { ifindex: 999_999 } }), { code: "ENODEV" });
});

test("information, and pins", { skip }, () => {
  const path = `${directory}/program`;
  using map = createMap(arrayMap("loadertest", { value: struct("V", { n: u64 }), entries: 1 }));
  using loaded = loadProgram(
    program([...lookupFirst("loadertest"), alu.mov.imm(R0, 3), exit()]),
    byName(map),
  );
  const info = loaded.info();
  assert.equal(info.name, "loadertest");
  assert.equal(info.type, 3);
  assert.equal(info.mapIds.length, 1);
  assert.match(info.tag, /^[0-9a-f]{16}$/);
  assert.ok(info.verifiedInstructions >= 6);
  loaded.pin(path);
  using again = openProgram(path)!;
  assert.equal(again.run({ data: packet }).verdict, 3);
  assert.equal(openProgram(`${directory}/absent`), null);
  assert.throws(() => openMap(path, map.definition), {
    code: "FOREIGN_PIN",
    message: /kind program instead of map/,
  });
});

test("atomic addition in a map, and a table of constants by address", { skip }, () => {
  const Counter = struct("Counter", { packets: u64 });
  using counters = createMap(arrayMap("counters", { value: Counter, entries: 4 }));
  using table = createMap(constants("table", u32, [10, 20, 30]));
  using loaded = loadProgram(
    program([
      ...lookupFirst("counters"),
      jump.eq.imm(R0, 0, "out"),
      alu.mov.imm(R1, 1),
      atomic("add", R0, 0, R1, 8),
      loadMapValue(R1, "table", 8),
      load(R0, R1, 0, 4),
      labelled("out", exit()),
    ]),
    byName(counters, table),
  );
  assert.equal(loaded.run({ data: packet, repeat: 5 }).verdict, 30);
  assert.equal(new BigUint64Array(counters.lookup(word(0))!.buffer)[0], 5n);
});

test("only an array of one element gives the address of its value", { skip }, () => {
  using map = createMap(arrayMap("many", { value: struct("V", { n: u64 }), entries: 4 }));
  const code = [loadMapValue(R1, "many", 8), alu.mov.imm(R0, 0), exit()];
  assert.throws(
    () => loadProgram(program(code), byName(map)),
    (error: Error) => error instanceof ProgramFormatError && /arrays of one element/.test(error.message),
  );
  assert.throws(() => loadProgram(program(code), new Map()), { code: "PROGRAM_FORMAT", message: /"many"/ });
});

test("a function of the program is called", { skip }, () => {
  const functions: FunctionInfo[] = [
    { name: "loadertest", start: 0 },
    { name: "answer", start: 3 },
  ];
  using loaded = loadProgram(
    program(
      [callFunction("answer"), alu.add.imm(R0, 1), exit(), labelled("answer", alu.mov.imm(R0, 41)), exit()],
      { functions, lines: [{ start: 3, file: "a.ts", line: 1, column: 1, text: "return 41;" }] },
    ),
    new Map(),
  );
  assert.equal(loaded.run({ data: packet }).verdict, 42);
});

test("a spin lock guards a value", { skip }, () => {
  const Guarded = struct("Guarded", { lock: spinLock, count: u32 });
  using map = createMap(arrayMap("guarded", { value: Guarded, entries: 1 }));
  using loaded = loadProgram(
    program([
      ...lookupFirst("guarded"),
      jump.eq.imm(R0, 0, "out"),
      alu.mov.reg(R6, R0),
      alu.mov.reg(R1, R6),
      callHelper(HELPER.lock),
      load(R7, R6, 4, 4),
      alu.add.imm(R7, 1),
      store(R6, 4, R7, 4),
      alu.mov.reg(R1, R6),
      callHelper(HELPER.unlock),
      labelled("out", alu.mov.imm(R0, 0)),
      exit(),
    ]),
    byName(map),
  );
  loaded.run({ data: packet, repeat: 3 });
  assert.deepEqual([...new Uint32Array(map.lookup(word(0))!.buffer)], [0, 3]);
});

test("a timer in a map's value calls back with nobody running", { skip }, async () => {
  const Timed = struct("Timed", { timer, fired: u64 });
  const definition = hashMap("timed", { key: struct("K", { id: u32 }), value: Timed, entries: 4 });
  using map = createMap(definition);
  map.update(word(0), new Uint8Array(24));
  const main: Instruction[] = [
    ...lookupFirst("timed"),
    jump.eq.imm(R0, 0, "out"),
    alu.mov.reg(R6, R0),
    alu.mov.reg(R1, R6),
    loadMap(R2, "timed"),
    alu.mov.imm(R3, 7), // CLOCK_BOOTTIME
    callHelper(HELPER.timerInit),
    alu.mov.reg(R1, R6),
    loadFunction(R2, "expire"),
    callHelper(HELPER.timerCallback),
    alu.mov.reg(R1, R6),
    alu.mov.imm(R2, 20_000_000),
    alu.mov.imm(R3, 0),
    callHelper(HELPER.timerStart),
    labelled("out", exit()),
  ];
  const slots = main.reduce((sum, { opcode }) => sum + (opcode === 0x18 ? 2 : 1), 0);
  // void expire(map, key, value): value.fired = 99
  const expire = [labelled("expire", alu.mov.imm(R1, 99)), store(R3, 16, R1, 8), alu.mov.imm(R0, 0), exit()];
  const functions = [
    { name: "loadertest", start: 0 },
    { name: "expire", start: slots },
  ];
  using loaded = loadProgram(program([...main, ...expire], { functions }), byName(map));
  assert.equal(loaded.run({ data: packet }).verdict, 0);
  const fired = () => new BigUint64Array(map.lookup(word(0))!.buffer)[2];
  assert.equal(fired(), 0n);
  // A timer needs its map held by a descriptor or a pin: closing would cancel it.
  for (let wait = 0; wait < 100 && fired() === 0n; wait++) await new Promise((done) => setTimeout(done, 10));
  assert.equal(fired(), 99n);
});

test("records of a ring buffer arrive in order, around its end, too", { skip }, () => {
  using ring = createMap(ringBuffer("ring", { bytes: 4096 }));
  const Counter = struct("Counter", { n: u64 });
  using counter = createMap(arrayMap("counter", { value: Counter, entries: 1, mappable: true }));
  using loaded = loadProgram(
    program([
      ...lookupFirst("counter"),
      jump.eq.imm(R0, 0, "out"),
      alu.mov.imm(R1, 1),
      atomic("add", R0, 0, R1, 8, true),
      store(R10, -24, R1, 8),
      storeImmediate(R10, -16, 7, 8),
      loadMap(R1, "ring"),
      alu.mov.reg(R2, R10),
      alu.add.imm(R2, -24),
      alu.mov.imm(R3, 12),
      alu.mov.imm(R4, 0),
      callHelper(HELPER.ring),
      labelled("out", exit()),
    ]),
    byName(ring, counter),
  );
  const seen: bigint[] = [];
  for (let round = 0; round < 20; round++) {
    assert.equal(loaded.run({ data: packet, repeat: 50 }).verdict, 0);
    const count = ring.consume((record) => {
      assert.equal(record.length, 12);
      assert.equal(record[8], 7);
      seen.push(new DataView(record.buffer, record.byteOffset).getBigUint64(0, true));
    });
    assert.equal(count, 50);
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 1000 }, (_, index) => BigInt(index)),
  );
  // Full: 4096 bytes hold 170 records of 24 bytes; the rest is refused, nothing is overwritten.
  loaded.run({ data: packet, repeat: 300 });
  const first: bigint[] = [];
  ring.consume((record) => first.push(new DataView(record.buffer, record.byteOffset).getBigUint64(0, true)));
  assert.equal(first[0], 1000n);
  assert.ok(first.length > 100 && first.length <= 170);
  assert.throws(() => {
    loaded.run({ data: packet, repeat: 2 });
    ring.consume(() => {
      throw new Error("handler");
    });
  }, /handler/);
  assert.equal(
    ring.consume(() => {}),
    1,
    "the record of a failed handler is gone, the next is there",
  );
});

const LINES: LineInfo[] = [
  { start: 0, file: "src/balance.ts", line: 10, column: 3, text: "  const entry = flows.lookup(key);" },
  { start: 6, file: "src/balance.ts", line: 11, column: 3, text: "  entry.packets += 1n;" },
  { start: 9, file: "src/balance.ts", line: 12, column: 3, text: "  return TC_OK;" },
];

test("a rejection is shown against our source line", { skip }, () => {
  using flows = createMap(
    hashMap("flows", { key: struct("K", { id: u32 }), value: struct("V", { n: u64 }), entries: 4 }),
  );
  const code = [
    ...lookupFirst("flows"), // slots 0 … 5
    alu.mov.imm(R1, 1), // 6
    atomic("add", R0, 0, R1, 8), // 7: not checked for null
    alu.mov.imm(R0, 0),
    exit(),
  ];
  assert.throws(
    () => loadProgram(program(code, { lines: LINES }), byName(flows)),
    (error: VerifierError) => {
      assert.ok(error instanceof VerifierError);
      assert.equal(error.code, "VERIFIER");
      assert.match(error.reason, /^R0 invalid mem access 'map_value_or_null'/);
      assert.deepEqual(
        [error.file, error.line, error.column, error.text, error.slot],
        ["src/balance.ts", 11, 3, "  entry.packets += 1n;", 7],
      );
      assert.match(error.instruction!, /lock \*\(u64 \*\)\(r0 \+0\) \+= r1/);
      assert.match(error.registers!, /R0=map_value_or_null/);
      assert.match(error.registers!, /R1=1/);
      assert.match(error.log, /processed \d+ insns/);
      const [head, source, caret] = error.message.split("\n");
      assert.match(
        head!,
        /^src\/balance\.ts:11:3: the kernel's verifier rejects program "loadertest": R0 invalid/,
      );
      assert.equal(source, "  11 |   entry.packets += 1n;");
      assert.match(caret!, /^ {5}\| {3}\^ R0 invalid/);
      return true;
    },
  );
});

test("rejections that name an instruction, and ones that name none", { skip }, () => {
  const jumpOut = [alu.mov.imm(R0, 0), jump.eq.imm(R0, 0, 100), exit()];
  assert.throws(() => loadProgram(program(jumpOut, { lines: LINES.slice(0, 1) }), new Map()), {
    name: "VerifierError",
    line: 10,
    slot: 1,
    reason: /out of range/,
  });
  const noExit = [alu.mov.imm(R0, 0)];
  assert.throws(() => loadProgram(program(noExit, { lines: LINES.slice(0, 1) }), new Map()), {
    name: "VerifierError",
    reason: /last insn is not an exit/,
  });
  assert.throws(() => loadProgram(program([exit()]), new Map()), {
    name: "VerifierError",
    reason: "R0 !read_ok",
    line: undefined,
  });
});

test("a log larger than the first buffer still gives the reason", { skip }, () => {
  const noise = Array.from({ length: 30_000 }, (_, index) => alu.mov.imm(R0, index));
  assert.throws(() => loadProgram(program([...noise, alu.mov.reg(R0, R7), exit()]), new Map()), {
    name: "VerifierError",
    reason: "R7 !read_ok",
    slot: 30_000,
  });
});

test("the verifier's log of a good program", { skip }, () => {
  const log = verifierLog(program([alu.mov.imm(R0, 0), exit()], { lines: LINES.slice(0, 1) }), new Map());
  assert.match(log, /^processed 2 insns/m);
  assert.match(log, /const entry = flows\.lookup\(key\);/);
});
