/** Loads, stores and 64-bit immediates. Loads of 1, 2 and 4 bytes zero-extend. */
import type { Instruction } from "./instruction.ts";
import { CLASS, LOAD_IMMEDIATE_64, MODE, PSEUDO, SIZE, type Size } from "./opcode.ts";
import type { Register } from "./register.ts";

/** dst = memory at base + offset. */
export function load(dst: Register, base: Register, offset: number, size: Size): Instruction {
  return { opcode: CLASS.ldx | MODE.mem | SIZE[size], dst, src: base, offset, immediate: 0 };
}

/** memory at base + offset = src. */
export function store(base: Register, offset: number, src: Register, size: Size): Instruction {
  return { opcode: CLASS.stx | MODE.mem | SIZE[size], dst: base, src, offset, immediate: 0 };
}

/** memory at base + offset = immediate (sign-extended to 8 bytes). */
export function storeImmediate(base: Register, offset: number, immediate: number, size: Size): Instruction {
  return { opcode: CLASS.st | MODE.mem | SIZE[size], dst: base, src: 0, offset, immediate };
}

/** dst = a 64-bit constant (taken modulo 2^64). */
export function loadImmediate(dst: Register, value: bigint): Instruction {
  return {
    opcode: LOAD_IMMEDIATE_64,
    dst,
    src: PSEUDO.value,
    offset: 0,
    immediate: BigInt.asIntN(64, value),
  };
}

/** dst = the map, as helpers take it. */
export function loadMap(dst: Register, name: string): Instruction {
  return { opcode: LOAD_IMMEDIATE_64, dst, src: PSEUDO.map, offset: 0, immediate: 0n, map: { name } };
}

/** dst = address of byte `value` of element 0 of an array map. */
export function loadMapValue(dst: Register, name: string, value: number): Instruction {
  return {
    opcode: LOAD_IMMEDIATE_64,
    dst,
    src: PSEUDO.mapValue,
    offset: 0,
    immediate: 0n,
    map: { name, value },
  };
}

/** dst = address of a function of this program (a callback). */
export function loadFunction(dst: Register, label: string): Instruction {
  return { opcode: LOAD_IMMEDIATE_64, dst, src: PSEUDO.function, offset: 0, immediate: 0n, function: label };
}
