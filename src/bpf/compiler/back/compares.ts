/** Comparisons whose result is a value become control flow: dst = 1; if it does not hold, dst = 0. */
import { branchTo, type Graph, newBlock } from "./graph.ts";

/** Outside SSA form: `dst` is assigned on two paths. */
export function expandCompares(graph: Graph): void {
  for (const start of [...graph.blocks.values()]) {
    let block = start;
    for (;;) {
      const index = block.instructions.findIndex(({ op }) => op === "compare");
      const compare = block.instructions[index];
      if (compare?.op !== "compare") break;
      const at = compare.at ? { at: compare.at } : {};
      const rest = newBlock(graph, block.terminator);
      rest.instructions = block.instructions.slice(index + 1);
      const zero = newBlock(graph, { ...at, op: "jump", target: rest.id });
      zero.instructions.push({ ...at, op: "move", dst: compare.dst, src: { value: 0n } });
      // The operands may be the destination's old value: it must not be overwritten before they are compared.
      const reads = [compare.left, compare.right].some((side) => "reg" in side && side.reg === compare.dst);
      const one = { ...at, op: "move", dst: compare.dst, src: { value: 1n } } as const;
      block.instructions.length = index;
      const { comparison, left, right } = compare;
      const branch = { ...at, op: "branch", comparison, left, right } as const;
      if (reads) {
        const set = newBlock(graph, { ...at, op: "jump", target: rest.id });
        set.instructions.push(one);
        block.terminator = branchTo(branch, set.id, zero.id);
      } else {
        block.instructions.push(one);
        block.terminator = branchTo(branch, rest.id, zero.id);
      }
      block = rest;
    }
  }
}
