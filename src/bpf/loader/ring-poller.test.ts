import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import {
  alu,
  callHelper,
  exit,
  type Instruction,
  loadMap,
  R1,
  R2,
  R3,
  R4,
  R10,
  storeImmediate,
} from "../asm/index.ts";
import { ringBuffer } from "../maps/index.ts";
import type { CompiledProgram } from "../program.ts";
import { createMap, loadProgram, pollRing } from "./index.ts";

const skip = process.getuid?.() === 0 ? false : "needs root (bpf)";

const instructions: Instruction[] = [
  storeImmediate(R10, -8, 42, 8),
  loadMap(R1, "ring"),
  alu.mov.reg(R2, R10),
  alu.add.imm(R2, -8),
  alu.mov.imm(R3, 8),
  alu.mov.imm(R4, 0),
  callHelper(130, "bpf_ringbuf_output"),
  exit(),
];
const writer: CompiledProgram = {
  name: "writer",
  type: "schedCls",
  license: "Dual MIT/GPL",
  instructions,
  functions: [],
  lines: [],
  maps: [],
};

test("records arrive on the event loop until the reader is closed", { skip }, async () => {
  using ring = createMap(ringBuffer("ring", { bytes: 4096 }));
  using program = loadProgram(writer, new Map([["ring", ring]]));
  const data = new Uint8Array(64);
  let count = 0;
  const errors: unknown[] = [];
  const poller = pollRing(
    ring,
    (record) => {
      assert.equal(record[0], 42);
      if (++count === 3) throw new Error("third");
    },
    { keepAlive: true, busy: 1, onError: (error) => errors.push(error) },
  );
  for (let round = 0; round < 10; round++) {
    program.run({ data, repeat: 5 });
    await new Promise((done) => setTimeout(done, 5));
  }
  for (let wait = 0; wait < 100 && count < 50; wait++) await new Promise((done) => setTimeout(done, 10));
  assert.equal(count, 50);
  assert.equal(errors.length, 1);
  poller.close();
  program.run({ data });
  await new Promise((done) => setTimeout(done, 20));
  assert.equal(count, 50);
});

test("a handler may close reader and map", { skip }, async () => {
  const ring = createMap(ringBuffer("ring", { bytes: 4096 }));
  using program = loadProgram(writer, new Map([["ring", ring]]));
  let count = 0;
  const poller = pollRing(
    ring,
    () => {
      count++;
      poller.close();
      ring.close();
    },
    { keepAlive: true, busy: 1 },
  );
  program.run({ data: new Uint8Array(64), repeat: 5 });
  for (let wait = 0; wait < 100 && count === 0; wait++) await new Promise((done) => setTimeout(done, 5));
  assert.equal(count, 1);
});

test("a reader does not keep the process from ending", { skip }, () => {
  const door = new URL("./index.js", import.meta.url).href;
  const maps = new URL("../maps/index.js", import.meta.url).href;
  const script = `
    const { createMap, pollRing } = await import(${JSON.stringify(door)});
    const { ringBuffer } = await import(${JSON.stringify(maps)});
    pollRing(createMap(ringBuffer("ring", { bytes: 4096 })), () => {});
    console.log("end");`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], { timeout: 10_000 });
  assert.equal(String(output), "end\n");
});
