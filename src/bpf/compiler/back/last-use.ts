/** Where registers end. */
import type { BlockId, Reg } from "../../ir.ts";
import type { Graph } from "./graph.ts";
import { livenessOf } from "./liveness.ts";
import { definitionOf, forEachUse, terminatorOperands } from "./operands.ts";

/** For each instruction of each block, the registers it reads that nobody reads after it. */
export function lastUses(graph: Graph): Map<BlockId, ReadonlySet<Reg>[]> {
  const { liveOut } = livenessOf(graph);
  const result = new Map<BlockId, ReadonlySet<Reg>[]>();
  for (const block of graph.blocks.values()) {
    const live = new Set(liveOut.get(block.id));
    for (const operand of terminatorOperands(block.terminator)) if ("reg" in operand) live.add(operand.reg);
    const dying: Set<Reg>[] = new Array(block.instructions.length);
    for (let index = block.instructions.length - 1; index >= 0; index--) {
      const instruction = block.instructions[index]!;
      const ends = new Set<Reg>();
      const dst = definitionOf(instruction);
      if (dst !== undefined) live.delete(dst);
      forEachUse(instruction, (reg) => {
        if (!live.has(reg)) ends.add(reg);
      });
      for (const reg of ends) live.add(reg);
      dying[index] = ends;
    }
    result.set(block.id, dying);
  }
  return result;
}
