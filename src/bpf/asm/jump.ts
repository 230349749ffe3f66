/** Jumps name labels: `jump.eq.imm(R0, 0, "missing")`, `jumpTo("loop")`, `exit()`. */
import type { Instruction } from "./instruction.ts";
import { CLASS, type Condition, JUMP, SOURCE } from "./opcode.ts";
import type { Register } from "./register.ts";

/** The four forms of a conditional jump. `target` is a label, or a distance in slots from the next instruction. */
export interface JumpForms {
  imm(dst: Register, immediate: number, target: string | number): Instruction;
  reg(dst: Register, src: Register, target: string | number): Instruction;
  /** Compares the low 32 bits. */
  imm32(dst: Register, immediate: number, target: string | number): Instruction;
  reg32(dst: Register, src: Register, target: string | number): Instruction;
}

function to(
  opcode: number,
  dst: Register,
  src: Register,
  immediate: number,
  target: string | number,
): Instruction {
  return typeof target === "number"
    ? { opcode, dst, src, offset: target, immediate }
    : { opcode, dst, src, offset: 0, immediate, target };
}

function forms(condition: Condition): JumpForms {
  const operation = JUMP[condition];
  return {
    imm: (dst, immediate, target) => to(CLASS.jump | operation, dst, 0, immediate, target),
    reg: (dst, src, target) => to(CLASS.jump | SOURCE.register | operation, dst, src, 0, target),
    imm32: (dst, immediate, target) => to(CLASS.jump32 | operation, dst, 0, immediate, target),
    reg32: (dst, src, target) => to(CLASS.jump32 | SOURCE.register | operation, dst, src, 0, target),
  };
}

/** Jumps if dst CONDITION operand; `s…` compare signed, `set` tests dst & operand. */
export const jump: Readonly<Record<Condition, JumpForms>> = {
  eq: forms("eq"),
  ne: forms("ne"),
  gt: forms("gt"),
  ge: forms("ge"),
  lt: forms("lt"),
  le: forms("le"),
  sgt: forms("sgt"),
  sge: forms("sge"),
  slt: forms("slt"),
  sle: forms("sle"),
  set: forms("set"),
};

/** Jumps always. */
export function jumpTo(target: string | number): Instruction {
  return to(CLASS.jump | JUMP.always, 0, 0, 0, target);
}

/** Returns R0. */
export function exit(): Instruction {
  return { opcode: CLASS.jump | JUMP.exit, dst: 0, src: 0, offset: 0, immediate: 0 };
}
