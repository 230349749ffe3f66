/** The packet helpers of the simulator against those of the running kernel: same call, same packet, same outcome. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { kernelAtLeast } from "../../linux/index.ts";
import {
  alu,
  callHelper,
  exit,
  type Instruction,
  loadImmediate,
  R1,
  R2,
  R3,
  R4,
  R5,
  R6,
  R10,
  storeImmediate,
} from "../asm/index.ts";
import * as bpf from "../language.ts";
import { loadProgram } from "../loader/index.ts";
import { randomSequence } from "./random.ts";

const skip = process.getuid?.() === 0 ? false : "needs root (bpf)";
const REGISTERS = [R1, R2, R3, R4, R5] as const;

type Argument = bpf.Packet | number | bigint | Uint8Array | null;
type Helper = (...args: never[]) => unknown;

/** A program that calls the helper as the compiler would, on `args`, and returns what it returns. */
function programOf(helper: Helper, args: readonly Argument[]): Instruction[] {
  const lowering = bpf.loweringOf(helper);
  assert.ok(lowering?.kind === "helper");
  const code: Instruction[] = [alu.mov.reg(R6, R1)];
  const places = new Map<number, number>();
  let depth = 0;
  for (const [i, argument] of args.entries()) {
    if (!(argument instanceof Uint8Array)) continue;
    depth += (argument.length + 7) & ~7;
    places.set(i, -depth);
    for (const [at, byte] of argument.entries()) code.push(storeImmediate(R10, at - depth, byte, 1));
  }
  for (const [i, source] of lowering.args.entries()) {
    const register = REGISTERS[i]!;
    const argument = "argument" in source ? args[source.argument] : undefined;
    if (source.from === "packet") code.push(alu.mov.reg(register, R6));
    else if (source.from === "reference" && argument !== null) {
      code.push(alu.mov.reg(register, R10), alu.add.imm(register, places.get(source.argument)!));
    } else if (source.from === "size" && argument instanceof Uint8Array) {
      code.push(alu.mov.imm(register, argument.length));
    } else if (source.from === "length") {
      code.push(alu.mov.imm(register, (argument ?? (args[source.of] as Uint8Array).length) as number));
    } else {
      const value = source.from === "constant" ? source.value : argument;
      code.push(loadImmediate(register, BigInt.asUintN(64, BigInt((value as number | bigint | null) ?? 0))));
    }
  }
  return [...code, callHelper(lowering.id), exit()];
}

/** Runs one helper in both worlds on the same packet and compares result, bytes and GSO size. */
function compare(helper: Helper, bytes: Uint8Array, args: readonly Argument[]): number {
  const packet = new bpf.SimulatedPacket(bytes, { protocol: (bytes[12]! << 8) | bytes[13]! });
  const simulated = bpf
    .createMachine()
    .run(() => helper(...([packet, ...args.slice(1)] as never[]))) as number;
  const program = loadProgram(
    {
      name: "simtest",
      type: "schedCls",
      license: "Dual MIT/GPL",
      instructions: programOf(helper, args),
      functions: [{ name: "simtest", start: 0 }],
      lines: [],
      maps: [],
    },
    new Map(),
  );
  try {
    const real = program.run({ data: bytes, room: 20_000 });
    const about = `${bpf.loweringOf(helper)?.name} ${args.slice(1).join(", ")} of ${bytes.length} bytes`;
    assert.equal(simulated, real.verdict | 0, about);
    if (simulated >= 0) {
      assert.equal(Buffer.from(packet.bytes).toString("hex"), Buffer.from(real.data).toString("hex"), about);
    }
    return simulated;
  } finally {
    program.close();
  }
}

function frame(next: () => number, length: number, etherType = 0x0800): Uint8Array {
  const bytes = new Uint8Array(length).map(() => next() & 0xff);
  bytes.set([etherType >> 8, etherType & 0xff, etherType === 0x0800 ? 0x45 : 0x60], 12);
  bytes[23] = 6;
  return bytes;
}

const HERE = null;

test("checksum replacement", { skip }, () => {
  const next = randomSequence(11);
  for (let round = 0; round < 120; round++) {
    const bytes = frame(next, 60);
    const size = [0, 2, 4, 4, 3][next() % 5]!;
    const from = size === 0 ? next() & (next() % 4 === 0 ? 1 : 0) : size === 2 ? next() & 0xffff : next();
    const to = size === 2 ? next() & 0xffff : next();
    const offset = [24, 40, 50, 58, 59, 60, 70000][next() % 7]!;
    if (next() % 4 === 0) bytes.set([0, 0], Math.min(offset, 58));
    if (next() % 4 === 0) bytes.set([0xff, 0xff], Math.min(offset, 58));
    compare(bpf.replaceL3Checksum, bytes, [HERE, offset, from, to, size]);
    const flags = size | (next() & 0x70);
    compare(bpf.replaceL4Checksum, bytes, [HERE, offset, from, to, flags]);
  }
});

test("checksum differences (as 16-bit sums: kernels differ in folding)", { skip }, () => {
  const next = randomSequence(12);
  const words = () => new Uint8Array(4 * (1 + (next() % 4))).map(() => next() & 0xff);
  for (let round = 0; round < 60; round++) {
    const from = next() % 4 === 0 ? null : words();
    const to = next() % 4 === 0 && from !== null ? null : words();
    const seed = next();
    const bytes = frame(next, 60);
    const code = programOf(bpf.checksumDifference, [from, to, seed]);
    const program = loadProgram(
      {
        name: "simtest",
        type: "schedCls",
        license: "Dual MIT/GPL",
        instructions: code,
        functions: [{ name: "simtest", start: 0 }],
        lines: [],
        maps: [],
      },
      new Map(),
    );
    const { verdict } = program.run({ data: bytes });
    program.close();
    const folded = ((verdict & 0xffff) + (verdict >>> 16)) % 0xffff;
    assert.equal(bpf.checksumDifference(from, to, seed) % 0xffff, folded);
  }
});

test("storing, pulling, changing the ends", { skip }, () => {
  const next = randomSequence(13);
  for (let round = 0; round < 60; round++) {
    const bytes = frame(next, 60 + (next() % 100));
    const source = new Uint8Array(1 + (next() % 16)).map(() => next() & 0xff);
    const offset = next() % 8 === 0 ? 0xffffffff : next() % (bytes.length + 8);
    compare(bpf.storeBytes, bytes, [HERE, offset, source, next() % 5]);
    compare(bpf.pullData, bytes, [HERE, next() % 200]);
    compare(bpf.loadBytes, bytes, [HERE, offset, source]);
    compare(bpf.changeTail, bytes, [HERE, 14 + (next() % 300), BigInt(next() % 8 === 0 ? 1 : 0)]);
    compare(bpf.changeHead, bytes, [HERE, next() % 100, BigInt(next() % 8 === 0 ? 1 : 0)]);
  }
});

test("changing the protocol", { skip }, () => {
  const next = randomSequence(15);
  for (let round = 0; round < 40; round++) {
    const bytes = frame(next, 60 + (next() % 100), [0x0800, 0x86dd, 0x0806][next() % 3]!);
    const protocol = [0x0008, 0xdd86, 0x86dd][next() % 3]!;
    compare(bpf.changeProtocol, bytes, [HERE, protocol, BigInt(next() % 8 === 0 ? 1 : 0)]);
  }
});

test("adjusting room", { skip }, () => {
  const next = randomSequence(14);
  const unknown = kernelAtLeast(6, 3) ? 0n : bpf.ROOM_DECAPSULATE_IPV4 | bpf.ROOM_DECAPSULATE_IPV6;
  const results = new Set<number>();
  for (let round = 0; round < 200; round++) {
    const bytes = frame(next, 60 + (next() % 100), [0x0800, 0x0800, 0x86dd, 0x0806][next() % 4]!);
    const delta = (next() % 120) - 60;
    const inner = next() % 8 === 0 ? BigInt(next() % 80) << 56n : 0n;
    const flags = next() % 2 === 0 ? 0n : (BigInt(next() % 1024) | inner) & ~unknown;
    results.add(compare(bpf.adjustRoom, bytes, [HERE, delta, next() % 3 === 0 ? 0 : 1, flags]));
  }
  compare(bpf.adjustRoom, frame(next, 60), [HERE, 4096, 1, 0n]);
  compare(bpf.adjustRoom, frame(next, 60), [HERE, 4, 2, 0n]);
  assert.ok(results.has(0) && results.size >= 3);
});
