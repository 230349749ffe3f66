/** Dominators, dominance frontiers and loops (Cooper, Harvey, Kennedy: "A Simple, Fast Dominance Algorithm"). */
import type { BlockId } from "../../ir.ts";
import { blockOf, type Graph, predecessorsOf, reversePostorder, successorsOf } from "./graph.ts";

export interface Dominators {
  /** Reverse postorder. */
  readonly order: readonly BlockId[];
  /** Position of each block in `order`. */
  readonly position: ReadonlyMap<BlockId, number>;
  readonly predecessors: ReadonlyMap<BlockId, readonly BlockId[]>;
  /** The closest block that is on every path to a block; the entry's is itself. */
  readonly immediate: ReadonlyMap<BlockId, BlockId>;
  /** Blocks whose immediate dominator a block is, in reverse postorder. */
  readonly children: ReadonlyMap<BlockId, readonly BlockId[]>;
}

/** All blocks must be reachable. */
export function dominatorsOf(graph: Graph): Dominators {
  const order = reversePostorder(graph);
  const position = new Map(order.map((id, index) => [id, index]));
  const predecessors = predecessorsOf(graph);
  const immediate = new Map<BlockId, BlockId>([[graph.entry, graph.entry]]);
  const meet = (a: BlockId, b: BlockId): BlockId => {
    let x = a;
    let y = b;
    while (x !== y) {
      while (position.get(x)! > position.get(y)!) x = immediate.get(x)!;
      while (position.get(y)! > position.get(x)!) y = immediate.get(y)!;
    }
    return x;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const id of order) {
      if (id === graph.entry) continue;
      let dominator: BlockId | undefined;
      for (const from of predecessors.get(id)!) {
        if (!immediate.has(from)) continue;
        dominator = dominator === undefined ? from : meet(dominator, from);
      }
      if (dominator !== undefined && immediate.get(id) !== dominator) {
        immediate.set(id, dominator);
        changed = true;
      }
    }
  }
  const children = new Map<BlockId, BlockId[]>(order.map((id) => [id, []]));
  for (const id of order) if (id !== graph.entry) children.get(immediate.get(id)!)!.push(id);
  return { order, position, predecessors, immediate, children };
}

/** For each block, the blocks where its dominance ends. */
export function frontiersOf(graph: Graph, dominators: Dominators): Map<BlockId, Set<BlockId>> {
  const frontiers = new Map<BlockId, Set<BlockId>>(dominators.order.map((id) => [id, new Set()]));
  for (const id of dominators.order) {
    const from = dominators.predecessors.get(id)!;
    if (from.length < 2 && id !== graph.entry) continue;
    for (const predecessor of from) {
      let runner = predecessor;
      while (runner !== dominators.immediate.get(id)) {
        frontiers.get(runner)!.add(id);
        if (runner === graph.entry) break;
        runner = dominators.immediate.get(runner)!;
      }
    }
  }
  return frontiers;
}

/** True if every path to `b` passes `a`. */
export function dominates(dominators: Dominators, a: BlockId, b: BlockId): boolean {
  let runner = b;
  while (dominators.position.get(runner)! > dominators.position.get(a)!) {
    runner = dominators.immediate.get(runner)!;
  }
  return runner === a;
}

/** How many natural loops each block is in. */
export function loopDepths(graph: Graph, dominators: Dominators): Map<BlockId, number> {
  const bodies = new Map<BlockId, Set<BlockId>>();
  for (const id of dominators.order) {
    for (const header of successorsOf(blockOf(graph, id).terminator)) {
      if (!dominates(dominators, header, id)) continue;
      const body = bodies.get(header) ?? new Set([header]);
      bodies.set(header, body);
      const work = [id];
      for (let next = work.pop(); next !== undefined; next = work.pop()) {
        if (body.has(next)) continue;
        body.add(next);
        work.push(...dominators.predecessors.get(next)!);
      }
    }
  }
  const depths = new Map<BlockId, number>(dominators.order.map((id) => [id, 0]));
  for (const body of bodies.values()) for (const id of body) depths.set(id, depths.get(id)! + 1);
  return depths;
}
