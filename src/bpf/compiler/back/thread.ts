/**
 * Jump threading, outside SSA form: where a block's test has a known outcome for those who come from one of its
 * predecessors, they go on at once. This makes "an inlined function returns null or a boolean, and its caller tests
 * it" free: each `return` jumps straight to where its value leads.
 */
import type { BlockId } from "../../ir.ts";
import { blockOf, type Graph, type GraphBlock, mapTargets, newBlock, predecessorsOf } from "./graph.ts";
import { Knowledge } from "./knowledge.ts";

/** Instructions that a test may be copied with. */
const MAXIMUM_COPY = 4;
/** Instructions that threading may add to a function, and jumps it may turn. */
const MAXIMUM_GROWTH = 1000;
/** True if anything changed. Leaves unreachable blocks and chains behind. */
export function threadJumps(graph: Graph): boolean {
  const predecessors = predecessorsOf(graph);
  const knowledge = new Knowledge(graph, predecessors);
  let budget = MAXIMUM_GROWTH;
  let changed = false;
  for (let again = true; again; ) {
    again = false;
    for (const block of [...graph.blocks.values()]) {
      if (!isTest(block)) continue;
      for (const from of [...new Set(predecessors.get(block.id)!)]) {
        if (from === block.id || budget <= block.instructions.length) continue;
        const target = knowledge.outcome(from, block);
        if (target === undefined || target === block.id) continue;
        redirect(graph, predecessors, blockOf(graph, from), block, target);
        budget -= block.instructions.length + 1;
        changed = true;
        again = true;
      }
    }
  }
  return changed;
}

/** A block that computes little and branches. */
function isTest(block: GraphBlock): boolean {
  if (block.terminator.op !== "branch" || block.instructions.length > MAXIMUM_COPY) return false;
  return block.instructions.every(
    ({ op }) => op === "move" || op === "alu" || op === "extend" || op === "swap" || op === "compare",
  );
}

/** Makes `from` skip the test and go to `target`, doing what the test's block does besides. */
function redirect(
  graph: Graph,
  predecessors: Map<BlockId, BlockId[]>,
  from: GraphBlock,
  test: GraphBlock,
  target: BlockId,
): void {
  const at = test.terminator.at ? { at: test.terminator.at } : {};
  let comesFrom = from.id;
  if (from.terminator.op === "jump") {
    for (const instruction of test.instructions) from.instructions.push(instruction);
    from.terminator = { ...at, op: "jump", target };
  } else {
    let replacement = target;
    if (test.instructions.length > 0) {
      const copy = newBlock(graph, { ...at, op: "jump", target });
      copy.instructions = [...test.instructions];
      predecessors.set(copy.id, [from.id]);
      comesFrom = copy.id;
      replacement = copy.id;
    }
    from.terminator = mapTargets(from.terminator, (id) => (id === test.id ? replacement : id));
  }
  predecessors.set(
    test.id,
    predecessors.get(test.id)!.filter((id) => id !== from.id),
  );
  predecessors.get(target)!.push(comesFrom);
}
