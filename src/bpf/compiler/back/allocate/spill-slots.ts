/** Places of spilled registers on the stack; registers never alive together share one. */

import { CLASS, classOf } from "../../../asm/opcode.ts";
import type { BlockId } from "../../../ir.ts";
import { type MachineFunction, type MachineInstruction, machineSuccessors } from "../machine.ts";

const SPILL_SIZE = 8;

/** Fills in the offsets of spill loads and stores; returns the bytes of the whole frame. */
export function placeSpillSlots(source: MachineFunction): number {
  const conflicts = spillConflicts(source);
  const partners = copyPartners(source);
  const first = Math.ceil(source.slotBytes / SPILL_SIZE);
  const places = new Map<number, number>();
  let bytes = source.slotBytes;
  for (const [spill, others] of [...conflicts].sort(([, a], [, b]) => b.size - a.size)) {
    const taken = new Set([...others].map((other) => places.get(other)));
    const wanted = (partners.get(spill) ?? []).map((partner) => places.get(partner));
    let place = wanted.find((each) => each !== undefined && !taken.has(each)) ?? first;
    while (taken.has(place)) place++;
    places.set(spill, place);
    bytes = Math.max(bytes, (place + 1) * SPILL_SIZE);
  }
  for (const block of source.blocks) {
    const placed = block.instructions.map((instruction) => {
      if (instruction.spill === undefined) return instruction;
      return { ...instruction, offset: -(places.get(instruction.spill)! + 1) * SPILL_SIZE };
    });
    block.instructions = placed.filter((instruction, index) => {
      const [other, isLoad] = isSave(instruction) ? [placed[index - 1], false] : [placed[index + 1], true];
      if (!instruction.copies || !other?.copies || isSave(other) !== isLoad) return true;
      return other.offset !== instruction.offset;
    });
  }
  return bytes;
}

/** Spill slots that are copied from one to the other. */
function copyPartners(source: MachineFunction): Map<number, number[]> {
  const partners = new Map<number, number[]>();
  const note = (a: number, b: number) => {
    const list = partners.get(a);
    if (list) list.push(b);
    else partners.set(a, [b]);
  };
  for (const { instructions } of source.blocks) {
    for (const [index, instruction] of instructions.entries()) {
      const before = instructions[index - 1];
      if (!instruction.copies || !isSave(instruction) || !before?.copies) continue;
      note(instruction.spill!, before.spill!);
      note(before.spill!, instruction.spill!);
    }
  }
  return partners;
}

function isSave(instruction: MachineInstruction): boolean {
  return classOf(instruction.opcode) === CLASS.stx;
}

/** Spill slots whose values are needed at the same time. */
function spillConflicts(source: MachineFunction): Map<number, Set<number>> {
  const liveIn = new Map<BlockId, Set<number>>(source.blocks.map(({ id }) => [id, new Set()]));
  const conflicts = new Map<number, Set<number>>();
  const walk = (record: boolean): boolean => {
    let changed = false;
    for (let index = source.blocks.length - 1; index >= 0; index--) {
      const block = source.blocks[index]!;
      const live = new Set<number>();
      for (const successor of machineSuccessors(block.terminator)) {
        for (const spill of liveIn.get(successor)!) live.add(spill);
      }
      for (let at = block.instructions.length - 1; at >= 0; at--) {
        const instruction = block.instructions[at]!;
        const { spill } = instruction;
        if (spill === undefined) continue;
        if (record && !conflicts.has(spill)) conflicts.set(spill, new Set());
        if (!isSave(instruction)) live.add(spill);
        else {
          if (record) for (const other of live) connect(conflicts, spill, other);
          live.delete(spill);
        }
      }
      const into = liveIn.get(block.id)!;
      if (live.size !== into.size) {
        changed = true;
        liveIn.set(block.id, live);
      }
    }
    return changed;
  };
  while (walk(false)) {}
  walk(true);
  return conflicts;
}

function connect(conflicts: Map<number, Set<number>>, a: number, b: number): void {
  if (a === b) return;
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const set = conflicts.get(from);
    if (set) set.add(to);
    else conflicts.set(from, new Set([to]));
  }
}
