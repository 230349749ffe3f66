/** Tidies the control flow outside SSA form: constant branches, empty blocks, chains of blocks. */
import type { BlockId } from "../../ir.ts";
import { evaluateComparison } from "./evaluate.ts";
import { blockOf, type Graph, mapTargets, predecessorsOf, removeUnreachable } from "./graph.ts";
import { sameOperand } from "./operands.ts";

/** Repeats until nothing changes. Must not be used in SSA form. */
export function cleanControlFlow(graph: Graph): void {
  foldBranches(graph);
  skipEmptyBlocks(graph);
  removeUnreachable(graph);
  mergeChains(graph);
}

/** Branches whose outcome is known, or does not matter, become jumps. */
function foldBranches(graph: Graph): void {
  for (const block of graph.blocks.values()) {
    const { terminator } = block;
    if (terminator.op !== "branch") continue;
    const { left, right, at } = terminator;
    const place = at ? { at } : {};
    if (terminator.then === terminator.otherwise) {
      block.terminator = { ...place, op: "jump", target: terminator.then };
    } else if ("value" in left && "value" in right) {
      const holds = evaluateComparison(terminator.comparison, left.value, right.value);
      block.terminator = { ...place, op: "jump", target: holds ? terminator.then : terminator.otherwise };
    } else if (sameOperand(left, right)) {
      const holds = evaluateComparison(terminator.comparison, 0n, 0n);
      block.terminator = { ...place, op: "jump", target: holds ? terminator.then : terminator.otherwise };
    }
  }
}

/** Whoever goes to a block that only jumps on goes there at once. */
function skipEmptyBlocks(graph: Graph): void {
  const finalTarget = (start: BlockId): BlockId => {
    const seen = new Set<BlockId>();
    let id = start;
    for (;;) {
      const block = blockOf(graph, id);
      if (block.instructions.length > 0 || block.terminator.op !== "jump" || seen.has(id)) return id;
      seen.add(id);
      id = block.terminator.target;
    }
  };
  for (const block of graph.blocks.values()) {
    const { terminator } = block;
    const mapped = mapTargets(terminator, finalTarget);
    block.terminator =
      mapped.op === "branch" && mapped.then === mapped.otherwise
        ? { ...(mapped.at ? { at: mapped.at } : {}), op: "jump", target: mapped.then }
        : mapped;
  }
}

/** A block and its only successor become one if it is that block's only predecessor. */
function mergeChains(graph: Graph): void {
  const predecessors = predecessorsOf(graph);
  for (const block of graph.blocks.values()) {
    if (!graph.blocks.has(block.id)) continue;
    while (block.terminator.op === "jump") {
      const target = block.terminator.target;
      if (target === block.id || target === graph.entry || predecessors.get(target)!.length !== 1) break;
      const next = blockOf(graph, target);
      for (const instruction of next.instructions) block.instructions.push(instruction);
      block.terminator = next.terminator;
      graph.blocks.delete(target);
    }
  }
}
