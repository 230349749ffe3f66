/**
 * The form of a function the passes work on: basic blocks by number, with φ-functions while in SSA form
 * (outside of it `phis` is empty and a register may be assigned several times).
 */
import type {
  BlockId,
  Instruction,
  IrFunction,
  Operand,
  Reg,
  SourcePosition,
  StackSlot,
  Terminator,
} from "../../ir.ts";

/** dst = the argument of the block we came from. */
export interface Phi {
  dst: Reg;
  args: Map<BlockId, Operand>;
  at?: SourcePosition | undefined;
}

export interface GraphBlock {
  readonly id: BlockId;
  phis: Phi[];
  instructions: Instruction[];
  terminator: Terminator;
}

export interface Graph {
  readonly name: string;
  readonly parameters: readonly Reg[];
  readonly entry: BlockId;
  /** Without an order; `reversePostorder` gives one. */
  blocks: Map<BlockId, GraphBlock>;
  slots: StackSlot[];
  nextRegister: number;
  nextBlock: number;
  /** Registers that point into packet data where they are defined: never null. */
  packetRegisters: Set<Reg>;
  /** Source names of registers that were variables. */
  names: Map<Reg, string>;
  /** Parameters (by index) that hold the program's context. */
  contextParameters: Set<number>;
  /** For each slot in use, those it cannot share bytes with; filled in by the optimiser. */
  slotConflicts: Map<number, Set<number>> | undefined;
  readonly at: SourcePosition;
}

/** A graph with copies of a function's blocks. The entry gets a block of its own if something jumps to it. */
export function graphOf(source: IrFunction): Graph {
  const blocks = new Map<BlockId, GraphBlock>();
  let nextBlock = 0;
  for (const block of source.blocks) {
    blocks.set(block.id, {
      id: block.id,
      phis: [],
      instructions: [...block.instructions],
      terminator: block.terminator,
    });
    nextBlock = Math.max(nextBlock, block.id + 1);
  }
  const first = source.blocks[0]!.id;
  const entry = nextBlock++;
  blocks.set(entry, { id: entry, phis: [], instructions: [], terminator: { op: "jump", target: first } });
  return {
    name: source.name,
    parameters: source.parameters,
    entry,
    blocks,
    slots: [...source.slots],
    nextRegister: source.nextRegister,
    nextBlock,
    packetRegisters: new Set(source.packetRegisters),
    names: new Map(source.names),
    contextParameters: new Set(),
    slotConflicts: undefined,
    at: source.at,
  };
}

/** A new register, named and typed like `like`. */
export function newRegister(graph: Graph, like?: Reg): Reg {
  const reg: Reg = graph.nextRegister++;
  if (like !== undefined) {
    if (graph.packetRegisters.has(like)) graph.packetRegisters.add(reg);
    const name = graph.names.get(like);
    if (name !== undefined) graph.names.set(reg, name);
  }
  return reg;
}

/** A new block without instructions. */
export function newBlock(graph: Graph, terminator: Terminator): GraphBlock {
  const block: GraphBlock = { id: graph.nextBlock++, phis: [], instructions: [], terminator };
  graph.blocks.set(block.id, block);
  return block;
}

export function blockOf(graph: Graph, id: BlockId): GraphBlock {
  return graph.blocks.get(id)!;
}

/** Where a terminator may go, each block once. */
export function successorsOf(terminator: Terminator): readonly BlockId[] {
  switch (terminator.op) {
    case "jump":
      return [terminator.target];
    case "branch":
      return terminator.then === terminator.otherwise
        ? [terminator.then]
        : [terminator.then, terminator.otherwise];
    default:
      return [];
  }
}

type Branch = Extract<Terminator, { op: "branch" }>;

/** A branch on the same comparison to other blocks. */
export function branchTo(
  branch: Omit<Branch, "then" | "otherwise">,
  then: BlockId,
  otherwise: BlockId,
): Branch {
  return { ...branch, then, otherwise };
}

/** The terminator with its targets replaced. */
export function mapTargets(terminator: Terminator, replace: (id: BlockId) => BlockId): Terminator {
  switch (terminator.op) {
    case "jump":
      return { ...terminator, target: replace(terminator.target) };
    case "branch":
      return branchTo(terminator, replace(terminator.then), replace(terminator.otherwise));
    default:
      return terminator;
  }
}

/** Blocks reachable from the entry, each before its successors except along back edges. */
export function reversePostorder(graph: Graph): BlockId[] {
  const order: BlockId[] = [];
  const seen = new Set<BlockId>([graph.entry]);
  const stack: { id: BlockId; next: readonly BlockId[]; at: number }[] = [
    { id: graph.entry, next: successorsOf(blockOf(graph, graph.entry).terminator), at: 0 },
  ];
  while (stack.length > 0) {
    const top = stack[stack.length - 1]!;
    const successor = top.next[top.at++];
    if (successor === undefined) {
      order.push(top.id);
      stack.pop();
    } else if (!seen.has(successor)) {
      seen.add(successor);
      stack.push({ id: successor, next: successorsOf(blockOf(graph, successor).terminator), at: 0 });
    }
  }
  return order.reverse();
}

/** The blocks that may go to each block. */
export function predecessorsOf(graph: Graph): Map<BlockId, BlockId[]> {
  const predecessors = new Map<BlockId, BlockId[]>();
  for (const id of graph.blocks.keys()) predecessors.set(id, []);
  for (const block of graph.blocks.values()) {
    for (const successor of successorsOf(block.terminator)) predecessors.get(successor)!.push(block.id);
  }
  return predecessors;
}

/** Drops unreachable blocks, and φ arguments that came from them. True if there were any. */
export function removeUnreachable(graph: Graph): boolean {
  const reachable = new Set(reversePostorder(graph));
  let changed = false;
  for (const id of [...graph.blocks.keys()]) {
    if (reachable.has(id)) continue;
    graph.blocks.delete(id);
    changed = true;
  }
  if (changed) {
    for (const block of graph.blocks.values()) {
      for (const phi of block.phis) {
        for (const from of [...phi.args.keys()]) if (!reachable.has(from)) phi.args.delete(from);
      }
    }
  }
  return changed;
}

/** Drops the φ arguments of `to` that belong to the edge from `from`, which is no more. */
export function forgetEdge(graph: Graph, from: BlockId, to: BlockId): void {
  for (const phi of blockOf(graph, to).phis) phi.args.delete(from);
}

/** What defines each register, in SSA form. */
export type Definitions = Map<Reg, Instruction | Phi>;

export function isPhi(definition: Instruction | Phi): definition is Phi {
  return !("op" in definition);
}
