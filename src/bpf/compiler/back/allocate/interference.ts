/** Which registers are alive at the same time and so need different colours. */
import type { BlockId } from "../../../ir.ts";
import {
  COLOURS,
  isMove,
  type MachineFunction,
  type MachineInstruction,
  machineSuccessors,
  readsOf,
  terminatorReads,
  writesOf,
} from "../machine.ts";

export interface Interference {
  /** Real (0–9) and virtual registers that occur. */
  readonly registers: ReadonlySet<number>;
  /** Neighbours of each virtual register, real ones included. */
  readonly neighbours: Map<number, Set<number>>;
  /** Moves, each between two registers that may become one. */
  readonly moves: readonly MachineInstruction[];
  /** Reads and writes, weighted by how often their blocks run. */
  readonly costs: Map<number, number>;
  /** Registers that live within a few instructions of one block: spilling them frees next to nothing. */
  readonly short: ReadonlySet<number>;
}

/** Registers alive at the end of each block. */
export function machineLiveOut(source: MachineFunction): Map<BlockId, Set<number>> {
  const liveIn = new Map<BlockId, Set<number>>();
  const liveOut = new Map<BlockId, Set<number>>();
  const defined = new Map<BlockId, Set<number>>();
  for (const block of source.blocks) {
    const defs = new Set<number>();
    const uses = new Set<number>();
    for (const instruction of block.instructions) {
      for (const register of readsOf(instruction)) if (!defs.has(register)) uses.add(register);
      for (const register of writesOf(instruction)) defs.add(register);
    }
    for (const register of terminatorReads(block.terminator)) if (!defs.has(register)) uses.add(register);
    liveIn.set(block.id, uses);
    liveOut.set(block.id, new Set());
    defined.set(block.id, defs);
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (let index = source.blocks.length - 1; index >= 0; index--) {
      const block = source.blocks[index]!;
      const out = liveOut.get(block.id)!;
      const before = out.size;
      for (const successor of machineSuccessors(block.terminator)) {
        for (const register of liveIn.get(successor)!) out.add(register);
      }
      if (out.size === before) continue;
      changed = true;
      const defs = defined.get(block.id)!;
      const into = liveIn.get(block.id)!;
      for (const register of out) if (!defs.has(register)) into.add(register);
    }
  }
  return liveOut;
}

export function interferenceOf(source: MachineFunction): Interference {
  const liveOut = machineLiveOut(source);
  const registers = new Set<number>();
  const neighbours = new Map<number, Set<number>>();
  const costs = new Map<number, number>();
  const moves: MachineInstruction[] = [];
  for (let colour = 0; colour < COLOURS; colour++) registers.add(colour);
  const note = (register: number, cost: number) => {
    registers.add(register);
    costs.set(register, (costs.get(register) ?? 0) + cost);
    if (register >= COLOURS && !neighbours.has(register)) neighbours.set(register, new Set());
  };
  const conflict = (a: number, b: number) => {
    if (a === b) return;
    if (a >= COLOURS) neighbours.get(a)!.add(b);
    if (b >= COLOURS) neighbours.get(b)!.add(a);
  };
  for (const block of source.blocks) {
    const weight = Math.max(block.frequency, 1e-9);
    for (const instruction of block.instructions) {
      for (const register of readsOf(instruction)) note(register, weight);
      for (const register of writesOf(instruction)) note(register, weight);
    }
    for (const register of terminatorReads(block.terminator)) note(register, weight);
  }
  for (const block of source.blocks) {
    const live = new Set(liveOut.get(block.id)!);
    for (const register of terminatorReads(block.terminator)) live.add(register);
    for (let index = block.instructions.length - 1; index >= 0; index--) {
      const instruction = block.instructions[index]!;
      const reads = readsOf(instruction);
      const writes = writesOf(instruction);
      // A move's two sides hold the same value: they may share a register although both live on.
      if (isMove(instruction) && reads.length > 0) {
        live.delete(instruction.src);
        moves.push(instruction);
      }
      for (const write of writes) {
        for (const other of live) conflict(write, other);
        for (const other of writes) conflict(write, other);
      }
      for (const write of writes) live.delete(write);
      for (const read of reads) live.add(read);
    }
  }
  return { registers, neighbours, moves, costs, short: shortRanges(source) };
}

/** Instructions that a short range spans at most. */
const SHORT = 4;

function shortRanges(source: MachineFunction): Set<number> {
  const first = new Map<number, { readonly block: BlockId; readonly index: number }>();
  const long = new Set<number>();
  for (const { id, instructions, terminator } of source.blocks) {
    const note = (register: number, index: number) => {
      const start = first.get(register);
      if (!start) first.set(register, { block: id, index });
      else if (start.block !== id || index - start.index > SHORT) long.add(register);
    };
    for (const [index, instruction] of instructions.entries()) {
      for (const register of readsOf(instruction)) note(register, index);
      for (const register of writesOf(instruction)) note(register, index);
    }
    for (const register of terminatorReads(terminator)) note(register, instructions.length);
  }
  return new Set([...first.keys()].filter((register) => register >= COLOURS && !long.has(register)));
}
