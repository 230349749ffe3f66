/**
 * Inlining, callees before callers: functions called once and small ones disappear into their callers. Parameters
 * become moves, returns moves and jumps; stack slots are added to the caller's (and share space later if their
 * lifetimes allow).
 */
import type { BlockId, Instruction, IrModule, Operand, Reg, Terminator } from "../../ir.ts";
import { cleanControlFlow } from "./clean.ts";
import { BackEndError } from "./errors.ts";
import { type Graph, type GraphBlock, graphOf, mapTargets, newBlock, newRegister } from "./graph.ts";
import { mapOperands, mapTerminator, withDestination } from "./operands.ts";

export interface InlineOptions {
  /** Functions of at most this many instructions are inlined wherever they are called. Default 32. */
  readonly smallFunction?: number;
  /** Larger ones are, if the program grows by at most this many instructions. Default 160. */
  readonly growth?: number;
}

/** A call passes arguments in five registers; functions with more parameters must be inlined. */
const MAXIMUM_ARGUMENTS = 5;

/**
 * The functions that remain, by name.
 *
 * @throws BackEndError RECURSION, FUNCTION_UNKNOWN, TOO_MANY_ARGUMENTS
 */
export function inlineFunctions(module: IrModule, options: InlineOptions = {}): Map<string, Graph> {
  const graphs = new Map<string, Graph>();
  for (const source of module.functions.values()) {
    const graph = graphOf(source);
    cleanControlFlow(graph);
    graphs.set(source.name, graph);
  }
  const order = calleesFirst(module, graphs);
  const calls = countCalls(order.map((name) => graphs.get(name)!));
  const inlinable = new Set<string>();
  for (const name of order) {
    const graph = graphs.get(name)!;
    inlineInto(graph, (callee) => (inlinable.has(callee) ? graphs.get(callee) : undefined));
    cleanControlFlow(graph);
    const source = module.functions.get(name)!;
    const mayInline = source.inline !== "never" && name !== module.entry;
    const size = sizeOf(graph);
    const growth = size * ((calls.get(name) ?? 1) - 1);
    const small = size <= (options.smallFunction ?? 32) || growth <= (options.growth ?? 160);
    const many = source.parameters.length > MAXIMUM_ARGUMENTS;
    const always = source.inline === "always" || makesTailCall(graph);
    if (mayInline && (small || many || always)) inlinable.add(name);
    else if (many) {
      throw new BackEndError(
        "TOO_MANY_ARGUMENTS",
        `${name} has ${source.parameters.length} parameters; a function that cannot be inlined has at most 5`,
        source.at,
      );
    }
  }
  return reachable(module.entry, graphs);
}

const TAIL_CALL = 12;

/** Whether a function goes on with another program: only the entry can, where it is on every kernel and cheap. */
export function makesTailCall(graph: Graph): boolean {
  return tailCallIn(graph) !== undefined;
}

/** A tail call in this function, if there is one. */
export function tailCallIn(graph: Graph): Instruction | undefined {
  for (const { instructions } of graph.blocks.values()) {
    const found = instructions.find((each) => each.op === "helper" && each.id === TAIL_CALL);
    if (found) return found;
  }
  return undefined;
}

/** The functions that `entry` calls or takes the address of, directly or not, itself included. */
export function reachable(entry: string, graphs: ReadonlyMap<string, Graph>): Map<string, Graph> {
  const found = new Map<string, Graph>();
  const work = [entry];
  for (let name = work.pop(); name !== undefined; name = work.pop()) {
    const graph = graphs.get(name);
    if (found.has(name) || !graph) continue;
    found.set(name, graph);
    work.push(...referencesOf(graph));
  }
  return found;
}

/** Names of the functions a graph calls or takes the address of. */
export function referencesOf(graph: Graph): Set<string> {
  const names = new Set<string>();
  for (const block of graph.blocks.values()) {
    for (const instruction of block.instructions) {
      if (instruction.op === "call" || instruction.op === "functionAddress") names.add(instruction.function);
    }
  }
  return names;
}

function sizeOf(graph: Graph): number {
  let size = 0;
  for (const block of graph.blocks.values()) {
    size += block.instructions.filter((instruction) => instruction.op !== "move").length;
    if (block.terminator.op === "branch") size++;
  }
  return size;
}

function countCalls(graphs: readonly Graph[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const graph of graphs) {
    for (const block of graph.blocks.values()) {
      for (const instruction of block.instructions) {
        if (instruction.op !== "call") continue;
        counts.set(instruction.function, (counts.get(instruction.function) ?? 0) + 1);
      }
    }
  }
  return counts;
}

function calleesFirst(module: IrModule, graphs: ReadonlyMap<string, Graph>): string[] {
  const order: string[] = [];
  const state = new Map<string, "open" | "done">();
  const visit = (name: string, from: string | undefined): void => {
    const graph = graphs.get(name);
    if (!graph) {
      throw new BackEndError(
        "FUNCTION_UNKNOWN",
        `${from ?? "the program"} refers to ${name}, which is not there`,
      );
    }
    if (state.get(name) === "done") return;
    if (state.get(name) === "open") {
      throw new BackEndError(
        "RECURSION",
        `${name} calls itself${from === name ? "" : ` through ${from}`}`,
        graph.at,
      );
    }
    state.set(name, "open");
    for (const callee of referencesOf(graph)) visit(callee, name);
    state.set(name, "done");
    order.push(name);
  };
  visit(module.entry, undefined);
  return order;
}

function inlineInto(graph: Graph, calleeOf: (name: string) => Graph | undefined): void {
  for (const block of [...graph.blocks.values()]) {
    let current = block;
    for (;;) {
      const index = current.instructions.findIndex(
        (instruction) => instruction.op === "call" && calleeOf(instruction.function) !== undefined,
      );
      if (index < 0) break;
      const call = current.instructions[index] as Extract<Instruction, { op: "call" }>;
      const rest = newBlock(graph, current.terminator);
      rest.instructions = current.instructions.slice(index + 1);
      current.instructions.length = index;
      expandCall(graph, current, rest.id, call, calleeOf(call.function)!);
      current = rest;
    }
  }
}

/** Makes `before` continue into a copy of the callee, whose returns go to `after`. */
function expandCall(
  graph: Graph,
  before: GraphBlock,
  after: BlockId,
  call: Extract<Instruction, { op: "call" }>,
  callee: Graph,
): void {
  const place = call.at ? { at: call.at } : {};
  const registers = new Map<Reg, Reg>();
  const register = (reg: Reg): Reg => {
    let mapped = registers.get(reg);
    if (mapped === undefined) {
      mapped = newRegister(graph);
      if (callee.packetRegisters.has(reg)) graph.packetRegisters.add(mapped);
      const name = callee.names.get(reg);
      if (name !== undefined) graph.names.set(mapped, name);
      registers.set(reg, mapped);
    }
    return mapped;
  };
  const operand = (value: Operand): Operand => ("reg" in value ? { reg: register(value.reg) } : value);
  const blocks = new Map<BlockId, BlockId>();
  for (const id of callee.blocks.keys()) blocks.set(id, newBlock(graph, { op: "return" }).id);
  const firstSlot = graph.slots.length;
  graph.slots.push(...callee.slots.map((slot) => ({ ...slot, name: slot.name || callee.name })));

  for (const [index, parameter] of callee.parameters.entries()) {
    const src = call.args[index] ?? { value: 0n };
    before.instructions.push({ ...place, op: "move", dst: register(parameter), src });
  }
  before.terminator = { ...place, op: "jump", target: blocks.get(callee.entry)! };
  for (const source of callee.blocks.values()) {
    const copy = graph.blocks.get(blocks.get(source.id)!)!;
    for (const instruction of source.instructions) {
      copy.instructions.push(copyInstruction(instruction, register, operand, firstSlot));
    }
    copy.terminator = copyTerminator(source.terminator, operand, blocks);
    if (source.terminator.op !== "return") continue;
    const at = source.terminator.at ? { at: source.terminator.at } : {};
    if (call.dst !== undefined) {
      const value = source.terminator.value ? operand(source.terminator.value) : { value: 0n };
      copy.instructions.push({ ...at, op: "move", dst: call.dst, src: value });
    }
    copy.terminator = { ...at, op: "jump", target: after };
  }
}

function copyInstruction(
  instruction: Instruction,
  register: (reg: Reg) => Reg,
  operand: (value: Operand) => Operand,
  firstSlot: number,
): Instruction {
  let copy = mapOperands(instruction, operand);
  if (copy.op !== "store" && copy.dst !== undefined) copy = withDestination(copy, register(copy.dst));
  return copy.op === "stackAddress" ? { ...copy, slot: copy.slot + firstSlot } : copy;
}

function copyTerminator(
  terminator: Terminator,
  operand: (value: Operand) => Operand,
  blocks: ReadonlyMap<BlockId, BlockId>,
): Terminator {
  return mapTargets(mapTerminator(terminator, operand), (id) => blocks.get(id)!);
}
