/**
 * Tests of a few bits of a byte-swapped value: the mask is swapped instead, at no cost.
 *
 *     (swap16(x) & 0x3fff) != 0  becomes  (x & 0xff3f) != 0
 */
import type { Instruction, Reg } from "../../../ir.ts";
import { evaluateSwap, unsigned } from "../evaluate.ts";
import type { Graph } from "../graph.ts";
import { definitionsOf, instructionOf, useCounts } from "./definitions.ts";

type Alu = Extract<Instruction, { op: "alu" }>;

/** In SSA form. True if anything changed. */
export function swapMasks(graph: Graph): boolean {
  const definitions = definitionsOf(graph);
  const uses = useCounts(graph);
  const masked = new Map<Reg, Instruction>();
  for (const block of graph.blocks.values()) {
    const { terminator } = block;
    if (terminator.op !== "branch" || (terminator.comparison !== "eq" && terminator.comparison !== "ne"))
      continue;
    const { left, right } = terminator;
    const mask = instructionOf(definitions, left);
    if (mask?.op !== "alu" || mask.operation !== "and" || !("value" in right) || uses.get(mask.dst) !== 1)
      continue;
    const swap = instructionOf(definitions, mask.left);
    if (swap?.op !== "swap" || !("value" in mask.right)) continue;
    const bits = unsigned(mask.right.value);
    const value = unsigned(right.value);
    if ((value & ~bits) !== 0n || bits >> BigInt(swap.bits) !== 0n) continue;
    const swapped: Alu = {
      ...mask,
      width: 64,
      left: swap.src,
      right: { value: evaluateSwap(swap.bits, bits) },
    };
    masked.set(mask.dst, swapped);
    block.terminator = { ...terminator, right: { value: evaluateSwap(swap.bits, value) } };
  }
  if (masked.size === 0) return false;
  for (const block of graph.blocks.values()) {
    block.instructions = block.instructions.map((instruction) =>
      instruction.op === "alu" ? (masked.get(instruction.dst) ?? instruction) : instruction,
    );
  }
  return true;
}
