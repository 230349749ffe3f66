/** Dead code elimination: keeps what has an effect and what that needs. */
import type { Operand, Reg } from "../../../ir.ts";
import { type Graph, isPhi } from "../graph.ts";
import { definitionOf, isRemovable, operandsOf, terminatorOperands } from "../operands.ts";
import { definitionsOf } from "./definitions.ts";

/** In SSA form. True if anything was dropped. */
export function removeDeadCode(graph: Graph): boolean {
  const definitions = definitionsOf(graph);
  const needed = new Set<Reg>();
  const work: Reg[] = [];
  const need = (operand: Operand) => {
    if (!("reg" in operand) || needed.has(operand.reg)) return;
    needed.add(operand.reg);
    work.push(operand.reg);
  };
  for (const block of graph.blocks.values()) {
    for (const instruction of block.instructions) {
      if (!isRemovable(instruction)) for (const operand of operandsOf(instruction)) need(operand);
    }
    for (const operand of terminatorOperands(block.terminator)) need(operand);
  }
  for (let reg = work.pop(); reg !== undefined; reg = work.pop()) {
    const definition = definitions.get(reg);
    if (!definition) continue;
    if (isPhi(definition)) for (const arg of definition.args.values()) need(arg);
    else for (const operand of operandsOf(definition)) need(operand);
  }
  let changed = false;
  for (const block of graph.blocks.values()) {
    const phis = block.phis.filter((phi) => needed.has(phi.dst));
    changed ||= phis.length < block.phis.length;
    block.phis = phis;
    const before = block.instructions.length;
    block.instructions = block.instructions.flatMap((instruction) => {
      const dst = definitionOf(instruction);
      if (dst === undefined || needed.has(dst)) return [instruction];
      if (isRemovable(instruction)) return [];
      // The effect stays, the result is not wanted.
      const { dst: _, ...rest } = instruction as Extract<typeof instruction, { dst?: Reg }>;
      return [rest as typeof instruction];
    });
    changed ||= block.instructions.length < before;
  }
  return changed;
}
