/**
 * Tells the verifier what the compiler knows. The verifier forgets a register's bounds at byte swaps, divisions and
 * atomics; where such a value decides how far an address moves, how often a loop runs, or what a function is given or
 * returns, its bound is stated again by a mask (or a check that never fails) right where it is computed.
 *
 * The last pass in SSA form: simplification would take the masks for redundant.
 */
import type { Instruction, Operand, Reg } from "../../../ir.ts";
import { dominatorsOf, loopDepths } from "../dominators.ts";
import {
  branchTo,
  type Definitions,
  type Graph,
  type GraphBlock,
  isPhi,
  newBlock,
  newRegister,
  successorsOf,
} from "../graph.ts";
import { definitionOf, operandsOf, withDestination } from "../operands.ts";
import { definitionsOf } from "./definitions.ts";
import { pointersOf } from "./pointers.ts";
import { ANY, bitsRange, type Range, Ranges, rangesOf } from "./ranges.ts";

export interface ClarifyOptions {
  /** Whether the result of this function is read by other code of ours or the kernel's: not that of an entry. */
  readonly returnMatters: boolean;
}

export function clarifyBounds(graph: Graph, options: ClarifyOptions): void {
  const order = dominatorsOf(graph).order;
  const known = rangesOf(graph, order);
  const seen = verifierRanges(graph, order);
  const culprits = findCulprits(graph, options, known, seen);
  for (const block of [...graph.blocks.values()]) stateBounds(graph, block, culprits, known);
}

/** The ranges as the verifier of Linux 6.1 sees them. */
class VerifierRanges extends Ranges {
  override result(instruction: Instruction): Range {
    if (!isForgetful(instruction)) return super.result(instruction);
    const divides =
      instruction.op === "alu" && (instruction.operation === "div" || instruction.operation === "mod");
    return divides && instruction.width === 32 ? bitsRange(32) : ANY;
  }
}

/** True if the verifier knows nothing of the result, whatever it knew of the operands. */
function isForgetful(instruction: Instruction): boolean {
  if (instruction.op === "swap" || instruction.op === "atomic") return true;
  if (instruction.op !== "alu") return false;
  switch (instruction.operation) {
    case "div":
    case "mod":
      return true;
    case "add":
    case "sub":
    case "and":
      return false;
    default:
      // Followed for constants on the right only.
      return "reg" in instruction.right;
  }
}

function verifierRanges(graph: Graph, order: readonly number[]): Ranges {
  const ranges = new VerifierRanges();
  for (const id of order) {
    const block = graph.blocks.get(id)!;
    for (const phi of block.phis) ranges.define(phi);
    for (const instruction of block.instructions) ranges.define(instruction);
  }
  return ranges;
}

/** Registers whose bound the verifier must be told. */
function findCulprits(graph: Graph, options: ClarifyOptions, known: Ranges, seen: Ranges): Set<Reg> {
  const definitions: Definitions = definitionsOf(graph);
  const culprits = new Set<Reg>();
  const visited = new Set<Reg>();
  const work: Operand[] = sensitiveOperands(graph, options);
  for (let operand = work.pop(); operand !== undefined; operand = work.pop()) {
    if (!("reg" in operand) || visited.has(operand.reg)) continue;
    visited.add(operand.reg);
    const truth = known.of(operand);
    const view = seen.of(operand);
    if (view.low >= truth.low && view.high <= truth.high) continue;
    const definition = definitions.get(operand.reg);
    if (!definition) continue;
    if (isPhi(definition)) work.push(...definition.args.values());
    else if (isForgetful(definition)) culprits.add(operand.reg);
    else work.push(...operandsOf(definition));
  }
  return culprits;
}

/** Operands whose bounds matter to the verifier. */
function sensitiveOperands(graph: Graph, options: ClarifyOptions): Operand[] {
  const pointers = pointersOf(graph);
  const loops = loopDepths(graph, dominatorsOf(graph));
  const operands: Operand[] = [];
  const isPointer = (operand: Operand | undefined): boolean =>
    operand !== undefined && "reg" in operand && pointers.has(operand.reg);
  for (const block of graph.blocks.values()) {
    for (const instruction of block.instructions) {
      if (instruction.op === "alu" && pointers.has(instruction.dst)) {
        operands.push(...[instruction.left, instruction.right].filter((side) => !isPointer(side)));
      } else if (instruction.op === "call") {
        operands.push(...instruction.args.filter((arg) => !isPointer(arg)));
      } else if (instruction.op === "helper") {
        // A size follows the address of what it is the size of.
        operands.push(
          ...instruction.args.filter((arg, i) => !isPointer(arg) && isPointer(instruction.args[i - 1])),
        );
      }
    }
    const { terminator } = block;
    if (terminator.op === "return" && terminator.value && options.returnMatters)
      operands.push(terminator.value);
    if (terminator.op !== "branch") continue;
    const depth = loops.get(block.id) ?? 0;
    const leaves = successorsOf(terminator).some((id) => (loops.get(id) ?? 0) < depth);
    if (leaves) operands.push(terminator.left, terminator.right);
  }
  return operands;
}

/** Puts a mask or a check after each culprit of a block; everyone reads what comes out of it. */
function stateBounds(graph: Graph, start: GraphBlock, culprits: ReadonlySet<Reg>, known: Ranges): void {
  let block = start;
  for (let index = 0; index < block.instructions.length; index++) {
    const instruction = block.instructions[index]!;
    const dst = definitionOf(instruction);
    if (dst === undefined || !culprits.has(dst)) continue;
    const { low, high } = known.of({ reg: dst });
    if (low < 0n) continue;
    const at = instruction.at ? { at: instruction.at } : {};
    if ((high & (high + 1n)) === 0n) {
      // The result gets a new name, so that the name all readers know is the masked one.
      const unmasked = newRegister(graph, dst);
      const mask: Instruction = maskOf(dst, unmasked, high, at);
      block.instructions.splice(index, 1, withDestination(instruction, unmasked), mask);
      index++;
      continue;
    }
    const rest = newBlock(graph, block.terminator);
    rest.instructions = block.instructions.splice(index + 1);
    const never = newBlock(graph, { ...at, op: "return", value: { value: 0n } });
    const check = {
      ...at,
      op: "branch",
      comparison: "gt",
      left: { reg: dst },
      right: { value: high },
    } as const;
    block.terminator = branchTo(check, never.id, rest.id);
    for (const successor of successorsOf(rest.terminator)) {
      for (const phi of graph.blocks.get(successor)!.phis) {
        const arg = phi.args.get(block.id);
        if (!arg) continue;
        phi.args.delete(block.id);
        phi.args.set(rest.id, arg);
      }
    }
    block = rest;
    index = -1;
  }
}

function maskOf(dst: Reg, src: Reg, mask: bigint, at: object): Instruction {
  if (mask === 0xffffffffn) return { ...at, op: "extend", bits: 32, signed: false, dst, src: { reg: src } };
  return {
    ...at,
    op: "alu",
    operation: "and",
    width: 64,
    dst,
    left: { reg: src },
    right: { value: mask },
  };
}
