/**
 * One eBPF instruction as a plain value. A program is an array of them: append, splice and print as you like;
 * `encode` turns labels and names into numbers in one late pass.
 *
 *     byte     0        1          2..3      4..7
 *          | opcode | src:4 dst:4 | offset | immediate |     (little-endian hosts; a 64-bit immediate takes two slots)
 *
 * Source: RFC 9669 (BPF Instruction Set Architecture). Everything here is within "cpu v3", which Linux 6.1 knows.
 */
import type { SourcePosition } from "../ir.ts";
import { LOAD_IMMEDIATE_64 } from "./opcode.ts";
import type { Register } from "./register.ts";

/** Reference to a map; with `value`, to byte `value` of its element 0 (array maps). */
export interface MapReference {
  readonly name: string;
  readonly value?: number;
}

export interface Instruction {
  readonly opcode: number;
  readonly dst: Register;
  /** A register, or one of PSEUDO for 64-bit immediates and calls. */
  readonly src: Register;
  /** Signed 16 bits: of memory accesses in bytes, of jumps in slots from the next instruction (unless `target`). */
  readonly offset: number;
  /** Signed 32 bits as a number; of 64-bit immediate loads a bigint. */
  readonly immediate: number | bigint;
  /** The name of this place in the program; a function's name on its first instruction. Unique in a program. */
  readonly label?: string;
  /** A jump goes to the instruction with this label (`offset` is then ignored). */
  readonly target?: string;
  /** A 64-bit immediate is this map (or its value). */
  readonly map?: MapReference;
  /** A call or 64-bit immediate refers to the function with this label. */
  readonly function?: string;
  /** The name of a called helper, for readers. */
  readonly helper?: string;
  /** Where it comes from. */
  readonly at?: SourcePosition;
}

/** Slots of 8 bytes that an instruction takes: 1, or 2 with a 64-bit immediate. */
export function slotsOf(instruction: Instruction): 1 | 2 {
  return instruction.opcode === LOAD_IMMEDIATE_64 ? 2 : 1;
}

/** The same instruction with a label. */
export function labelled(label: string, instruction: Instruction): Instruction {
  return { ...instruction, label };
}

/** The instructions with the same source position (where they have none). */
export function positioned(at: SourcePosition, instructions: readonly Instruction[]): Instruction[] {
  return instructions.map((instruction) => (instruction.at ? instruction : { ...instruction, at }));
}
