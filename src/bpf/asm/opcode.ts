/**
 * The opcode byte (RFC 9669, section 3).
 *
 *     arithmetic and jumps:  msb | operation:4 | source:1 | class:3 | lsb
 *     loads and stores:      msb | mode:3 | size:2        | class:3 | lsb
 */

/** Instruction classes (the low three bits). */
export const CLASS = {
  /** 64-bit immediate loads. */
  ld: 0x00,
  /** dst = memory at src + offset. */
  ldx: 0x01,
  /** memory at dst + offset = immediate. */
  st: 0x02,
  /** memory at dst + offset = src; atomics. */
  stx: 0x03,
  /** 32-bit arithmetic (zero-extends the result). */
  alu32: 0x04,
  /** 64-bit jumps, calls, exit. */
  jump: 0x05,
  /** jumps that compare the low 32 bits. */
  jump32: 0x06,
  /** 64-bit arithmetic. */
  alu64: 0x07,
} as const;

/** Where the second operand of arithmetic and jumps comes from. */
export const SOURCE = { immediate: 0x00, register: 0x08 } as const;

/** Arithmetic operations (the high four bits). */
export const ALU = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  /** unsigned; by zero gives 0. */
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  neg: 0x80,
  /** unsigned; by zero leaves dst. */
  mod: 0x90,
  xor: 0xa0,
  mov: 0xb0,
  arsh: 0xc0,
  /** byte order; the source bit chooses big endian, the immediate the width. */
  end: 0xd0,
} as const;
export type AluName = keyof typeof ALU;

/** Jump operations (the high four bits). */
export const JUMP = {
  always: 0x00,
  eq: 0x10,
  gt: 0x20,
  ge: 0x30,
  /** dst & src is not zero. */
  set: 0x40,
  ne: 0x50,
  sgt: 0x60,
  sge: 0x70,
  call: 0x80,
  exit: 0x90,
  lt: 0xa0,
  le: 0xb0,
  slt: 0xc0,
  sle: 0xd0,
} as const;
export type JumpName = keyof typeof JUMP;
/** Jumps that compare. */
export type Condition = Exclude<JumpName, "always" | "call" | "exit">;

/** Sizes of memory accesses. */
export const SIZE = { 4: 0x00, 2: 0x08, 1: 0x10, 8: 0x18 } as const;
export type Size = 1 | 2 | 4 | 8;

/** Modes of loads and stores. */
export const MODE = { imm: 0x00, mem: 0x60, atomic: 0xc0 } as const;

/** Immediates of atomic instructions. */
export const ATOMIC = {
  add: 0x00,
  or: 0x40,
  and: 0x50,
  xor: 0xa0,
  exchange: 0xe1,
  compareExchange: 0xf1,
} as const;
/** Added to an atomic operation's immediate: src receives the old value. */
export const FETCH = 0x01;

/** What `src` of a 64-bit immediate load says about the immediate. */
export const PSEUDO = {
  value: 0,
  /** a map descriptor */
  map: 1,
  /** a map descriptor, and in the second slot an offset into element 0 */
  mapValue: 2,
  /** the distance to a function, in slots from the next instruction */
  function: 4,
} as const;
/** `src` of a call instruction: a function of the program rather than a helper. */
export const PSEUDO_CALL = 1;

/** The opcode of `lddw`, the only instruction of two slots. */
export const LOAD_IMMEDIATE_64 = CLASS.ld | MODE.imm | SIZE[8];

/** The class of an opcode. */
export function classOf(opcode: number): number {
  return opcode & 0x07;
}

/** The operation bits of an arithmetic or jump opcode. */
export function operationOf(opcode: number): number {
  return opcode & 0xf0;
}

/** True if the second operand is a register. */
export function usesRegister(opcode: number): boolean {
  return (opcode & SOURCE.register) !== 0;
}

/** Bytes accessed by a load or store. */
export function sizeOf(opcode: number): Size {
  switch (opcode & 0x18) {
    case SIZE[1]:
      return 1;
    case SIZE[2]:
      return 2;
    case SIZE[4]:
      return 4;
    default:
      return 8;
  }
}

/** True for jump32 and jump classes. */
export function isJumpClass(opcode: number): boolean {
  const kind = classOf(opcode);
  return kind === CLASS.jump || kind === CLASS.jump32;
}

/** True for instructions that may continue elsewhere: conditional and unconditional jumps, not calls or exit. */
export function isJump(opcode: number): boolean {
  const operation = operationOf(opcode);
  return isJumpClass(opcode) && operation !== JUMP.call && operation !== JUMP.exit;
}
