/**
 * Sparse conditional constant propagation (Wegman and Zadeck, 1991): follows only branches that can be taken, with
 * the values registers are known to have, or that they are addresses and so not null.
 */
import type { BlockId, Instruction, Operand, Reg, Terminator } from "../../../ir.ts";
import { evaluateAlu, evaluateComparison, evaluateExtend, evaluateSwap, unsigned } from "../evaluate.ts";
import {
  blockOf,
  forgetEdge,
  type Graph,
  type GraphBlock,
  isPhi,
  type Phi,
  removeUnreachable,
} from "../graph.ts";
import { definitionOf, operandsOf, terminatorOperands } from "../operands.ts";
import { replaceRegisters } from "./definitions.ts";

/** Undefined: nothing known yet. A bigint: always that value. */
type Value = bigint | "address" | "varying" | undefined;

/** In SSA form. True if anything changed. */
export function propagateConstants(graph: Graph): boolean {
  return new Propagation(graph).run();
}

class Propagation {
  readonly #graph: Graph;
  readonly #values = new Map<Reg, Value>();
  readonly #users = new Map<Reg, Set<{ block: GraphBlock; user: Instruction | Phi | "terminator" }>>();
  readonly #edges = new Set<string>();
  readonly #reached = new Set<BlockId>();
  readonly #blocks: [BlockId, BlockId][] = [];
  readonly #registers: Reg[] = [];

  constructor(graph: Graph) {
    this.#graph = graph;
    for (const parameter of graph.parameters) this.#values.set(parameter, "varying");
    for (const block of graph.blocks.values()) {
      const note = (operand: Operand, user: Instruction | Phi | "terminator") => {
        if (!("reg" in operand)) return;
        const list = this.#users.get(operand.reg);
        if (list) list.add({ block, user });
        else this.#users.set(operand.reg, new Set([{ block, user }]));
      };
      for (const phi of block.phis) for (const arg of phi.args.values()) note(arg, phi);
      for (const instruction of block.instructions) {
        for (const operand of operandsOf(instruction)) note(operand, instruction);
      }
      for (const operand of terminatorOperands(block.terminator)) note(operand, "terminator");
    }
  }

  run(): boolean {
    this.#blocks.push([-1, this.#graph.entry]);
    for (;;) {
      const edge = this.#blocks.pop();
      if (edge) {
        this.#take(edge);
        continue;
      }
      const reg = this.#registers.pop();
      if (reg === undefined) break;
      for (const { block, user } of this.#users.get(reg) ?? []) {
        if (!this.#reached.has(block.id)) continue;
        if (user === "terminator") this.#terminator(block);
        else if (isPhi(user)) this.#phi(block, user);
        else this.#instruction(user);
      }
    }
    return this.#rewrite();
  }

  #take([from, to]: [BlockId, BlockId]): void {
    const name = `${from}>${to}`;
    if (this.#edges.has(name)) return;
    this.#edges.add(name);
    const block = blockOf(this.#graph, to);
    for (const phi of block.phis) this.#phi(block, phi);
    if (this.#reached.has(to)) return;
    this.#reached.add(to);
    for (const instruction of block.instructions) this.#instruction(instruction);
    this.#terminator(block);
  }

  #valueOf(operand: Operand): Value {
    return "reg" in operand ? this.#values.get(operand.reg) : unsigned(operand.value);
  }

  #set(reg: Reg, value: Value): void {
    const old = this.#values.get(reg);
    if (value === undefined || old === value || old === "varying") return;
    // Only ever towards "varying", or this would not end.
    this.#values.set(reg, old === undefined ? value : "varying");
    this.#registers.push(reg);
  }

  #phi(block: GraphBlock, phi: Phi): void {
    let value: Value;
    for (const [from, arg] of phi.args) {
      if (!this.#edges.has(`${from}>${block.id}`)) continue;
      const next = this.#valueOf(arg);
      if (next === undefined || next === value) continue;
      value = value === undefined ? next : "varying";
    }
    this.#set(phi.dst, value);
  }

  #instruction(instruction: Instruction): void {
    const dst = definitionOf(instruction);
    if (dst === undefined) return;
    const value = this.#evaluate(instruction);
    const declared = value === "varying" && this.#graph.packetRegisters.has(dst);
    this.#set(dst, declared ? "address" : value);
  }

  #evaluate(instruction: Instruction): Value {
    switch (instruction.op) {
      case "move":
        return this.#valueOf(instruction.src);
      case "alu": {
        const left = this.#valueOf(instruction.left);
        const right = this.#valueOf(instruction.right);
        if (left === undefined || right === undefined) return undefined;
        if (typeof left === "bigint" && typeof right === "bigint") {
          return evaluateAlu(instruction.operation, instruction.width, left, right);
        }
        const moves = instruction.operation === "add" || instruction.operation === "sub";
        return moves && instruction.width === 64 && left === "address" ? "address" : "varying";
      }
      case "extend": {
        const source = this.#valueOf(instruction.src);
        if (typeof source !== "bigint") return source === undefined ? undefined : "varying";
        return evaluateExtend(instruction.bits, instruction.signed, source);
      }
      case "swap": {
        const source = this.#valueOf(instruction.src);
        if (typeof source !== "bigint") return source === undefined ? undefined : "varying";
        return evaluateSwap(instruction.bits, source);
      }
      case "compare": {
        const holds = this.#decide(instruction);
        return typeof holds === "boolean" ? (holds ? 1n : 0n) : holds;
      }
      case "stackAddress":
      case "mapAddress":
      case "mapValueAddress":
      case "functionAddress":
        return "address";
      default:
        return "varying";
    }
  }

  #decide(
    test: Pick<Extract<Terminator, { op: "branch" }>, "comparison" | "left" | "right">,
  ): boolean | "varying" | undefined {
    const left = this.#valueOf(test.left);
    const right = this.#valueOf(test.right);
    if (left === undefined || right === undefined) return undefined;
    if (typeof left === "bigint" && typeof right === "bigint") {
      return evaluateComparison(test.comparison, left, right);
    }
    const nullTest = (left === "address" && right === 0n) || (left === 0n && right === "address");
    if (!nullTest || (test.comparison !== "eq" && test.comparison !== "ne")) return "varying";
    return test.comparison === "ne";
  }

  #terminator(block: GraphBlock): void {
    const { terminator } = block;
    if (terminator.op === "jump") this.#blocks.push([block.id, terminator.target]);
    if (terminator.op !== "branch") return;
    const holds = this.#decide(terminator);
    if (holds === true || holds === "varying") this.#blocks.push([block.id, terminator.then]);
    if (holds === false || holds === "varying") this.#blocks.push([block.id, terminator.otherwise]);
  }

  #rewrite(): boolean {
    const constants = new Map<Reg, Operand>();
    for (const [reg, value] of this.#values) if (typeof value === "bigint") constants.set(reg, { value });
    let changed = this.#foldBranches();
    replaceRegisters(this.#graph, constants);
    for (const block of this.#graph.blocks.values()) {
      // Computations of constants become moves, for dead code elimination.
      const constantPhis = block.phis.filter((phi) => constants.has(phi.dst));
      changed ||= constantPhis.length > 0;
      block.phis = block.phis.filter((phi) => !constants.has(phi.dst));
      const moves = constantPhis.map(
        ({ dst }): Instruction => ({ op: "move", dst, src: constants.get(dst)! }),
      );
      block.instructions = block.instructions.map((instruction) => {
        const dst = definitionOf(instruction);
        const value = dst === undefined ? undefined : constants.get(dst);
        if (dst === undefined || value === undefined || instruction.op === "move") return instruction;
        changed = true;
        return { ...(instruction.at ? { at: instruction.at } : {}), op: "move", dst, src: value };
      });
      if (moves.length > 0) block.instructions.unshift(...moves);
    }
    return changed;
  }

  #foldBranches(): boolean {
    let changed = false;
    for (const block of this.#graph.blocks.values()) {
      const { terminator } = block;
      if (terminator.op !== "branch" || !this.#reached.has(block.id)) continue;
      const holds = this.#decide(terminator);
      if (typeof holds !== "boolean") continue;
      const [target, dropped] = holds
        ? [terminator.then, terminator.otherwise]
        : [terminator.otherwise, terminator.then];
      if (target !== dropped) forgetEdge(this.#graph, block.id, dropped);
      block.terminator = { ...(terminator.at ? { at: terminator.at } : {}), op: "jump", target };
      changed = true;
    }
    return removeUnreachable(this.#graph) || changed;
  }
}
