/**
 * How likely branches are, guessed from their shape (after Ball and Larus, "Branch Prediction for Free", 1993): packets
 * are long enough, lookups find what they look for, loops go on, few instructions before a return are an exception.
 * What is likely falls through and gets registers.
 */
import type { BlockId, Operand, Reg, Terminator } from "../../ir.ts";
import { blockOf, type Graph, type GraphBlock } from "./graph.ts";
import { definitionOf } from "./operands.ts";
import { pointersOf } from "./optimise/pointers.ts";

/** Chances that a branch is taken to `then`. */
const STAYS_IN_LOOP = 0.9;
const IS_NULL = 0.1;
const OUT_OF_BOUNDS = 0.05;
const LEAVES_AT_ONCE = 0.1;
const ARE_EQUAL = 0.35;
const HAS_NO_FLAG = 0.6;
const EXCHANGED = 0.9;

type Branch = Extract<Terminator, { op: "branch" }>;

/** Answers for one graph; `depths` says how many loops each block is in. */
export class Likelihood {
  readonly #graph: Graph;
  readonly #depths: ReadonlyMap<BlockId, number>;
  readonly #pointers: ReadonlySet<Reg>;

  constructor(graph: Graph, depths: ReadonlyMap<BlockId, number>) {
    this.#graph = graph;
    this.#depths = depths;
    this.#pointers = pointersOf(graph);
  }

  /** The chance of `then`, 0 … 1. */
  of(block: GraphBlock, branch: Branch): number {
    return (
      this.#loop(block, branch) ??
      this.#pointer(branch) ??
      this.#exit(branch) ??
      this.#equality(block, branch) ??
      0.5
    );
  }

  #loop(block: GraphBlock, branch: Branch): number | undefined {
    const depth = this.#depths.get(block.id) ?? 0;
    const then = this.#depths.get(branch.then) ?? 0;
    const otherwise = this.#depths.get(branch.otherwise) ?? 0;
    if (then < depth && otherwise >= depth) return 1 - STAYS_IN_LOOP;
    return otherwise < depth && then >= depth ? STAYS_IN_LOOP : undefined;
  }

  #isPointer(operand: Operand): boolean {
    return "reg" in operand && this.#pointers.has(operand.reg);
  }

  #pointer({ comparison, left, right }: Branch): number | undefined {
    if (!this.#isPointer(left) && !this.#isPointer(right)) return undefined;
    switch (comparison) {
      case "eq":
        return IS_NULL;
      case "ne":
        return 1 - IS_NULL;
      case "gt":
      case "ge":
        return this.#isPointer(left) ? OUT_OF_BOUNDS : 1 - OUT_OF_BOUNDS;
      default:
        return this.#isPointer(left) ? 1 - OUT_OF_BOUNDS : OUT_OF_BOUNDS;
    }
  }

  #exit(branch: Branch): number | undefined {
    const then = this.#leavesAtOnce(branch.then);
    const otherwise = this.#leavesAtOnce(branch.otherwise);
    if (then === otherwise) return undefined;
    return then ? LEAVES_AT_ONCE : 1 - LEAVES_AT_ONCE;
  }

  /** A block that returns a constant and does little else. */
  #leavesAtOnce(start: BlockId): boolean {
    let block = blockOf(this.#graph, start);
    for (let steps = 0; steps < 3; steps++) {
      if (block.instructions.some(({ op }) => op !== "move")) return false;
      if (block.terminator.op === "return") return true;
      if (block.terminator.op !== "jump") return false;
      block = blockOf(this.#graph, block.terminator.target);
    }
    return false;
  }

  #equality(block: GraphBlock, { comparison, left, right }: Branch): number | undefined {
    if (comparison !== "eq" && comparison !== "ne") return undefined;
    const definition = block.instructions.findLast(
      (instruction) => "reg" in left && definitionOf(instruction) === left.reg,
    );
    let equal = ARE_EQUAL;
    if (definition?.op === "atomic" && definition.operation === "compareExchange") equal = EXCHANGED;
    if (
      definition?.op === "alu" &&
      definition.operation === "and" &&
      "value" in right &&
      right.value === 0n
    ) {
      equal = HAS_NO_FLAG;
    }
    return comparison === "eq" ? equal : 1 - equal;
  }
}

/** Where a block goes, and how likely. */
export interface Way {
  readonly to: BlockId;
  readonly chance: number;
}

/** How often each block runs for one run of the entry. Blocks in reverse postorder. */
export function frequencies(
  blocks: readonly { readonly id: BlockId }[],
  waysOf: (id: BlockId) => readonly Way[],
): Map<BlockId, number> {
  const position = new Map(blocks.map(({ id }, index) => [id, index]));
  /** What came along back edges in the pass before. */
  let returned = new Map<BlockId, number>();
  let result = new Map<BlockId, number>();
  // Each pass follows loops once more; ten rounds are as good as endless for a guess.
  for (let pass = 0; pass < 10; pass++) {
    const arriving = new Map(returned);
    returned = new Map();
    result = new Map();
    for (const [index, { id }] of blocks.entries()) {
      const frequency = (index === 0 ? 1 : 0) + (arriving.get(id) ?? 0);
      result.set(id, frequency);
      for (const { to, chance } of waysOf(id)) {
        const target = position.get(to)! <= index ? returned : arriving;
        target.set(to, (target.get(to) ?? 0) + frequency * chance);
      }
    }
  }
  return result;
}
