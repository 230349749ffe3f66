/**
 * Machine code before registers are allocated: eBPF instructions whose registers may be virtual, in blocks.
 * Registers 0–10 are the real ones, FIRST_VIRTUAL and up virtual.
 */

import {
  ALU,
  ATOMIC,
  CLASS,
  classOf,
  FETCH,
  type Instruction,
  JUMP,
  LOAD_IMMEDIATE_64,
  operationOf,
  usesRegister,
} from "../../asm/index.ts";
import { MODE } from "../../asm/opcode.ts";
import type { BlockId, Comparison, SourcePosition } from "../../ir.ts";
import type { Way } from "./likelihood.ts";

export const FIRST_VIRTUAL = 16;
/** Registers the allocator hands out: R0–R9. */
export const COLOURS = 10;
export const FRAME_POINTER = 10;

export interface MachineInstruction extends Omit<Instruction, "dst" | "src" | "label" | "target"> {
  dst: number;
  src: number;
  /** Of a call: how many of R1–R5 it reads. */
  arguments?: number;
  /** Offset is relative to this spill slot, whose place is chosen last. */
  spill?: number;
  /** A move that does nothing but tell the verifier that what is stored next is this register's number. */
  tells?: boolean;
  /** The load or the store of a copy from one spill slot to the next: not needed if both are in one place. */
  copies?: boolean;
}

export type MachineTerminator = { readonly at?: SourcePosition } & (
  | { readonly op: "jump"; readonly target: BlockId }
  | {
      readonly op: "branch";
      readonly comparison: Comparison | "set" | "clear";
      /** Compare the low 32 bits. */
      readonly narrow: boolean;
      left: number;
      /** A register, or a 32-bit immediate. */
      right: { reg: number } | { immediate: number };
      readonly yes: BlockId;
      readonly no: BlockId;
      /** The chance of `yes`, 0 … 1. */
      readonly chance: number;
    }
  /** R0 holds the result. */
  | { readonly op: "exit" }
);

export interface MachineBlock {
  readonly id: BlockId;
  instructions: MachineInstruction[];
  terminator: MachineTerminator;
  /** How often the block runs for one run of the function, by guess. */
  frequency: number;
}

export interface MachineFunction {
  readonly name: string;
  /** The entry is the first. */
  blocks: MachineBlock[];
  nextRegister: number;
  /** Bytes of the frame taken by stack slots; spill slots come below. */
  slotBytes: number;
  nextSpill: number;
}

/** True for `dst = src` of 64 bits: what coalescing removes. */
export function isMove(instruction: MachineInstruction): boolean {
  return (
    classOf(instruction.opcode) === CLASS.alu64 &&
    operationOf(instruction.opcode) === ALU.mov &&
    usesRegister(instruction.opcode)
  );
}

/** Registers read, the frame pointer left out. */
export function readsOf(instruction: MachineInstruction): number[] {
  return rawReads(instruction).filter((register) => register !== FRAME_POINTER);
}

function rawReads(instruction: MachineInstruction): number[] {
  const { opcode, dst, src } = instruction;
  switch (classOf(opcode)) {
    case CLASS.alu32:
    case CLASS.alu64: {
      const operation = operationOf(opcode);
      if (operation === ALU.mov) return usesRegister(opcode) ? [src] : [];
      if (operation === ALU.end || operation === ALU.neg || !usesRegister(opcode)) return [dst];
      return [dst, src];
    }
    case CLASS.ldx:
      return [src];
    case CLASS.st:
      return [dst];
    case CLASS.stx:
      return (opcode & 0xe0) === MODE.atomic && Number(instruction.immediate) === ATOMIC.compareExchange
        ? [dst, src, 0]
        : [dst, src];
    case CLASS.jump:
      if (operationOf(opcode) === JUMP.call) return [1, 2, 3, 4, 5].slice(0, instruction.arguments ?? 0);
      return [];
    default:
      return [];
  }
}

/** Registers whose old value is lost: written, or clobbered by a call. */
export function writesOf(instruction: MachineInstruction): readonly number[] {
  const { opcode, dst, src } = instruction;
  switch (classOf(opcode)) {
    case CLASS.alu32:
    case CLASS.alu64:
    case CLASS.ldx:
      return [dst];
    case CLASS.ld:
      return opcode === LOAD_IMMEDIATE_64 ? [dst] : [];
    case CLASS.stx:
      if ((opcode & 0xe0) !== MODE.atomic) return [];
      if (Number(instruction.immediate) === ATOMIC.compareExchange) return [0];
      return Number(instruction.immediate) & FETCH ? [src] : [];
    case CLASS.jump:
      return operationOf(opcode) === JUMP.call ? [0, 1, 2, 3, 4, 5] : [];
    default:
      return [];
  }
}

/** Registers a terminator reads. */
export function terminatorReads(terminator: MachineTerminator): number[] {
  switch (terminator.op) {
    case "branch":
      return "reg" in terminator.right ? [terminator.left, terminator.right.reg] : [terminator.left];
    case "exit":
      return [0];
    default:
      return [];
  }
}

/** Where a terminator may go, and how likely. */
export function machineWays(terminator: MachineTerminator): readonly Way[] {
  switch (terminator.op) {
    case "jump":
      return [{ to: terminator.target, chance: 1 }];
    case "branch":
      return [
        { to: terminator.yes, chance: terminator.chance },
        { to: terminator.no, chance: 1 - terminator.chance },
      ];
    default:
      return [];
  }
}

export function machineSuccessors(terminator: MachineTerminator): readonly BlockId[] {
  switch (terminator.op) {
    case "jump":
      return [terminator.target];
    case "branch":
      return [terminator.yes, terminator.no];
    default:
      return [];
  }
}
