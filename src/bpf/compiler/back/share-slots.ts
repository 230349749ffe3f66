/**
 * Stack slots whose lives do not overlap share memory. A slot lives between its first access and its last, on every
 * path: where it may have been accessed before and may still be accessed later.
 */
import type { BlockId, Instruction, Reg } from "../../ir.ts";
import { type Graph, predecessorsOf, reversePostorder, successorsOf } from "./graph.ts";
import { definitionOf, forEachUse } from "./operands.ts";

/** A set of slots, bit i for slot i. */
type Slots = bigint;

/** For each slot, the slots that live while it does. `graph` is not in SSA form. */
export function overlappingSlots(graph: Graph): Slots[] {
  const addresses = addressRegisters(graph);
  const accesses = new Map<BlockId, Slots[]>();
  const inBlock = new Map<BlockId, Slots>();
  for (const block of graph.blocks.values()) {
    const list = block.instructions.map((instruction) => accessed(instruction, addresses));
    accesses.set(block.id, list);
    inBlock.set(block.id, union(list));
  }
  const order = reversePostorder(graph);
  const predecessors = predecessorsOf(graph);
  const before = spread(order, inBlock, (id) => predecessors.get(id) ?? []);
  const after = spread([...order].reverse(), inBlock, (id) => successorsOf(graph.blocks.get(id)!.terminator));

  const overlaps: Slots[] = graph.slots.map(() => 0n);
  for (const id of order) {
    const list = accesses.get(id)!;
    let seen = before.get(id) ?? 0n;
    const later = suffixes(list, after.get(id) ?? 0n);
    note(overlaps, seen & later[0]!);
    for (const [i, slots] of list.entries()) {
      seen |= slots;
      // At an instruction, what it accesses and what lives across it.
      note(overlaps, seen & (later[i + 1]! | slots));
    }
  }
  return overlaps;
}

/** later[i]: slots that instruction i or one behind it accesses. */
function suffixes(list: readonly Slots[], end: Slots): Slots[] {
  const later: Slots[] = new Array(list.length + 1).fill(end);
  for (let i = list.length - 1; i >= 0; i--) later[i] = later[i + 1]! | list[i]!;
  return later;
}

function note(overlaps: Slots[], live: Slots): void {
  for (let slot = 0; slot < overlaps.length; slot++) {
    if ((live >> BigInt(slot)) & 1n) overlaps[slot]! |= live;
  }
}

/** What is accessed in blocks from which (by `sources`) each block is reached; not in the block itself, unless in a loop. */
function spread(
  order: readonly BlockId[],
  inBlock: ReadonlyMap<BlockId, Slots>,
  sources: (id: BlockId) => readonly BlockId[],
): Map<BlockId, Slots> {
  const result = new Map<BlockId, Slots>();
  for (let changed = true; changed; ) {
    changed = false;
    for (const id of order) {
      const slots = union(sources(id).map((from) => (result.get(from) ?? 0n) | (inBlock.get(from) ?? 0n)));
      if (slots === (result.get(id) ?? 0n)) continue;
      result.set(id, slots);
      changed = true;
    }
  }
  return result;
}

/** The slots that each register may point into. */
function addressRegisters(graph: Graph): Map<Reg, Slots> {
  const found = new Map<Reg, Slots>();
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of graph.blocks.values()) {
      for (const instruction of block.instructions) {
        const dst = definitionOf(instruction);
        if (dst === undefined) continue;
        const slots = (found.get(dst) ?? 0n) | derived(instruction, found);
        if (slots === (found.get(dst) ?? 0n)) continue;
        found.set(dst, slots);
        changed = true;
      }
    }
  }
  return found;
}

function derived(instruction: Instruction, found: ReadonlyMap<Reg, Slots>): Slots {
  if (instruction.op === "stackAddress") return 1n << BigInt(instruction.slot);
  if (instruction.op !== "move" && instruction.op !== "alu") return 0n;
  return pointedTo(instruction, found);
}

function accessed(instruction: Instruction, addresses: ReadonlyMap<Reg, Slots>): Slots {
  return instruction.op === "move" || instruction.op === "alu" ? 0n : pointedTo(instruction, addresses);
}

function pointedTo(instruction: Instruction, addresses: ReadonlyMap<Reg, Slots>): Slots {
  let slots = 0n;
  forEachUse(instruction, (reg) => {
    slots |= addresses.get(reg) ?? 0n;
  });
  return slots;
}

function union(list: readonly Slots[]): Slots {
  return list.reduce((all, slots) => all | slots, 0n);
}
