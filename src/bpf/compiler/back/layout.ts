/** The order of blocks in memory: the likely successor follows its predecessor, rare code comes last. */
import type { BlockId } from "../../ir.ts";
import { type MachineBlock, type MachineFunction, machineWays } from "./machine.ts";

/** The least chance at which a block is put right behind the one before. */
const FOLLOWED = 0.35;

/**
 * Blocks in the order to emit them. A path is followed along its likeliest successors until it meets placed code, then
 * the most frequent block left over starts the next.
 */
export function layoutBlocks(source: MachineFunction): MachineBlock[] {
  const blocks = new Map(source.blocks.map((block) => [block.id, block]));
  const placed = new Set<BlockId>();
  const waiting = new Set<BlockId>();
  const result: MachineBlock[] = [];
  const frequency = (id: BlockId): number => blocks.get(id)!.frequency;
  let next: BlockId | undefined = source.blocks[0]!.id;
  while (next !== undefined) {
    for (let id: BlockId | undefined = next; id !== undefined; ) {
      const block: MachineBlock = blocks.get(id)!;
      placed.add(id);
      waiting.delete(id);
      result.push(block);
      const ways = machineWays(block.terminator).filter(({ to }) => !placed.has(to));
      ways.sort((a, b) => b.chance - a.chance || frequency(b.to) - frequency(a.to));
      for (const { to } of ways) waiting.add(to);
      // A rare way does not go on where the likely one has ended.
      id = (ways[0]?.chance ?? 0) >= FOLLOWED ? ways[0]?.to : undefined;
    }
    next = [...waiting].reduce<BlockId | undefined>(
      (best, id) => (best === undefined || frequency(id) > frequency(best) ? id : best),
      undefined,
    );
  }
  return result;
}
