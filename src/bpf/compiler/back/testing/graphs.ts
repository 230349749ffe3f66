/** Graphs as functions again, for running them. */
import type { IrFunction } from "../../../ir.ts";
import { fromSsa } from "../destruct.ts";
import type { Graph, GraphBlock } from "../graph.ts";

/** A copy that shares nothing that passes change. */
export function copyOf(graph: Graph): Graph {
  const blocks = [...graph.blocks.values()].map(
    (block): GraphBlock => ({
      ...block,
      phis: block.phis.map((phi) => ({ ...phi, args: new Map(phi.args) })),
      instructions: [...block.instructions],
    }),
  );
  return {
    ...graph,
    blocks: new Map(blocks.map((block) => [block.id, block])),
    slots: [...graph.slots],
    packetRegisters: new Set(graph.packetRegisters),
    names: new Map(graph.names),
  };
}

/** The function that a graph, in SSA form or out of it, stands for. */
export function functionOf(graph: Graph): IrFunction {
  const copy = copyOf(graph);
  fromSsa(copy);
  const entryFirst = [...copy.blocks.values()].sort(
    (a, b) => Number(b.id === copy.entry) - Number(a.id === copy.entry),
  );
  return {
    name: copy.name,
    parameters: copy.parameters,
    returnsValue: true,
    blocks: entryFirst.map(({ id, instructions, terminator }) => ({ id, instructions, terminator })),
    slots: copy.slots,
    nextRegister: copy.nextRegister,
    packetRegisters: copy.packetRegisters,
    names: copy.names,
    inline: "never",
    at: copy.at,
  };
}
