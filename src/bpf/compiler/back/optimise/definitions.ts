/** Who defines and who reads each register in SSA form. */
import type { Instruction, Operand, Reg } from "../../../ir.ts";
import { type Definitions, type Graph, isPhi, type Phi } from "../graph.ts";
import { definitionOf, forEachUse, mapOperands, mapTerminator, terminatorOperands } from "../operands.ts";

export function definitionsOf(graph: Graph): Definitions {
  const definitions: Definitions = new Map();
  for (const block of graph.blocks.values()) {
    for (const phi of block.phis) definitions.set(phi.dst, phi);
    for (const instruction of block.instructions) {
      const dst = definitionOf(instruction);
      if (dst !== undefined) definitions.set(dst, instruction);
    }
  }
  return definitions;
}

/** The instruction (not φ) that defines an operand. */
export function instructionOf(definitions: Definitions, operand: Operand): Instruction | undefined {
  if (!("reg" in operand)) return undefined;
  const definition = definitions.get(operand.reg);
  return definition && !isPhi(definition) ? definition : undefined;
}

/** How often each register is read. */
export function useCounts(graph: Graph): Map<Reg, number> {
  const counts = new Map<Reg, number>();
  const use = (reg: Reg) => counts.set(reg, (counts.get(reg) ?? 0) + 1);
  for (const block of graph.blocks.values()) {
    for (const phi of block.phis) for (const arg of phi.args.values()) if ("reg" in arg) use(arg.reg);
    for (const instruction of block.instructions) forEachUse(instruction, use);
    for (const operand of terminatorOperands(block.terminator)) if ("reg" in operand) use(operand.reg);
  }
  return counts;
}

/** Reads `replacement` for each register it has an entry for, to the end of chains. */
export function replaceRegisters(graph: Graph, replacement: ReadonlyMap<Reg, Operand>): void {
  if (replacement.size === 0) return;
  const resolve = (operand: Operand): Operand => {
    let current = operand;
    for (let steps = 0; "reg" in current && steps < 10_000; steps++) {
      const next = replacement.get(current.reg);
      if (next === undefined) break;
      current = next;
    }
    return current;
  };
  for (const block of graph.blocks.values()) {
    for (const phi of block.phis) for (const [from, arg] of phi.args) phi.args.set(from, resolve(arg));
    block.instructions = block.instructions.map((instruction) => mapOperands(instruction, resolve));
    block.terminator = mapTerminator(block.terminator, resolve);
  }
}

/** The only value of a φ-function apart from itself, if it has but one. */
export function onlyValue(phi: Phi): Operand | undefined {
  let value: Operand | undefined;
  for (const arg of phi.args.values()) {
    if ("reg" in arg) {
      if (arg.reg === phi.dst) continue;
      if (value !== undefined && !("reg" in value && value.reg === arg.reg)) return undefined;
    } else if (value !== undefined && !("value" in value && value.value === arg.value)) {
      return undefined;
    }
    value = arg;
  }
  return value;
}
