import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AssemblerError,
  alu,
  atomic,
  atomicCompareExchange,
  atomicExchange,
  callFunction,
  callHelper,
  decode,
  disassemble,
  encode,
  exit,
  formatInstruction,
  type Instruction,
  jump,
  jumpTo,
  labelled,
  load,
  loadFunction,
  loadImmediate,
  loadMap,
  loadMapValue,
  negate,
  R0,
  R1,
  R2,
  R6,
  R10,
  store,
  storeImmediate,
  toBigEndian,
  toLittleEndian,
} from "./index.ts";

function hex(instructions: readonly Instruction[]): string {
  return Buffer.from(encode(instructions, { mapDescriptor: (name) => (name === "flows" ? 7 : undefined) }))
    .toString("hex")
    .replace(/.{16}(?=.)/g, "$& ");
}

const table: readonly (readonly [Instruction, string, string])[] = [
  [alu.add.imm(R1, 22), "0701000016000000", "r1 += 22"],
  [alu.add.reg(R1, R2), "0f21000000000000", "r1 += r2"],
  [alu.sub.imm32(R1, -1), "14010000ffffffff", "w1 -= -1"],
  [alu.mov.reg32(R6, R1), "bc16000000000000", "w6 = w1"],
  [alu.mov.imm(R0, -1), "b7000000ffffffff", "r0 = -1"],
  [alu.arsh.imm(R1, 32), "c701000020000000", "r1 s>>= 32"],
  [alu.mod.reg(R1, R2), "9f21000000000000", "r1 %= r2"],
  [negate(R2), "8702000000000000", "r2 = -r2"],
  [toBigEndian(R2, 16), "dc02000010000000", "r2 = be16 r2"],
  [toLittleEndian(R2, 64), "d402000040000000", "r2 = le64 r2"],
  [load(R2, R1, 76, 4), "61124c0000000000", "r2 = *(u32 *)(r1 +76)"],
  [load(R2, R10, -8, 8), "79a2f8ff00000000", "r2 = *(u64 *)(r10 -8)"],
  [store(R10, -2, R1, 2), "6b1afeff00000000", "*(u16 *)(r10 -2) = r1"],
  [storeImmediate(R10, -1, 5, 1), "720affff05000000", "*(u8 *)(r10 -1) = 5"],
  [loadImmediate(R1, 0x1122334455667788n), "1801000088776655 0000000044332211", "r1 = 0x1122334455667788"],
  [loadMap(R1, "flows"), "1811000007000000 0000000000000000", "r1 = map[flows]"],
  [loadMapValue(R1, "flows", 16), "1821000007000000 0000000010000000", "r1 = map[flows][0]+16"],
  [atomic("add", R1, 8, R2, 8), "db21080000000000", "lock *(u64 *)(r1 +8) += r2"],
  [atomic("or", R1, 0, R2, 4, true), "c321000041000000", "r2 = atomic_fetch_or((u32 *)(r1 +0), r2)"],
  [atomicExchange(R1, 0, R2, 8), "db210000e1000000", "r2 = atomic64_xchg((u64 *)(r1 +0), r2)"],
  [atomicCompareExchange(R1, 0, R2, 8), "db210000f1000000", "r0 = atomic64_cmpxchg((u64 *)(r1 +0), r0, r2)"],
  [jump.ne.imm(R0, 0, 2), "5500020000000000", "if r0 != 0x0 goto pc+2"],
  [jump.slt.reg32(R0, R2, -3), "ce20fdff00000000", "if w0 s< w2 goto pc-3"],
  [jump.set.imm(R1, 8, 1), "4501010008000000", "if r1 & 0x8 goto pc+1"],
  [jumpTo(3), "0500030000000000", "goto pc+3"],
  [callHelper(1, "map_lookup_elem"), "8500000001000000", "call map_lookup_elem#1"],
  [exit(), "9500000000000000", "exit"],
];

test("each instruction has the bytes of RFC 9669 and bpftool's text", () => {
  for (const [instruction, bytes, text] of table) {
    assert.equal(hex([instruction]), bytes, text);
    assert.equal(formatInstruction(instruction), text);
  }
});

test("decode is the inverse of encode", () => {
  const program = table.map(([instruction]) => instruction);
  const bytes = encode(program);
  assert.deepEqual(encode(decode(bytes)), bytes);
  assert.equal(decode(bytes).length, program.length);
  assert.throws(() => decode(bytes.subarray(0, 12)), { code: "TRUNCATED" });
  assert.throws(() => decode(encode([loadMap(R1, "m")]).subarray(0, 8)), { code: "TRUNCATED" });
});

test("labels are resolved in slots, over 64-bit immediates, to functions too", () => {
  const program = [
    labelled("main", jump.eq.imm(R1, 0, "out")),
    loadMap(R1, "flows"),
    loadFunction(R2, "callback"),
    callFunction("callback"),
    labelled("out", alu.mov.imm(R0, 0)),
    exit(),
    labelled("callback", jumpTo("callback")),
  ];
  assert.equal(
    hex(program),
    "1501050000000000 1811000007000000 0000000000000000 1842000004000000 0000000000000000 " +
      "8510000002000000 b700000000000000 9500000000000000 0500ffff00000000",
  );
  assert.equal(
    disassemble(program),
    [
      "main:",
      "   0: (15) if r1 == 0x0 goto out",
      "   1: (18) r1 = map[flows]",
      "   3: (18) r2 = subprog[callback]",
      "   5: (85) call callback",
      "out:",
      "   6: (b7) r0 = 0",
      "   7: (95) exit",
      "callback:",
      "   8: (05) goto callback",
    ].join("\n"),
  );
});

test("the source line is printed when it changes", () => {
  const at = { file: "a.ts", line: 3, column: 1, text: "  return 0;" };
  const program = [
    { ...alu.mov.imm(R0, 0), at },
    { ...exit(), at },
  ];
  assert.equal(disassemble(program, { source: true, numbers: false }), "; return 0;\n  r0 = 0\n  exit");
});

test("what cannot be encoded is a typed error", () => {
  const far = [jumpTo("end"), ...Array.from({ length: 40_000 }, () => exit()), labelled("end", exit())];
  const cases: readonly (readonly [string, readonly Instruction[]])[] = [
    ["LABEL_UNKNOWN", [jumpTo("nowhere")]],
    ["LABEL_DUPLICATE", [labelled("a", exit()), labelled("a", exit())]],
    ["JUMP_TOO_FAR", far],
    ["OPERAND_RANGE", [load(R1, R2, 40_000, 4)]],
    ["OPERAND_RANGE", [alu.add.imm(R1, 2 ** 32)]],
    ["MAP_UNKNOWN", [loadMap(R1, "none")]],
  ];
  for (const [code, program] of cases) {
    assert.throws(
      () => hex(program),
      (error) => error instanceof AssemblerError && error.code === code,
    );
  }
});
