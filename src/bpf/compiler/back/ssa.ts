/** Into SSA form: each register gets one definition, φ-functions join values where paths meet (pruned by liveness). */
import type { BlockId, Operand, Reg } from "../../ir.ts";
import { dominatorsOf, frontiersOf } from "./dominators.ts";
import { blockOf, type Graph, newRegister, removeUnreachable, successorsOf } from "./graph.ts";
import { livenessOf } from "./liveness.ts";
import { definitionOf, mapOperands, mapTerminator, withDestination } from "./operands.ts";

/** Also accepts a graph that is already partly in SSA form. A register read before any assignment reads 0. */
export function toSsa(graph: Graph): void {
  removeUnreachable(graph);
  const dominators = dominatorsOf(graph);
  const assigned = assignments(graph);
  insertPhis(graph, assigned);

  const values = new Map<Reg, Operand[]>();
  const multiple = (reg: Reg): boolean => assigned.has(reg);
  const current = (operand: Operand): Operand => {
    if (!("reg" in operand) || !multiple(operand.reg)) return operand;
    return values.get(operand.reg)?.at(-1) ?? { value: 0n };
  };
  const define = (reg: Reg, pushed: Reg[]): Reg => {
    if (!multiple(reg)) return reg;
    const fresh = newRegister(graph, reg);
    const stack = values.get(reg);
    if (stack) stack.push({ reg: fresh });
    else values.set(reg, [{ reg: fresh }]);
    pushed.push(reg);
    return fresh;
  };
  for (const parameter of graph.parameters)
    if (multiple(parameter)) values.set(parameter, [{ reg: parameter }]);

  const enter = (id: BlockId): Reg[] => {
    const block = blockOf(graph, id);
    const pushed: Reg[] = [];
    for (const phi of block.phis) phi.dst = define(phi.dst, pushed);
    block.instructions = block.instructions.map((instruction) => {
      const read = mapOperands(instruction, current);
      const dst = definitionOf(read);
      return dst === undefined ? read : withDestination(read, define(dst, pushed));
    });
    block.terminator = mapTerminator(block.terminator, current);
    for (const successor of successorsOf(block.terminator)) {
      for (const phi of blockOf(graph, successor).phis) {
        const arg = phi.args.get(id);
        if (arg) phi.args.set(id, current(arg));
      }
    }
    return pushed;
  };
  const work: ({ id: BlockId } | { pop: Reg[] })[] = [{ id: graph.entry }];
  for (let item = work.pop(); item !== undefined; item = work.pop()) {
    if ("pop" in item) {
      for (const reg of item.pop) values.get(reg)!.pop();
      continue;
    }
    work.push({ pop: enter(item.id) });
    for (const child of [...dominators.children.get(item.id)!].reverse()) work.push({ id: child });
  }
}

/** Blocks that assign each register which is assigned more than once (parameters count as assigned on entry). */
function assignments(graph: Graph): Map<Reg, Set<BlockId>> {
  const blocks = new Map<Reg, Set<BlockId>>();
  const counts = new Map<Reg, number>();
  const assign = (reg: Reg, id: BlockId) => {
    counts.set(reg, (counts.get(reg) ?? 0) + 1);
    const set = blocks.get(reg);
    if (set) set.add(id);
    else blocks.set(reg, new Set([id]));
  };
  for (const parameter of graph.parameters) assign(parameter, graph.entry);
  for (const block of graph.blocks.values()) {
    for (const phi of block.phis) assign(phi.dst, block.id);
    for (const instruction of block.instructions) {
      const dst = definitionOf(instruction);
      if (dst !== undefined) assign(dst, block.id);
    }
  }
  for (const [reg, count] of counts) if (count === 1) blocks.delete(reg);
  return blocks;
}

function insertPhis(graph: Graph, assigned: ReadonlyMap<Reg, ReadonlySet<BlockId>>): void {
  const dominators = dominatorsOf(graph);
  const frontiers = frontiersOf(graph, dominators);
  const { liveIn } = livenessOf(graph);
  for (const [reg, blocks] of assigned) {
    const placed = new Set<BlockId>();
    const work = [...blocks];
    for (let id = work.pop(); id !== undefined; id = work.pop()) {
      for (const frontier of frontiers.get(id)!) {
        if (placed.has(frontier) || !liveIn.get(frontier)!.has(reg)) continue;
        placed.add(frontier);
        const args = new Map<BlockId, Operand>();
        for (const from of dominators.predecessors.get(frontier)!) args.set(from, { reg });
        blockOf(graph, frontier).phis.push({ dst: reg, args });
        work.push(frontier);
      }
    }
  }
}
