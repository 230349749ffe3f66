/**
 * The IR as text, for tests and for people:
 *
 *     function main(%0) {
 *       slot 0: key, 8 bytes
 *     b0:
 *       %1 = load4 [%0+76]
 *       branch gt %1, 100 ? b1 : b2
 */
import type {
  BlockId,
  Instruction,
  IrFunction,
  IrModule,
  Operand,
  Reg,
  StackSlot,
  Terminator,
} from "../../ir.ts";
import { type Graph, type Phi, reversePostorder } from "./graph.ts";

/** Every function of a module, the entry first. */
export function printModule(module: IrModule): string {
  const functions = [...module.functions.values()];
  functions.sort((a, b) => Number(b.name === module.entry) - Number(a.name === module.entry));
  return functions.map(printFunction).join("\n\n");
}

export function printFunction(source: IrFunction): string {
  const lines = header(source.name, source.parameters, source.slots);
  for (const block of source.blocks) lines.push(...printBlock(block.id, [], block));
  return [...lines, "}"].join("\n");
}

/** A function within the back end, blocks in reverse postorder. */
export function printGraph(graph: Graph): string {
  const lines = header(graph.name, graph.parameters, graph.slots);
  for (const id of reversePostorder(graph)) {
    const block = graph.blocks.get(id)!;
    lines.push(...printBlock(id, block.phis, block));
  }
  return [...lines, "}"].join("\n");
}

function header(name: string, parameters: readonly Reg[], slots: readonly StackSlot[]): string[] {
  return [
    `function ${name}(${parameters.map(register).join(", ")}) {`,
    ...slots.map((slot, index) => `  slot ${index}: ${slot.name}, ${slot.size} bytes`),
  ];
}

function printBlock(
  id: BlockId,
  phis: readonly Phi[],
  block: { readonly instructions: readonly Instruction[]; readonly terminator: Terminator },
): string[] {
  return [
    `b${id}:`,
    ...phis.map((phi) => {
      const args = [...phi.args].sort(([a], [b]) => a - b).map(([from, arg]) => `b${from}: ${operand(arg)}`);
      return `  ${register(phi.dst)} = phi ${args.join(", ")}`;
    }),
    ...block.instructions.map((instruction) => `  ${printInstruction(instruction)}`),
    `  ${printTerminator(block.terminator)}`,
  ];
}

function register(reg: Reg): string {
  return `%${reg}`;
}

/** Constants are shown signed where that is shorter to read. */
function operand(value: Operand): string {
  if ("reg" in value) return register(value.reg);
  return String(BigInt.asIntN(64, value.value));
}

function address(base: Reg, offset: number): string {
  return `[${register(base)}${offset < 0 ? "" : "+"}${offset}]`;
}

/** One instruction, as in `%3 = add64 %1, 4`. */
export function printInstruction(instruction: Instruction): string {
  const dst =
    instruction.op !== "store" && instruction.dst !== undefined ? `${register(instruction.dst)} = ` : "";
  switch (instruction.op) {
    case "move":
      return `${dst}${operand(instruction.src)}`;
    case "alu":
      return `${dst}${instruction.operation}${instruction.width} ${operand(instruction.left)}, ${operand(instruction.right)}`;
    case "extend":
      return `${dst}${instruction.signed ? "sext" : "zext"}${instruction.bits} ${operand(instruction.src)}`;
    case "hide":
      return `${dst}hide ${operand(instruction.src)}`;
    case "swap":
      return `${dst}swap${instruction.bits} ${operand(instruction.src)}`;
    case "compare":
      return `${dst}${instruction.comparison} ${operand(instruction.left)}, ${operand(instruction.right)}`;
    case "load":
      return `${dst}load${instruction.size}${instruction.volatile ? " volatile" : ""} ${address(instruction.base, instruction.offset)}`;
    case "store":
      return `store${instruction.size} ${address(instruction.base, instruction.offset)}, ${operand(instruction.value)}`;
    case "atomic": {
      const expected = instruction.expected ? `, ${operand(instruction.expected)}` : "";
      const place = address(instruction.base, instruction.offset);
      return `${dst}atomic ${instruction.operation}${instruction.size} ${place}${expected}, ${operand(instruction.value)}`;
    }
    case "stackAddress":
      return `${dst}slot ${instruction.slot}`;
    case "mapAddress":
      return `${dst}map ${instruction.map.name}`;
    case "mapValueAddress":
      return `${dst}map ${instruction.map.name}[0]+${instruction.offset}`;
    case "functionAddress":
      return `${dst}function ${instruction.function}`;
    case "helper":
      return `${dst}${instruction.name}#${instruction.id}(${instruction.args.map(operand).join(", ")})`;
    case "call":
      return `${dst}call ${instruction.function}(${instruction.args.map(operand).join(", ")})`;
  }
}

/** One terminator, as in `branch eq %1, 0 ? b2 : b3`. */
export function printTerminator(terminator: Terminator): string {
  switch (terminator.op) {
    case "jump":
      return `jump b${terminator.target}`;
    case "branch":
      return `branch ${terminator.comparison} ${operand(terminator.left)}, ${operand(terminator.right)} ? b${terminator.then} : b${terminator.otherwise}`;
    case "return":
      return terminator.value ? `return ${operand(terminator.value)}` : "return";
  }
}
