/** What is known of registers for those who come to a block from a certain predecessor, outside SSA form. */
import type { BlockId, Instruction, Operand, Reg, Terminator } from "../../ir.ts";
import { evaluateAlu, evaluateComparison, evaluateExtend, evaluateSwap, unsigned } from "./evaluate.ts";
import { blockOf, type Graph, type GraphBlock } from "./graph.ts";
import { definitionOf } from "./operands.ts";

/** What is known of a register: its value, that it is the address of something, or that it is not 0. */
export type Fact = { readonly constant: bigint } | "address" | "nonzero" | undefined;

/** How far back a register's value is looked for. */
const MAXIMUM_DEPTH = 40;

export class Knowledge {
  readonly #graph: Graph;
  readonly #predecessors: ReadonlyMap<BlockId, readonly BlockId[]>;

  constructor(graph: Graph, predecessors: ReadonlyMap<BlockId, readonly BlockId[]>) {
    this.#graph = graph;
    this.#predecessors = predecessors;
  }

  /** Where `test` goes for those who come from `from`, if that is certain. */
  outcome(from: BlockId, test: GraphBlock): BlockId | undefined {
    const local = new Map<Reg, Fact>();
    const factOf = (operand: Operand): Fact => {
      if (!("reg" in operand)) return { constant: unsigned(operand.value) };
      if (local.has(operand.reg)) return local.get(operand.reg);
      return this.onEdge(from, test.id, operand.reg, 0);
    };
    for (const instruction of test.instructions) {
      local.set(definitionOf(instruction)!, this.evaluate(instruction, factOf));
    }
    const { terminator } = test;
    if (terminator.op !== "branch") return undefined;
    const holds = decide(terminator, factOf(terminator.left), factOf(terminator.right));
    if (holds === undefined) return undefined;
    return holds ? terminator.then : terminator.otherwise;
  }

  /** What an instruction gives, by what is known of its operands. */
  evaluate(instruction: Instruction, factOf: (operand: Operand) => Fact): Fact {
    const dst = definitionOf(instruction);
    switch (instruction.op) {
      case "move":
        return factOf(instruction.src) ?? this.#declared(dst);
      case "alu": {
        const left = factOf(instruction.left);
        const right = factOf(instruction.right);
        if (isConstant(left) && isConstant(right)) {
          const { operation, width } = instruction;
          return { constant: evaluateAlu(operation, width, left.constant, right.constant) };
        }
        const moves = instruction.operation === "add" || instruction.operation === "sub";
        if (moves && instruction.width === 64 && left === "address") return "address";
        return this.#declared(dst);
      }
      case "extend": {
        const source = factOf(instruction.src);
        if (!isConstant(source)) return undefined;
        return { constant: evaluateExtend(instruction.bits, instruction.signed, source.constant) };
      }
      case "swap": {
        const source = factOf(instruction.src);
        return isConstant(source) ? { constant: evaluateSwap(instruction.bits, source.constant) } : undefined;
      }
      case "compare": {
        const holds = decide(instruction, factOf(instruction.left), factOf(instruction.right));
        return holds === undefined ? undefined : { constant: holds ? 1n : 0n };
      }
      case "stackAddress":
      case "mapAddress":
      case "mapValueAddress":
      case "functionAddress":
        return "address";
      default:
        return this.#declared(dst);
    }
  }

  /** What the front end says of a register. */
  #declared(reg: Reg | undefined): Fact {
    return reg !== undefined && this.#graph.packetRegisters.has(reg) ? "address" : undefined;
  }

  /** What is known of a register on the way from one block to the next. */
  onEdge(from: BlockId, to: BlockId, reg: Reg, depth: number): Fact {
    const block = blockOf(this.#graph, from);
    const known = this.#atEnd(block, block.instructions.length, reg, depth);
    return known === undefined || known === "nonzero" ? (this.#fromBranch(block, to, reg) ?? known) : known;
  }

  /** What a branch on `reg` says on its way to `to`. */
  #fromBranch(block: GraphBlock, to: BlockId, reg: Reg): Fact {
    const { terminator } = block;
    if (terminator.op !== "branch" || terminator.then === terminator.otherwise) return undefined;
    if (!("reg" in terminator.left) || terminator.left.reg !== reg || !("value" in terminator.right)) {
      return undefined;
    }
    const { comparison } = terminator;
    if (comparison !== "eq" && comparison !== "ne") return undefined;
    const value = unsigned(terminator.right.value);
    const equal = (comparison === "eq") === (to === terminator.then);
    if (equal) return { constant: value };
    if (value !== 0n) return undefined;
    return this.#isLookup(block, reg) ? "address" : "nonzero";
  }

  /** True if `reg` was last assigned the result of a map lookup: what is not null is an address. */
  #isLookup(start: GraphBlock, reg: Reg): boolean {
    let block = start;
    for (let depth = 0; depth < MAXIMUM_DEPTH; depth++) {
      const definition = block.instructions.findLast((instruction) => definitionOf(instruction) === reg);
      if (definition) return definition.op === "helper" && definition.id === 1;
      const before = this.#predecessors.get(block.id);
      if (before?.length !== 1) return false;
      block = blockOf(this.#graph, before[0]!);
    }
    return false;
  }

  /** What is known of `reg` before instruction `index` of a block. */
  #atEnd(block: GraphBlock, index: number, reg: Reg, depth: number): Fact {
    if (depth > MAXIMUM_DEPTH) return undefined;
    for (let i = index - 1; i >= 0; i--) {
      const instruction = block.instructions[i]!;
      if (definitionOf(instruction) !== reg) continue;
      return this.evaluate(instruction, (operand) =>
        "reg" in operand
          ? this.#atEnd(block, i, operand.reg, depth + 1)
          : { constant: unsigned(operand.value) },
      );
    }
    const before = this.#predecessors.get(block.id);
    if (before?.length !== 1 || before[0] === block.id) return undefined;
    return this.onEdge(before[0]!, block.id, reg, depth + 1);
  }
}

function isConstant(fact: Fact): fact is { readonly constant: bigint } {
  return typeof fact === "object";
}

/** Whether a comparison holds, if that is certain. */
export function decide(
  test: Pick<Extract<Terminator, { op: "branch" }>, "comparison">,
  left: Fact,
  right: Fact,
): boolean | undefined {
  if (isConstant(left) && isConstant(right)) {
    return evaluateComparison(test.comparison, left.constant, right.constant);
  }
  if (test.comparison !== "eq" && test.comparison !== "ne") return undefined;
  const [known, other] = isConstant(left) ? [right, left] : [left, right];
  if (known === undefined || !isConstant(other) || other.constant !== 0n) return undefined;
  return test.comparison === "ne";
}
