/** Which registers each block needs on entry. */
import type { BlockId, Reg } from "../../ir.ts";
import { type Graph, reversePostorder, successorsOf } from "./graph.ts";
import { definitionOf, forEachUse, terminatorOperands } from "./operands.ts";

export interface Liveness {
  readonly liveIn: ReadonlyMap<BlockId, ReadonlySet<Reg>>;
  readonly liveOut: ReadonlyMap<BlockId, ReadonlySet<Reg>>;
}

/** φ arguments count as used at the end of the block they come from; φ results as defined before the block. */
export function livenessOf(graph: Graph): Liveness {
  const order = reversePostorder(graph).reverse();
  const liveIn = new Map<BlockId, Set<Reg>>();
  const liveOut = new Map<BlockId, Set<Reg>>();
  const defined = new Map<BlockId, Set<Reg>>();
  for (const id of order) {
    const block = graph.blocks.get(id)!;
    const defs = new Set<Reg>();
    const uses = new Set<Reg>();
    for (const phi of block.phis) defs.add(phi.dst);
    for (const instruction of block.instructions) {
      forEachUse(instruction, (reg) => {
        if (!defs.has(reg)) uses.add(reg);
      });
      const dst = definitionOf(instruction);
      if (dst !== undefined) defs.add(dst);
    }
    for (const operand of terminatorOperands(block.terminator)) {
      if ("reg" in operand && !defs.has(operand.reg)) uses.add(operand.reg);
    }
    liveIn.set(id, uses);
    liveOut.set(id, new Set());
    defined.set(id, defs);
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (const id of order) {
      const out = liveOut.get(id)!;
      const before = out.size;
      for (const successor of successorsOf(graph.blocks.get(id)!.terminator)) {
        for (const reg of liveIn.get(successor)!) out.add(reg);
        for (const phi of graph.blocks.get(successor)!.phis) {
          const arg = phi.args.get(id);
          if (arg && "reg" in arg) out.add(arg.reg);
        }
      }
      if (out.size === before) continue;
      const defs = defined.get(id)!;
      const into = liveIn.get(id)!;
      for (const reg of out) {
        if (defs.has(reg) || into.has(reg)) continue;
        into.add(reg);
        changed = true;
      }
      changed = true;
    }
  }
  return { liveIn, liveOut };
}
