/**
 * Global value numbering in SSA form: what was computed on every way to a place is not computed again there, and what
 * the branches on that way said is known. Walks the dominator tree with scoped tables.
 */
import type { BlockId, Comparison, Instruction, Operand, Reg } from "../../../ir.ts";
import { type Dominators, dominatorsOf } from "../dominators.ts";
import { unsigned } from "../evaluate.ts";
import { blockOf, type Graph, type GraphBlock } from "../graph.ts";
import { definitionOf, MIRRORED, mapOperands, mapTerminator, NEGATED } from "../operands.ts";
import { pointersOf } from "./pointers.ts";

/** What a table entry replaced, to be put back when its scope ends. */
type Undo = () => void;

/** True if anything changed. */
export function numberValues(graph: Graph): boolean {
  return new Numbering(graph).run();
}

class Numbering {
  readonly #graph: Graph;
  readonly #dominators: Dominators;
  readonly #pointers: ReadonlySet<Reg>;
  /** The register or constant that holds each expression. */
  readonly #table = new Map<string, Operand>();
  /** What to read instead of a register, while within the scope. */
  readonly #known = new Map<Reg, Operand>();
  #changed = false;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#dominators = dominatorsOf(graph);
    this.#pointers = pointersOf(graph);
  }

  run(): boolean {
    const work: ({ id: BlockId } | { undo: Undo[] })[] = [{ id: this.#graph.entry }];
    for (let item = work.pop(); item !== undefined; item = work.pop()) {
      if ("undo" in item) {
        for (const undo of item.undo.reverse()) undo();
        continue;
      }
      const scope: Undo[] = [];
      this.#block(blockOf(this.#graph, item.id), scope);
      work.push({ undo: scope });
      for (const child of [...this.#dominators.children.get(item.id)!].reverse()) work.push({ id: child });
    }
    return this.#changed;
  }

  #put<K, V>(table: Map<K, V>, key: K, value: V, scope: Undo[]): void {
    const old = table.get(key);
    scope.push(() => {
      if (old === undefined) table.delete(key);
      else table.set(key, old);
    });
    table.set(key, value);
  }

  #resolve = (operand: Operand): Operand => {
    let current = operand;
    while ("reg" in current) {
      const next = this.#known.get(current.reg);
      if (next === undefined) break;
      current = next;
    }
    return current;
  };

  #block(block: GraphBlock, scope: Undo[]): void {
    this.#learnFromBranch(block, scope);
    this.#phis(block, scope);
    block.instructions = block.instructions.map((original) => {
      const instruction = mapOperands(original, this.#resolve);
      const dst = definitionOf(instruction);
      if (dst === undefined) return instruction;
      if (instruction.op === "move") {
        this.#put(this.#known, dst, instruction.src, scope);
        return instruction;
      }
      const key = keyOf(instruction);
      if (key === undefined) return instruction;
      const same = this.#table.get(key);
      if (same === undefined) {
        this.#put(this.#table, key, { reg: dst }, scope);
        return instruction;
      }
      this.#changed = true;
      this.#put(this.#known, dst, same, scope);
      if ("reg" in same && this.#graph.packetRegisters.has(dst)) this.#graph.packetRegisters.add(same.reg);
      return { ...(instruction.at ? { at: instruction.at } : {}), op: "move", dst, src: same };
    });
    block.terminator = mapTerminator(block.terminator, this.#resolve);
    this.#decide(block);
    const { terminator } = block;
    const targets = terminator.op === "jump" ? [terminator.target] : [];
    if (terminator.op === "branch") targets.push(terminator.then, terminator.otherwise);
    for (const id of targets) {
      for (const phi of blockOf(this.#graph, id).phis) {
        const arg = phi.args.get(block.id);
        if (arg) phi.args.set(block.id, this.#resolve(arg));
      }
    }
  }

  /** Two φ-functions of a block with the same arguments are one. */
  #phis(block: GraphBlock, scope: Undo[]): void {
    const seen = new Map<string, Reg>();
    block.phis = block.phis.filter((phi) => {
      const key = [...phi.args]
        .sort(([a], [b]) => a - b)
        .map(([from, arg]) => `${from}:${name(arg)}`)
        .join();
      const same = seen.get(key);
      if (same === undefined) {
        seen.set(key, phi.dst);
        return true;
      }
      this.#changed = true;
      block.instructions.unshift({ op: "move", dst: phi.dst, src: { reg: same } });
      this.#put(this.#known, phi.dst, { reg: same }, scope);
      return false;
    });
  }

  /** A block with one predecessor knows how that one's branch went. */
  #learnFromBranch(block: GraphBlock, scope: Undo[]): void {
    const before = this.#dominators.predecessors.get(block.id)!;
    if (before.length !== 1) return;
    const { terminator } = blockOf(this.#graph, before[0]!);
    if (terminator.op !== "branch" || terminator.then === terminator.otherwise) return;
    const holds = terminator.then === block.id;
    const left = this.#resolve(terminator.left);
    const right = this.#resolve(terminator.right);
    const comparison = holds ? terminator.comparison : NEGATED[terminator.comparison];
    this.#learn(comparison, left, right, scope);
  }

  #learn(comparison: Comparison, left: Operand, right: Operand, scope: Undo[]): void {
    for (const implied of IMPLIED[comparison]) {
      this.#put(this.#table, testKey(implied, left, right), { value: 1n }, scope);
      this.#put(this.#table, testKey(NEGATED[implied], left, right), { value: 0n }, scope);
    }
    if (comparison !== "eq" || !("reg" in left) || !("value" in right)) return;
    // Addresses stay registers, unless they are null: the verifier knows them by their registers.
    if (this.#pointers.has(left.reg) && unsigned(right.value) !== 0n) return;
    this.#put(this.#known, left.reg, right, scope);
  }

  /** A test whose outcome is known becomes one of constants, for constant propagation to fold. */
  #decide(block: GraphBlock): void {
    const { terminator } = block;
    if (terminator.op !== "branch") return;
    const outcome = this.#table.get(testKey(terminator.comparison, terminator.left, terminator.right));
    if (outcome === undefined || "reg" in outcome) return;
    if ("value" in terminator.left && "value" in terminator.right) return;
    this.#changed = true;
    block.terminator = {
      ...terminator,
      comparison: "ne",
      left: outcome,
      right: { value: 0n },
    };
  }
}

/** What else holds where a comparison holds (itself included). */
const IMPLIED: Readonly<Record<Comparison, readonly Comparison[]>> = {
  eq: ["eq", "le", "ge", "sle", "sge"],
  ne: ["ne"],
  lt: ["lt", "le", "ne"],
  le: ["le"],
  gt: ["gt", "ge", "ne"],
  ge: ["ge"],
  slt: ["slt", "sle", "ne"],
  sle: ["sle"],
  sgt: ["sgt", "sge", "ne"],
  sge: ["sge"],
};

function name(operand: Operand): string {
  return "reg" in operand ? `%${operand.reg}` : String(unsigned(operand.value));
}

/** Sides in one order, so that a test and its mirror image are the same. */
function testKey(comparison: Comparison, left: Operand, right: Operand): string {
  const [a, b] = [name(left), name(right)];
  return a <= b ? `${comparison} ${a} ${b}` : `${MIRRORED[comparison]} ${b} ${a}`;
}

const COMMUTATIVE = new Set(["add", "mul", "and", "or", "xor"]);

/** A name for the value of a pure computation; undefined for others. */
function keyOf(instruction: Instruction): string | undefined {
  switch (instruction.op) {
    case "alu": {
      const { operation, width } = instruction;
      const [a, b] = [name(instruction.left), name(instruction.right)];
      return COMMUTATIVE.has(operation) && b < a
        ? `${operation}${width} ${b} ${a}`
        : `${operation}${width} ${a} ${b}`;
    }
    case "extend":
      return `${instruction.signed ? "sext" : "zext"}${instruction.bits} ${name(instruction.src)}`;
    case "swap":
      return `swap${instruction.bits} ${name(instruction.src)}`;
    case "compare":
      return testKey(instruction.comparison, instruction.left, instruction.right);
    case "stackAddress":
      return `slot ${instruction.slot}`;
    case "mapAddress":
      return `map ${instruction.map.name}`;
    case "mapValueAddress":
      return `value ${instruction.map.name} ${instruction.offset}`;
    case "functionAddress":
      return `function ${instruction.function}`;
    default:
      return undefined;
  }
}
