/** Which stack slots hold something at the same time: the others may share their bytes. */
import type { Instruction } from "../../../ir.ts";
import type { Graph } from "../graph.ts";
import { operandsOf } from "../operands.ts";
import { slotsOf } from "./alias.ts";
import { type Wanted, Wishes } from "./wishes.ts";

/** In SSA form. For each slot that is used at all, the slots that must lie elsewhere. */
export function slotConflicts(graph: Graph): Map<number, Set<number>> {
  const wishes = new Wishes(graph);
  const conflicts = new Map<number, Set<number>>();
  const touchedBy = (instruction: Instruction): number[] => {
    switch (instruction.op) {
      case "load":
      case "store":
      case "atomic":
      case "helper":
      case "call":
        return operandsOf(instruction).flatMap((operand) => slotsOf(wishes.aliases.behind(operand)));
      default:
        return [];
    }
  };
  const record = (instruction: Instruction, after: Wanted) => {
    const touched = touchedBy(instruction);
    for (const slot of touched) {
      const others = conflicts.get(slot) ?? new Set();
      conflicts.set(slot, others);
      for (const [other, bytes] of after) if (bytes !== 0n) connect(conflicts, slot, other);
      for (const other of touched) connect(conflicts, slot, other);
    }
  };
  for (const block of graph.blocks.values()) wishes.walk(block, record);
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
