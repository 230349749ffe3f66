/** The order of blocks in memory: the likely successor follows its predecessor, unlikely ones come last. */
import type { BlockId } from "../../ir.ts";
import { type MachineBlock, type MachineFunction, machineSuccessors } from "./machine.ts";

/**
 * Blocks in the order to emit them. A path is followed along its likeliest successors; a block that only leaves (a
 * few instructions, then exit) is taken for the exception it usually is.
 */
export function layoutBlocks(source: MachineFunction): MachineBlock[] {
  const blocks = new Map(source.blocks.map((block) => [block.id, block]));
  const waiting = new Map<BlockId, number>();
  for (const block of source.blocks) {
    for (const successor of machineSuccessors(block.terminator)) {
      waiting.set(successor, (waiting.get(successor) ?? 0) + 1);
    }
  }
  const weights = pathLengths(source, blocks);
  const placed = new Set<BlockId>();
  const result: MachineBlock[] = [];
  const later: BlockId[] = [];
  const follow = (start: BlockId): void => {
    for (let id: BlockId | undefined = start; id !== undefined && !placed.has(id); ) {
      const block: MachineBlock = blocks.get(id)!;
      placed.add(id);
      result.push(block);
      const next: BlockId[] = machineSuccessors(block.terminator).filter(
        (successor) => !placed.has(successor),
      );
      next.sort((a, b) => rank(blocks.get(b)!, block) - rank(blocks.get(a)!, block));
      later.push(...next.slice(1).reverse());
      id = next[0];
    }
  };
  /** Deeper loops first (stay inside), then the longer way to an exit. */
  const rank = (block: MachineBlock, from: MachineBlock): number =>
    Math.min(block.depth, from.depth) * 1_000_000 + (weights.get(block.id) ?? 0);

  follow(source.blocks[0]!.id);
  for (let id = later.pop(); id !== undefined; id = later.pop()) follow(id);
  return result;
}

/** How many instructions lie ahead of a block on its longest way out, back edges left out. */
function pathLengths(
  source: MachineFunction,
  blocks: ReadonlyMap<BlockId, MachineBlock>,
): Map<BlockId, number> {
  const lengths = new Map<BlockId, number>();
  // Blocks come in reverse postorder, so walking backwards meets successors first.
  for (let index = source.blocks.length - 1; index >= 0; index--) {
    const block = source.blocks[index]!;
    let longest = 0;
    for (const successor of machineSuccessors(block.terminator)) {
      longest = Math.max(longest, lengths.get(successor) ?? 0);
    }
    lengths.set(block.id, longest + block.instructions.length + 1);
  }
  return blocks.size === lengths.size ? lengths : new Map();
}
