import assert from "node:assert/strict";
import { test } from "node:test";
import { VerifierError } from "./errors.ts";
import { lineOf, readRejection } from "./verifier-log.ts";

/** Linux 6.18, log level 1. */
const NEW = `func#0 @0
func#1 @18
0: R1=ctx() R10=fp0
; const entry = flows.lookup(key); @ balance.ts:10
0: (62) *(u32 *)(r10 -4) = 0          ; R10=fp0 fp-8=0000????
1: (bf) r2 = r10                      ; R2=fp0 R10=fp0
2: (07) r2 += -4                      ; R2=fp-4
3: (18) r1 = 0xffff8881005d4800       ; R1=map_ptr(map=flows,ks=4,vs=8)
5: (85) call bpf_map_lookup_elem#1    ; R0=map_value_or_null(id=1,map=flows,ks=4,vs=8)
; entry.packets += 1n; @ balance.ts:11
6: (b7) r1 = 1                        ; R1=1
7: (db) lock *(u64 *)(r0 +0) += r1
R0 invalid mem access 'map_value_or_null'
processed 7 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;

/** Linux 6.1 marks written registers with _w, and prints whole states at joins. */
const OLD = `0: R1=ctx(off=0,imm=0) R10=fp0
; const length = packet.length;
0: (61) r2 = *(u32 *)(r1 +76)         ; R1=ctx(off=0,imm=0) R2_w=pkt(off=0,r=0,imm=0)
1: (61) r3 = *(u32 *)(r1 +80)         ; R1=ctx(off=0,imm=0) R3_w=pkt_end(off=0,imm=0)
2: (55) if r2 != r3 goto pc+1

from 2 to 4: R1=ctx(off=0,imm=0) R2=pkt(off=0,r=0,imm=0) R3=pkt_end(off=0,imm=0) R10=fp0
4: (71) r0 = *(u8 *)(r2 +0)
invalid access to packet, off=0 size=1, R2(id=0,off=0,r=0)
R2 offset is outside of the packet
verification time 41 usec
stack depth 0
processed 4 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;

test("a new kernel's log", () => {
  assert.deepEqual(readRejection(NEW), {
    reason: "R0 invalid mem access 'map_value_or_null'",
    slot: 7,
    instruction: "lock *(u64 *)(r0 +0) += r1",
    registers: "R1=1 R10=fp0 fp-8=0000???? R2=fp-4 R0=map_value_or_null(id=1,map=flows,ks=4,vs=8)",
  });
});

test("an older kernel's log: the state after a join is what counts", () => {
  assert.deepEqual(readRejection(OLD), {
    reason: "R2 offset is outside of the packet",
    slot: 4,
    instruction: "r0 = *(u8 *)(r2 +0)",
    registers: "R1=ctx(off=0,imm=0) R2=pkt(off=0,r=0,imm=0) R3=pkt_end(off=0,imm=0) R10=fp0",
  });
});

test("complaints that stand alone", () => {
  const reject = (log: string) => {
    const { reason, slot } = readRejection(log);
    return [reason, slot];
  };
  assert.deepEqual(reject("unreachable insn 5\nprocessed 0 insns (limit 1000000)\n"), [
    "unreachable insn 5",
    5,
  ]);
  assert.deepEqual(reject("jump out of range from insn 3 to 99\n"), [
    "jump out of range from insn 3 to 99",
    3,
  ]);
  assert.deepEqual(reject("back-edge from insn 12 to 3\n"), ["back-edge from insn 12 to 3", 12]);
  assert.deepEqual(reject("last insn is not an exit or jmp\nprocessed 0 insns\n"), [
    "last insn is not an exit or jmp",
    undefined,
  ]);
  assert.deepEqual(reject(""), ["the verifier gave no reason", undefined]);
  assert.deepEqual(reject("BPF program is too large. Processed 1000001 insn\nprocessed 1000001 insns\n"), [
    "BPF program is too large. Processed 1000001 insn",
    undefined,
  ]);
});

test("slots belong to the line that begins at or before them", () => {
  const lines = [4, 0, 9].map((start) => ({ start, file: "a.ts", line: start + 1, column: 1, text: "" }));
  assert.deepEqual(
    [0, 3, 4, 8, 9, 100].map((slot) => lineOf(lines, slot)?.start),
    [0, 0, 4, 4, 9, 9],
  );
  assert.equal(lineOf([], 3), undefined);
});

test("the message shows the source, the reason and the registers", () => {
  const line = { start: 6, file: "balance.ts", line: 11, column: 3, text: "  entry.packets += 1n;" };
  assert.equal(
    new VerifierError("balance", readRejection(NEW), line, NEW).message,
    `balance.ts:11:3: the kernel's verifier rejects program "balance": R0 invalid mem access 'map_value_or_null'
  11 |   entry.packets += 1n;
     |   ^ R0 invalid mem access 'map_value_or_null'
  at instruction 7: lock *(u64 *)(r0 +0) += r1
  with R1=1 R10=fp0 fp-8=0000???? R2=fp-4 R0=map_value_or_null(id=1,map=flows,ks=4,vs=8)`,
  );
});
