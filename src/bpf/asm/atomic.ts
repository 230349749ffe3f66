/** Atomic read-modify-write of 4 or 8 bytes at base + offset. */
import type { Instruction } from "./instruction.ts";
import { ATOMIC, CLASS, FETCH, MODE, SIZE } from "./opcode.ts";
import type { Register } from "./register.ts";

export type AtomicName = "add" | "and" | "or" | "xor";

/**
 * memory op= src. With `fetch`, src receives the old value (zero-extended). Without, the processor need not return
 * it, which is cheaper.
 */
export function atomic(
  name: AtomicName,
  base: Register,
  offset: number,
  src: Register,
  size: 4 | 8,
  fetch = false,
): Instruction {
  return {
    opcode: CLASS.stx | MODE.atomic | SIZE[size],
    dst: base,
    src,
    offset,
    immediate: ATOMIC[name] | (fetch ? FETCH : 0),
  };
}

/** Exchanges src with memory. */
export function atomicExchange(base: Register, offset: number, src: Register, size: 4 | 8): Instruction {
  return { opcode: CLASS.stx | MODE.atomic | SIZE[size], dst: base, src, offset, immediate: ATOMIC.exchange };
}

/** If memory equals R0, memory = src; R0 = the old value (zero-extended). */
export function atomicCompareExchange(
  base: Register,
  offset: number,
  src: Register,
  size: 4 | 8,
): Instruction {
  return {
    opcode: CLASS.stx | MODE.atomic | SIZE[size],
    dst: base,
    src,
    offset,
    immediate: ATOMIC.compareExchange,
  };
}
