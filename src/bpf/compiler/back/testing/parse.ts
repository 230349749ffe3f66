/** Reads functions in the notation that `print.ts` writes. Maps are test maps; helpers 1 to 3 leave packets alone. */
import type {
  AluOperation,
  Comparison,
  Instruction,
  IrFunction,
  IrModule,
  Operand,
  Reg,
  Size,
  SourcePosition,
  Terminator,
} from "../../../ir.ts";
import type { MapDefinition } from "../../../map.ts";
import { branchTo } from "../graph.ts";
import { testMap } from "./maps.ts";

const maps = new Map<string, MapDefinition>();

function mapOf(name: string): MapDefinition {
  const map = maps.get(name) ?? testMap(name);
  maps.set(name, map);
  return map;
}

/** Functions one after the other; the first is the entry. A function headed `inline function` may be inlined. */
export function parseModule(text: string): IrModule {
  const functions = text
    .split(/^\s*\}\s*$/m)
    .filter((part) => part.trim() !== "")
    .map(parseFunction);
  return { entry: functions[0]!.name, functions: new Map(functions.map((each) => [each.name, each])) };
}

export function parseFunction(text: string): IrFunction {
  const lines = text.split("\n").map((line, index) => ({ line: line.trim(), number: index + 1 }));
  const result: IrFunction = {
    name: "",
    parameters: [],
    returnsValue: true,
    blocks: [],
    slots: [],
    nextRegister: 0,
    packetRegisters: new Set(),
    names: new Map(),
    inline: "never",
    at: { file: "test.ts", line: 1, column: 1, text: "" },
  };
  let head: Pick<IrFunction, "name" | "parameters" | "inline"> = result;
  for (const { line, number } of lines) {
    const at: SourcePosition = { file: "test.ts", line: number, column: 1, text: line };
    const start = /^(inline )?function (\w+)\((.*)\) \{$/.exec(line);
    const slot = /^slot \d+: (\S+), (\d+) bytes$/.exec(line);
    const block = /^b(\d+):$/.exec(line);
    for (const [, reg] of line.matchAll(/%(\d+)/g)) {
      result.nextRegister = Math.max(result.nextRegister, Number(reg) + 1);
    }
    if (line === "" || line === "}") continue;
    if (start) {
      const parameters = start[3] === "" ? [] : start[3]!.split(", ").map(register);
      head = { name: start[2]!, parameters, inline: start[1] ? "auto" : "never" };
    } else if (slot) result.slots.push({ name: slot[1]!, size: Number(slot[2]), align: 8 });
    else if (block) {
      result.blocks.push({ id: Number(block[1]), instructions: [], terminator: { op: "return" } });
    } else {
      const current = result.blocks.at(-1)!;
      const terminator = parseTerminator(line, at);
      if (terminator) current.terminator = terminator;
      else current.instructions.push(parseInstruction(line, at));
    }
  }
  return { ...result, ...head };
}

function register(text: string): Reg {
  return Number(/^%(\d+)$/.exec(text.trim())![1]);
}

function operand(text: string): Operand {
  const trimmed = text.trim();
  return trimmed.startsWith("%")
    ? { reg: register(trimmed) }
    : { value: BigInt.asUintN(64, BigInt(trimmed)) };
}

function operands(text: string): Operand[] {
  return text.trim() === "" ? [] : text.split(",").map(operand);
}

function place(text: string): { base: Reg; offset: number } {
  const [, base, offset] = /^\[(%\d+)([+-]\d+)\]$/.exec(text.trim())!;
  return { base: register(base!), offset: Number(offset) };
}

function parseTerminator(line: string, at: SourcePosition): Terminator | undefined {
  const jump = /^jump b(\d+)$/.exec(line);
  if (jump) return { at, op: "jump", target: Number(jump[1]) };
  const branch = /^branch (\w+) ([^,]+), (\S+) \? b(\d+) : b(\d+)$/.exec(line);
  if (branch) {
    const comparison = branch[1] as Comparison;
    const test = {
      at,
      op: "branch",
      comparison,
      left: operand(branch[2]!),
      right: operand(branch[3]!),
    } as const;
    return branchTo(test, Number(branch[4]), Number(branch[5]));
  }
  const leave = /^return( \S+)?$/.exec(line);
  if (!leave) return undefined;
  return leave[1] === undefined ? { at, op: "return" } : { at, op: "return", value: operand(leave[1]) };
}

function parseInstruction(line: string, at: SourcePosition): Instruction {
  const [, target, rest] = /^(?:(%\d+) = )?(.*)$/.exec(line)!;
  const dst = target === undefined ? undefined : register(target);
  const result = dst === undefined ? {} : { dst };
  const body = rest!;
  const call = /^(?:call (\w+)|(\w+)#(\d+))\((.*)\)$/.exec(body);
  if (call) {
    const args = operands(call[4]!);
    if (call[1] !== undefined) return { at, op: "call", function: call[1], ...result, args };
    const id = Number(call[3]);
    return { at, op: "helper", id, name: call[2]!, ...result, args, invalidatesPackets: id > 3 };
  }
  const store = /^store(\d) (\S+), (\S+)$/.exec(body);
  if (store) {
    const size = Number(store[1]) as Size;
    return { at, op: "store", size, ...place(store[2]!), value: operand(store[3]!) };
  }
  const atomic = /^atomic ([a-zA-Z]+)(\d) (\S+), (.*)$/.exec(body);
  if (atomic) {
    const [first, second] = operands(atomic[4]!);
    const expected = second === undefined ? {} : { expected: first! };
    const operation = atomic[1] as Extract<Instruction, { op: "atomic" }>["operation"];
    const size = Number(atomic[2]) as 4 | 8;
    return {
      at,
      op: "atomic",
      operation,
      size,
      ...place(atomic[3]!),
      value: second ?? first!,
      ...expected,
      ...result,
    };
  }
  return parseComputation(body, dst!, at);
}

function parseComputation(body: string, dst: Reg, at: SourcePosition): Instruction {
  const load = /^load(\d)( volatile)? (\S+)$/.exec(body);
  if (load) {
    const size = Number(load[1]) as Size;
    return { at, op: "load", size, dst, ...place(load[3]!), ...(load[2] ? { volatile: true } : {}) };
  }
  const address = /^(slot|map|function) (\w+)(?:\[0\]\+(\d+))?$/.exec(body);
  if (address?.[1] === "slot") return { at, op: "stackAddress", dst, slot: Number(address[2]) };
  if (address?.[1] === "function") return { at, op: "functionAddress", dst, function: address[2]! };
  if (address?.[3] !== undefined) {
    return { at, op: "mapValueAddress", dst, map: mapOf(address[2]!), offset: Number(address[3]) };
  }
  if (address) return { at, op: "mapAddress", dst, map: mapOf(address[2]!) };
  const [, name, width, list] = /^(?:([a-z]+)(\d+)? )?(.+)$/.exec(body)!;
  const [left, right] = operands(list!);
  if (name === undefined) return { at, op: "move", dst, src: left! };
  if (name === "hide") return { at, op: "hide", dst, src: left! };
  if (name === "swap") return { at, op: "swap", bits: Number(width) as 16 | 32 | 64, dst, src: left! };
  if (name === "zext" || name === "sext") {
    return { at, op: "extend", bits: Number(width) as 8 | 16 | 32, signed: name === "sext", dst, src: left! };
  }
  if (width === undefined) {
    return { at, op: "compare", comparison: name as Comparison, dst, left: left!, right: right! };
  }
  const operation = name as AluOperation;
  return { at, op: "alu", operation, width: Number(width) as 32 | 64, dst, left: left!, right: right! };
}
