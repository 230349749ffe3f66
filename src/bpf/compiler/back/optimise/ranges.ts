/**
 * What values a register can have: an interval of its bits read as a signed number, and the bits that are always 0.
 * The two views say the same where they can.
 */
import type { Instruction, Operand, Reg } from "../../../ir.ts";
import { evaluateAlu, signed, unsigned } from "../evaluate.ts";
import { type Graph, isPhi, type Phi } from "../graph.ts";
import { definitionOf } from "../operands.ts";

export interface Range {
  /** Signed 64-bit bounds. */
  readonly low: bigint;
  readonly high: bigint;
  /** Bits that may be 1. */
  readonly bits: bigint;
}

const LOWEST = -(1n << 63n);
const HIGHEST = (1n << 63n) - 1n;
const ALL = (1n << 64n) - 1n;
export const ANY: Range = { low: LOWEST, high: HIGHEST, bits: ALL };

/** All ones up to the highest bit of a non-negative value. */
function fill(value: bigint): bigint {
  return value === 0n ? 0n : (1n << BigInt(value.toString(2).length)) - 1n;
}

/** The range with each view narrowed by the other. */
export function range(low: bigint, high: bigint, bits: bigint = ALL): Range {
  if (low < LOWEST || high > HIGHEST || low > high) return bits === ALL ? ANY : range(LOWEST, HIGHEST, bits);
  let lower = low;
  let upper = high;
  let ones = bits;
  if (lower >= 0n) ones &= fill(upper);
  if (ones >> 63n === 0n) {
    if (lower < 0n) lower = 0n;
    if (upper > ones) upper = ones;
  }
  return { low: lower, high: larger(lower, upper), bits: ones };
}

export function constantRange(value: bigint): Range {
  const number = signed(value);
  return { low: number, high: number, bits: unsigned(value) };
}

/** Unsigned values of at most this many bits. */
export function bitsRange(count: number): Range {
  return count >= 64 ? ANY : range(0n, (1n << BigInt(count)) - 1n);
}

export function union(a: Range, b: Range): Range {
  return range(-larger(-a.low, -b.low), larger(a.high, b.high), a.bits | b.bits);
}

function larger(a: bigint, b: bigint): bigint {
  return [a, b].reduce((best, each) => (each > best ? each : best));
}

/** True if the value, read as unsigned, is below 2^count. */
export function fitsBits(value: Range, count: number): boolean {
  return value.bits >> BigInt(count) === 0n;
}

/** Ranges of registers, filled in reverse postorder. */
export class Ranges {
  readonly #ranges = new Map<Reg, Range>();

  of(operand: Operand): Range {
    return "reg" in operand ? (this.#ranges.get(operand.reg) ?? ANY) : constantRange(operand.value);
  }

  set(reg: Reg, value: Range): void {
    this.#ranges.set(reg, value);
  }

  /** Notes what a definition gives. Arguments of φ-functions not met yet may be anything. */
  define(definition: Instruction | Phi): void {
    if (isPhi(definition)) {
      let result: Range | undefined;
      for (const arg of definition.args.values()) {
        const next = this.of(arg);
        result = result ? union(result, next) : next;
      }
      this.#ranges.set(definition.dst, result ?? ANY);
      return;
    }
    const dst = definitionOf(definition);
    if (dst !== undefined) this.#ranges.set(dst, this.result(definition));
  }

  /** The range of an instruction's result. */
  result(instruction: Instruction): Range {
    switch (instruction.op) {
      case "move":
        return this.of(instruction.src);
      case "load":
        return bitsRange(8 * instruction.size);
      case "swap":
        return bitsRange(instruction.bits);
      case "compare":
        return bitsRange(1);
      case "extend": {
        const source = this.of(instruction.src);
        const { bits } = instruction;
        if (!instruction.signed) {
          const mask = (1n << BigInt(bits)) - 1n;
          return fitsBits(source, bits) ? source : range(0n, mask, source.bits & mask);
        }
        const limit = 1n << BigInt(bits - 1);
        if (source.low >= -limit && source.high < limit) return source;
        return range(-limit, limit - 1n);
      }
      case "atomic":
        return bitsRange(8 * instruction.size);
      case "alu":
        return this.#alu(instruction);
      default:
        return ANY;
    }
  }

  #alu(instruction: Extract<Instruction, { op: "alu" }>): Range {
    const wide = aluRange(instruction, this.of(instruction.left), this.of(instruction.right));
    if (instruction.width === 64) return wide;
    return fitsBits(wide, 32) ? wide : bitsRange(32);
  }
}

/** The operand as an operation of 32 bits sees it. */
function narrowed(value: Range, width: 32 | 64): Range {
  if (width === 64 || fitsBits(value, 32)) return value;
  return range(0n, 0xffffffffn, value.bits & 0xffffffffn);
}

function aluRange(instruction: Extract<Instruction, { op: "alu" }>, left: Range, right: Range): Range {
  const { operation, width } = instruction;
  const a = narrowed(left, width);
  const b = narrowed(right, width);
  const constant = b.low === b.high ? unsigned(b.low) : undefined;
  const positive = a.low >= 0n && b.low >= 0n;
  switch (operation) {
    case "add":
      return range(a.low + b.low, a.high + b.high);
    case "sub":
      return range(a.low - b.high, a.high - b.low);
    case "mul":
      return positive ? range(a.low * b.low, a.high * b.high) : ANY;
    case "div":
      if (constant !== undefined && constant > 1n) return range(0n, (a.low < 0n ? ALL : a.high) / constant);
      return positive ? range(0n, a.high) : ANY;
    case "mod": {
      const below = b.low > 0n ? b.high - 1n : HIGHEST;
      if (a.low < 0n) return b.low > 0n ? range(0n, below) : ANY;
      return range(0n, below < a.high ? below : a.high);
    }
    case "and":
      return bitwise(a, b, a.bits & b.bits);
    case "or":
    case "xor":
      return bitwise(a, b, a.bits | b.bits);
    default:
      return constant === undefined ? anyShift(operation, width, a) : shifted(operation, width, a, constant);
  }
}

/** Bitwise operations on numbers of n bits with sign give a number of n bits with sign. */
function bitwise(a: Range, b: Range, bits: bigint): Range {
  const reach = (value: Range): bigint => {
    const above = fill(value.high < 0n ? 0n : value.high);
    const below = value.low < 0n ? fill(-1n - value.low) : 0n;
    return larger(above, below);
  };
  const limit = larger(reach(a), reach(b));
  return range(-limit - 1n, limit, bits);
}

/** Shifts by an unknown count. */
function anyShift(operation: "lsh" | "rsh" | "arsh", width: 32 | 64, value: Range): Range {
  if (operation === "lsh" || value.low < 0n) return ANY;
  if (operation === "arsh" && width === 32 && value.high >= 0x80000000n) return ANY;
  return range(0n, value.high);
}

function shifted(operation: "lsh" | "rsh" | "arsh", width: 32 | 64, value: Range, by: bigint): Range {
  const count = by % BigInt(width);
  if (operation === "lsh") {
    const bits = BigInt.asUintN(64, value.bits << count);
    if (width === 32) return range(LOWEST, HIGHEST, bits & 0xffffffffn);
    const exact = value.bits << count === bits && bits >> 63n === 0n;
    return range(exact ? value.low << count : LOWEST, HIGHEST, bits);
  }
  if (operation === "rsh") return range(LOWEST, HIGHEST, value.bits >> count);
  if (width === 32) return value.high < 0x80000000n ? range(0n, value.high >> count) : ANY;
  return range(value.low >> count, value.high >> count);
}

/** The result of an operation on constants. */
export function foldAlu(instruction: Extract<Instruction, { op: "alu" }>): bigint | undefined {
  const { left, right } = instruction;
  if ("reg" in left || "reg" in right) return undefined;
  return evaluateAlu(instruction.operation, instruction.width, left.value, right.value);
}

/** Ranges of all registers of a graph in SSA form; `order` is a reverse postorder. */
export function rangesOf(graph: Graph, order: readonly number[]): Ranges {
  const ranges = new Ranges();
  for (const id of order) {
    const block = graph.blocks.get(id)!;
    for (const phi of block.phis) ranges.define(phi);
    for (const instruction of block.instructions) ranges.define(instruction);
  }
  return ranges;
}
