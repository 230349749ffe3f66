/** Where the program's context pointer goes: the verifier allows fewer kinds of access through it. */
import type { Reg } from "../../ir.ts";
import type { Graph } from "./graph.ts";
import { definitionOf } from "./operands.ts";

/** Marks the first parameter of the entry, and parameters of other functions that it is passed to. */
export function markContextParameters(entry: string, graphs: ReadonlyMap<string, Graph>): void {
  graphs.get(entry)?.contextParameters.add(0);
  for (let changed = true; changed; ) {
    changed = false;
    for (const graph of graphs.values()) {
      const contexts = contextRegisters(graph);
      for (const block of graph.blocks.values()) {
        for (const instruction of block.instructions) {
          if (instruction.op !== "call") continue;
          const callee = graphs.get(instruction.function);
          for (const [index, arg] of instruction.args.entries()) {
            if (!callee || !("reg" in arg) || !contexts.has(arg.reg)) continue;
            if (callee.contextParameters.has(index)) continue;
            callee.contextParameters.add(index);
            changed = true;
          }
        }
      }
    }
  }
}

/** Registers that hold the context: those parameters and their copies. */
export function contextRegisters(graph: Graph): Set<Reg> {
  const contexts = new Set<Reg>();
  for (const index of graph.contextParameters) {
    const parameter = graph.parameters[index];
    if (parameter !== undefined) contexts.add(parameter);
  }
  for (let changed = contexts.size > 0; changed; ) {
    changed = false;
    for (const block of graph.blocks.values()) {
      for (const instruction of block.instructions) {
        if (instruction.op !== "move" || !("reg" in instruction.src)) continue;
        const dst = definitionOf(instruction)!;
        if (contexts.has(dst) || !contexts.has(instruction.src.reg)) continue;
        contexts.add(dst);
        changed = true;
      }
    }
  }
  return contexts;
}
