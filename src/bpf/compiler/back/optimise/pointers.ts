/** Which registers hold addresses. */
import type { Operand, Reg } from "../../../ir.ts";
import { type Graph, isPhi } from "../graph.ts";
import { definitionOf, operandsOf } from "../operands.ts";
import { definitionsOf } from "./definitions.ts";

/** Helpers whose result is an address or null: map_lookup_elem and its kin that the verifier knows. */
const LOOKUPS: ReadonlySet<number> = new Set([1, 195]);

/** In SSA form: what is known to be an address by where it comes from or by being accessed through. */
export function pointersOf(graph: Graph): Set<Reg> {
  const definitions = definitionsOf(graph);
  const pointers = new Set<Reg>(graph.packetRegisters);
  const work: Reg[] = [];
  const mark = (operand: Operand | undefined) => {
    if (!operand || !("reg" in operand) || pointers.has(operand.reg)) return;
    pointers.add(operand.reg);
    work.push(operand.reg);
  };
  for (const block of graph.blocks.values()) {
    for (const instruction of block.instructions) {
      switch (instruction.op) {
        case "stackAddress":
        case "mapAddress":
        case "mapValueAddress":
        case "functionAddress":
          mark({ reg: instruction.dst });
          break;
        case "load":
        case "store":
        case "atomic":
          mark({ reg: instruction.base });
          break;
        case "helper":
          if (LOOKUPS.has(instruction.id) && instruction.dst !== undefined) mark({ reg: instruction.dst });
          break;
      }
    }
  }
  work.push(...graph.packetRegisters);
  const users = addressUsers(graph);
  for (let reg = work.pop(); reg !== undefined; reg = work.pop()) {
    const definition = definitions.get(reg);
    if (definition && isPhi(definition)) for (const arg of definition.args.values()) mark(arg);
    else if (definition?.op === "move") mark(definition.src);
    else if (definition?.op === "alu" && definition.width === 64) {
      // Of a sum, the side that is known to be an address; the left one if neither is.
      const { left, right, operation } = definition;
      const rightIs = operation === "add" && "reg" in right && pointers.has(right.reg);
      if (operation === "add" || operation === "sub") if (!rightIs) mark(left);
    }
    for (const dst of users.get(reg) ?? []) mark({ reg: dst });
  }
  return pointers;
}

/** For each register, the results that are addresses if it is one. */
function addressUsers(graph: Graph): Map<Reg, Reg[]> {
  const users = new Map<Reg, Reg[]>();
  const note = (operand: Operand, dst: Reg) => {
    if (!("reg" in operand)) return;
    const list = users.get(operand.reg);
    if (list) list.push(dst);
    else users.set(operand.reg, [dst]);
  };
  for (const block of graph.blocks.values()) {
    for (const phi of block.phis) for (const arg of phi.args.values()) note(arg, phi.dst);
    for (const instruction of block.instructions) {
      const dst = definitionOf(instruction);
      if (dst === undefined) continue;
      const moves = instruction.op === "alu" && instruction.width === 64 && instruction.operation === "add";
      if (instruction.op === "move" || moves)
        for (const operand of operandsOf(instruction)) note(operand, dst);
    }
  }
  return users;
}
