/**
 * Arithmetic: `alu.add.imm(R1, 22)` is r1 += 22, `alu.mov.reg32(R1, R2)` is w1 = w2. 64-bit immediates are
 * sign-extended from 32 bits; the 32-bit forms zero-extend their result.
 */
import type { Instruction } from "./instruction.ts";
import { ALU, type AluName, CLASS, SOURCE } from "./opcode.ts";
import type { Register } from "./register.ts";

/** The four forms of an operation. */
export interface AluForms {
  /** dst = dst op immediate, 64 bits. */
  imm(dst: Register, immediate: number): Instruction;
  /** dst = dst op src, 64 bits. */
  reg(dst: Register, src: Register): Instruction;
  /** The low halves, zero-extended. */
  imm32(dst: Register, immediate: number): Instruction;
  reg32(dst: Register, src: Register): Instruction;
}

function forms(name: AluName): AluForms {
  const make = (opcode: number, dst: Register, src: Register, immediate: number): Instruction => ({
    opcode: opcode | ALU[name],
    dst,
    src,
    offset: 0,
    immediate,
  });
  return {
    imm: (dst, immediate) => make(CLASS.alu64, dst, 0, immediate),
    reg: (dst, src) => make(CLASS.alu64 | SOURCE.register, dst, src, 0),
    imm32: (dst, immediate) => make(CLASS.alu32, dst, 0, immediate),
    reg32: (dst, src) => make(CLASS.alu32 | SOURCE.register, dst, src, 0),
  };
}

/** Every binary operation and `mov`. */
export const alu = {
  add: forms("add"),
  sub: forms("sub"),
  mul: forms("mul"),
  div: forms("div"),
  mod: forms("mod"),
  or: forms("or"),
  and: forms("and"),
  xor: forms("xor"),
  lsh: forms("lsh"),
  rsh: forms("rsh"),
  arsh: forms("arsh"),
  mov: forms("mov"),
} as const satisfies Partial<Record<AluName, AluForms>>;

/** dst = −dst, 64 bits. */
export function negate(dst: Register): Instruction {
  return { opcode: CLASS.alu64 | ALU.neg, dst, src: 0, offset: 0, immediate: 0 };
}

/**
 * dst = the low `bits` of dst in big-endian (network) order, zero-extended: a byte swap on little-endian hosts.
 * The verifier forgets all it knew about dst.
 */
export function toBigEndian(dst: Register, bits: 16 | 32 | 64): Instruction {
  return { opcode: CLASS.alu32 | ALU.end | SOURCE.register, dst, src: 0, offset: 0, immediate: bits };
}

/** dst = the low `bits` of dst in little-endian order, zero-extended: a byte swap on big-endian hosts. */
export function toLittleEndian(dst: Register, bits: 16 | 32 | 64): Instruction {
  return { opcode: CLASS.alu32 | ALU.end, dst, src: 0, offset: 0, immediate: bits };
}
