/**
 * Algebraic simplification in SSA form: each instruction is replaced by a cheaper one with the same value, moves are
 * read through. Addresses only ever get constants added: what the verifier could follow before it can follow after.
 */
import type { Instruction, Operand, Reg, Terminator } from "../../../ir.ts";
import { type Definitions, type Graph, isPhi, reversePostorder } from "../graph.ts";
import { definitionOf, mapOperands, mapTerminator } from "../operands.ts";
import { definitionsOf, onlyValue, replaceRegisters, useCounts } from "./definitions.ts";
import { Ranges } from "./ranges.ts";
import { simplifyAlu } from "./simplify-alu.ts";
import { simplifyComparison } from "./simplify-comparison.ts";
import { simplifyExtend, simplifySwap, withoutHighBits } from "./simplify-width.ts";

/** What the rules may ask. */
export interface Rules {
  readonly definitions: Definitions;
  readonly ranges: Ranges;
  readonly uses: ReadonlyMap<Reg, number>;
  /** Registers that branches compare. The verifier knows bounds of these, not of what they were computed from. */
  readonly compared: ReadonlySet<Reg>;
}

/** True if anything changed. */
export function simplify(graph: Graph): boolean {
  const definitions = definitionsOf(graph);
  const ranges = new Ranges();
  const rules: Rules = {
    definitions,
    ranges,
    uses: useCounts(graph),
    compared: comparedRegisters(graph, definitions),
  };
  const replacement = new Map<Reg, Operand>();
  const resolve = (operand: Operand): Operand => {
    let current = operand;
    while ("reg" in current) {
      const next = replacement.get(current.reg);
      if (next === undefined) break;
      current = next;
    }
    return current;
  };
  let changed = false;
  for (const id of reversePostorder(graph)) {
    const block = graph.blocks.get(id)!;
    block.phis = block.phis.filter((phi) => {
      for (const [from, arg] of phi.args) phi.args.set(from, resolve(arg));
      const only = onlyValue(phi);
      if (only === undefined) {
        ranges.define(phi);
        return true;
      }
      replacement.set(phi.dst, only);
      changed = true;
      return false;
    });
    block.instructions = block.instructions.map((original) => {
      const instruction = simplifyInstruction(mapOperands(original, resolve), rules);
      const dst = definitionOf(instruction);
      if (dst === undefined) return instruction;
      changed ||= instruction.op !== original.op;
      definitions.set(dst, instruction);
      ranges.define(instruction);
      if (instruction.op === "move") {
        replacement.set(dst, instruction.src);
        keepDeclaration(graph, dst, instruction.src, definitions);
      }
      return instruction;
    });
    block.terminator = simplifyTerminator(mapTerminator(block.terminator, resolve), rules);
  }
  replaceRegisters(graph, replacement);
  return changed;
}

function comparedRegisters(graph: Graph, definitions: Definitions): Set<Reg> {
  const compared = new Set<Reg>();
  for (const { terminator } of graph.blocks.values()) {
    if (terminator.op !== "branch") continue;
    for (const side of [terminator.left, terminator.right]) {
      for (let operand: Operand = side; "reg" in operand; ) {
        compared.add(operand.reg);
        const definition = definitions.get(operand.reg);
        if (!definition || isPhi(definition) || definition.op !== "move") break;
        operand = definition.src;
      }
    }
  }
  return compared;
}

/** What is declared of a copy holds for a sum that it is a copy of: both are the same address. */
function keepDeclaration(graph: Graph, dst: Reg, src: Operand, definitions: Definitions): void {
  if (!("reg" in src) || !graph.packetRegisters.has(dst)) return;
  const definition = definitions.get(src.reg);
  if (definition && !isPhi(definition) && definition.op === "alu") graph.packetRegisters.add(src.reg);
}

/** Applies rules until none fits. */
function simplifyInstruction(original: Instruction, rules: Rules): Instruction {
  let instruction = original;
  for (let steps = 0; steps < 16; steps++) {
    const next = simplifyOnce(instruction, rules);
    if (next === undefined) break;
    instruction = next;
  }
  return instruction;
}

function simplifyOnce(instruction: Instruction, rules: Rules): Instruction | undefined {
  switch (instruction.op) {
    case "alu":
      return simplifyAlu(instruction, rules);
    case "extend":
      return simplifyExtend(instruction, rules);
    case "swap":
      return simplifySwap(instruction, rules);
    case "compare": {
      const simpler = simplifyComparison(instruction, rules);
      if (simpler === undefined) return undefined;
      if (typeof simpler !== "boolean") return { ...instruction, ...simpler };
      return moveTo(instruction, { value: simpler ? 1n : 0n });
    }
    case "load":
    case "store":
    case "atomic":
      return simplifyAccess(instruction, rules);
    default:
      return undefined;
  }
}

/** `dst = src` in the place of an instruction. */
export function moveTo(instruction: Instruction & { readonly dst: Reg }, src: Operand): Instruction {
  return { ...(instruction.at ? { at: instruction.at } : {}), op: "move", dst: instruction.dst, src };
}

/** Offsets that instructions can hold. */
function fitsOffset(offset: number): boolean {
  return offset >= -0x8000 && offset <= 0x7fff;
}

/** Constants added to a base become part of the offset; stored values need only their low bits. */
function simplifyAccess(
  instruction: Extract<Instruction, { op: "load" | "store" | "atomic" }>,
  rules: Rules,
): Instruction | undefined {
  const base = rules.definitions.get(instruction.base);
  if (base && !isPhi(base) && base.op === "alu" && base.width === 64 && base.operation === "add") {
    const { left, right } = base;
    if ("reg" in left && "value" in right) {
      const offset = instruction.offset + Number(BigInt.asIntN(64, right.value));
      if (fitsOffset(offset)) return { ...instruction, base: left.reg, offset };
    }
  }
  if (instruction.op === "store") {
    const value = withoutHighBits(instruction.value, 8 * instruction.size, rules);
    if (value) return { ...instruction, value };
  }
  return undefined;
}

function simplifyTerminator(original: Terminator, rules: Rules): Terminator {
  let terminator = original;
  for (let steps = 0; steps < 16 && terminator.op === "branch"; steps++) {
    const simpler = simplifyComparison(terminator, rules);
    if (simpler === undefined) break;
    const at = terminator.at ? { at: terminator.at } : {};
    // An outcome that is certain is left to constant propagation, which knows about φ-functions.
    terminator =
      typeof simpler === "boolean"
        ? { ...terminator, ...at, comparison: "eq", left: { value: simpler ? 0n : 1n }, right: { value: 0n } }
        : { ...terminator, ...simpler };
    if (typeof simpler === "boolean") break;
  }
  return terminator;
}
