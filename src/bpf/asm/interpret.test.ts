import assert from "node:assert/strict";
import { test } from "node:test";
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
  R0,
  R1,
  R2,
  R3,
  R6,
  R10,
  store,
  storeImmediate,
  toBigEndian,
} from "./index.ts";
import { interpret } from "./interpret.ts";
import { Memory } from "./interpret-memory.ts";

const run = (program: Instruction[], args: bigint[] = []) => interpret(program, { args }).value;

test("arithmetic has the widths of the instruction set", () => {
  assert.equal(run([alu.mov.imm(R0, -1), exit()]), 2n ** 64n - 1n);
  assert.equal(run([alu.mov.imm32(R0, -1), exit()]), 2n ** 32n - 1n);
  assert.equal(run([alu.mov.imm32(R0, 0x1234), toBigEndian(R0, 16), exit()]), 0x3412n);
  assert.equal(run([alu.mov.imm(R0, 7), alu.div.imm(R0, 0), exit()]), 0n);
  assert.equal(run([alu.mov.imm(R0, -8), alu.arsh.imm32(R0, 1), exit()]), 0xfffffffcn);
});

test("a loop, the stack, a function and a callback", () => {
  const program = [
    alu.mov.imm(R6, 0),
    labelled("loop", alu.add.imm(R6, 1)),
    jump.lt.imm(R6, 10, "loop"),
    store(R10, -8, R6, 8),
    atomic("add", R10, -8, R6, 8),
    alu.mov.reg(R1, R6),
    callFunction("double"),
    loadFunction(R2, "double"),
    alu.mov.reg(R1, R0),
    callHelper(9),
    load(R1, R10, -8, 8),
    alu.add.reg(R0, R1),
    exit(),
    labelled("double", alu.mov.reg(R0, R1)),
    alu.add.reg(R0, R0),
    exit(),
  ];
  const { value, executed } = interpret(program, {
    helper: (_id, args, context) => context.call(args[1]!, [args[0]!]) + 1n,
  });
  assert.equal(value, 61n);
  assert.equal(executed, 1 + 20 + 10 + 6);
});

test("what the verifier would refuse is an error", () => {
  const cases: [string, Instruction[]][] = [
    ["UNINITIALISED", [exit()]],
    ["UNINITIALISED", [alu.mov.imm(R3, 1), callHelper(1), alu.mov.reg(R0, R3), exit()]],
    ["UNINITIALISED", [storeImmediate(R10, -8, 0, 4), load(R0, R10, -8, 8), exit()]],
    ["BAD_ADDRESS", [load(R0, R10, 0, 8), exit()]],
    ["TOO_LONG", [labelled("a", jump.eq.imm(R1, 0, "a"))]],
  ];
  for (const [code, program] of cases) {
    assert.throws(() => interpret(program, { args: [0n], helper: () => 0n }), { code });
  }
});

test("memory given by the caller", () => {
  const memory = new Memory();
  const region = memory.map({ base: 0x1000n, bytes: new Uint8Array(16) });
  interpret([storeImmediate(R1, 2, 0x01020304, 4), alu.mov.imm(R0, 0), exit()], { memory, args: [0x1000n] });
  assert.deepEqual([...region.bytes.subarray(0, 8)], [0, 0, 4, 3, 2, 1, 0, 0]);
});
