/** Out of SSA form: φ-functions become moves at the ends of the blocks they come from. */
import type { BlockId, Instruction, Operand, Reg } from "../../ir.ts";
import {
  blockOf,
  type Graph,
  mapTargets,
  newBlock,
  newRegister,
  predecessorsOf,
  successorsOf,
} from "./graph.ts";

/** One of a set of moves that happen at once. */
export interface ParallelMove {
  readonly dst: Reg;
  readonly src: Operand;
}

export function fromSsa(graph: Graph): void {
  splitCriticalEdges(graph);
  for (const block of [...graph.blocks.values()]) {
    if (block.phis.length === 0) continue;
    const moves = new Map<BlockId, ParallelMove[]>();
    for (const phi of block.phis) {
      for (const [from, src] of phi.args) {
        const list = moves.get(from);
        if (list) list.push({ dst: phi.dst, src });
        else moves.set(from, [{ dst: phi.dst, src }]);
      }
    }
    for (const [from, parallel] of moves) {
      const predecessor = blockOf(graph, from);
      const at = predecessor.terminator.at;
      for (const move of sequentialise(parallel, (like) => newRegister(graph, like))) {
        predecessor.instructions.push(at ? { ...move, at } : move);
      }
    }
    block.phis = [];
  }
}

/** Gives each edge from a block with several successors to one with φ-functions a block of its own. */
export function splitCriticalEdges(graph: Graph): void {
  const predecessors = predecessorsOf(graph);
  for (const block of [...graph.blocks.values()]) {
    if (block.phis.length === 0) continue;
    for (const from of predecessors.get(block.id)!) {
      const predecessor = blockOf(graph, from);
      if (successorsOf(predecessor.terminator).length < 2) continue;
      const at = predecessor.terminator.at;
      const middle = newBlock(graph, { ...(at ? { at } : {}), op: "jump", target: block.id });
      predecessor.terminator = mapTargets(predecessor.terminator, (id) => (id === block.id ? middle.id : id));
      for (const phi of block.phis) {
        const arg = phi.args.get(from);
        if (!arg) continue;
        phi.args.delete(from);
        phi.args.set(middle.id, arg);
      }
    }
  }
}

/** Moves that have the effect of all `moves` at once; cycles go through a temporary register. */
export function sequentialise(
  moves: readonly ParallelMove[],
  temporary: (like: Reg) => Reg,
): Extract<Instruction, { op: "move" }>[] {
  const result: Extract<Instruction, { op: "move" }>[] = [];
  const pending = moves
    .filter(({ dst, src }) => !("reg" in src) || src.reg !== dst)
    .map((move) => ({ ...move }));
  while (pending.length > 0) {
    const read = new Set(pending.flatMap(({ src }) => ("reg" in src ? [src.reg] : [])));
    const index = pending.findIndex(({ dst }) => !read.has(dst));
    if (index >= 0) {
      const [move] = pending.splice(index, 1);
      result.push({ op: "move", ...move! });
      continue;
    }
    // Every destination is still read by another move: save one and let its readers take the copy.
    const saved = pending[0]!.dst;
    const copy = temporary(saved);
    result.push({ op: "move", dst: copy, src: { reg: saved } });
    for (const move of pending) if ("reg" in move.src && move.src.reg === saved) move.src = { reg: copy };
  }
  return result;
}
