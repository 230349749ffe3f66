/** Gives every virtual register a real one, with spill slots below the stack slots. */
import { FIRST_VIRTUAL, type MachineFunction } from "../machine.ts";
import { colour } from "./colour.ts";
import { interferenceOf } from "./interference.ts";
import { isNoOperation, rematerialisable, renamed, type SpillState, spillRegisters } from "./spill.ts";
import { placeSpillSlots } from "./spill-slots.ts";

/** Rewrites `source` in place. Returns the bytes of stack its frame takes. */
export function allocateRegisters(source: MachineFunction): number {
  const state: SpillState = { unspillable: new Set(), homes: new Map(), shared: new Set() };
  for (let round = 0; ; round++) {
    if (round > 100) throw new Error(`register allocation of ${source.name} does not end`);
    const graph = interferenceOf(source);
    const cheap = new Set(rematerialisable(source).keys());
    const { colours, spilled } = colour(graph, { unspillable: state.unspillable, cheap });
    if (spilled.length > 0) {
      spillRegisters(source, spilled, state);
      continue;
    }
    applyColours(source, colours);
    return placeSpillSlots(source);
  }
}

function applyColours(source: MachineFunction, colours: ReadonlyMap<number, number>): void {
  const real = (register: number): number =>
    register < FIRST_VIRTUAL ? register : (colours.get(register) ?? 0);
  for (const block of source.blocks) {
    block.instructions = block.instructions
      .map((instruction) => renamed(instruction, real))
      .filter((instruction) => !isNoOperation(instruction));
    const { terminator } = block;
    if (terminator.op !== "branch") continue;
    terminator.left = real(terminator.left);
    if ("reg" in terminator.right) terminator.right = { reg: real(terminator.right.reg) };
  }
}
