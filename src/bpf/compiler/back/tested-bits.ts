/** Branches on whether some bits of a register are set: one instruction where a mask and a comparison are two. */
import type { Instruction, Reg } from "../../ir.ts";
import { fitsImmediate } from "./evaluate.ts";
import type { GraphBlock } from "./graph.ts";
import { definitionOf } from "./operands.ts";

export type Mask = Extract<Instruction, { op: "alu" }>;

/** The mask that a block computes for its branch alone: `x & mask` compared with 0. */
export function testedBits(block: GraphBlock, reads: ReadonlyMap<Reg, number>): Mask | undefined {
  const { terminator, instructions } = block;
  if (terminator.op !== "branch") return undefined;
  const { comparison, left, right } = terminator;
  if (comparison !== "eq" && comparison !== "ne") return undefined;
  if (!("reg" in left) || !("value" in right) || right.value !== 0n) return undefined;
  const index = instructions.findLastIndex((instruction) => definitionOf(instruction) === left.reg);
  const mask = instructions[index];
  if (mask?.op !== "alu" || mask.operation !== "and" || reads.get(left.reg) !== 1) return undefined;
  if (!("reg" in mask.left) || !("value" in mask.right) || !fitsImmediate(mask.right.value)) return undefined;
  if (mask.width === 32 && mask.right.value > 0x7fffffffn) return undefined;
  const { reg } = mask.left;
  const isChanged = instructions.slice(index).some((instruction) => definitionOf(instruction) === reg);
  return isChanged ? undefined : mask;
}
