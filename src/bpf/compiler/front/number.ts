/** Lowers arithmetic on numbers: exact, as JavaScript computes it. */
import type * as t from "@babel/types";
import type { AluOperation, Operand } from "../../ir.ts";
import { constant } from "./builder.ts";
import type { Context } from "./context.ts";
import * as interval from "./interval.ts";
import { type Interval, S32, U32, within } from "./type.ts";
import { constantNumber, knownNumber, type NumberValue } from "./value.ts";

export type BitOperator = "&" | "|" | "^" | "<<" | ">>" | ">>>";

/** `unproven` if one of the values it comes from is. */
function inherit(...from: readonly NumberValue[]): { unproven: boolean } {
  return { unproven: from.some((each) => each.unproven === true) };
}

/**
 * `a + b`, `a - b` or `a * b`. With `truncate` the result need only be right modulo 2^32 (its interval is still that of
 * the exact result, which JavaScript computes).
 */
export function arithmetic(
  cx: Context,
  operator: "+" | "-" | "*",
  a: NumberValue,
  b: NumberValue,
  node: t.Node,
  truncate = false,
): NumberValue {
  const bounds = { "+": interval.sum, "-": interval.difference, "*": interval.product }[operator](a, b);
  if (bounds.low < -interval.LIMIT || bounds.high > interval.LIMIT) {
    const advice =
      operator === "*"
        ? "multiply as u64, or modulo 2³² by Math.imul(a, b) >>> 0"
        : "wrap an operand with `>>> 0`";
    throw cx.error(
      "COMPILE_RANGE",
      `the result may exceed 2⁵³, where numbers stop being exact: ${advice}`,
      node,
    );
  }
  const known = [knownNumber(a), knownNumber(b)];
  if (known[0] !== undefined && known[1] !== undefined) return constantNumber(bounds.low);
  if (known[1] === 0 && operator !== "*") return a;
  if (known[0] === 0 && operator === "+") return b;
  if (known[1] === 1 && operator === "*") return a;
  if (known[0] === 1 && operator === "*") return b;
  if (bounds.low === 0 && bounds.high === 0) return constantNumber(0);
  const short = truncate || within(bounds, U32);
  const operation: AluOperation = operator === "+" ? "add" : operator === "-" ? "sub" : "mul";
  const operand = cx.builder.alu(operation, short ? 32 : 64, a.operand, b.operand);
  const result: NumberValue = { kind: "number", operand, ...bounds, ...inherit(a, b) };
  return short && !within(bounds, U32) ? { ...result, truncated: true } : result;
}

/** A bit operator. With `truncate` a negative result may stay zero-extended (marked `truncated`). */
export function bitwise(
  cx: Context,
  operator: BitOperator,
  a: NumberValue,
  b: NumberValue,
  truncate = false,
): NumberValue {
  const { builder } = cx;
  const [left, right] = [knownNumber(a), knownNumber(b)];
  if (left !== undefined && right !== undefined) return constantNumber(computeBits(operator, left, right));
  const nothing =
    right !== undefined && (operator === "|" || operator === "^" ? right === 0 : (right & 31) === 0);
  if (nothing && operator === ">>>") return unsigned32(cx, a);
  if (nothing && operator !== "&") return signed32(cx, a, truncate);
  const inherited = inherit(a, b);
  const emit = (operation: AluOperation): Operand => builder.alu(operation, 32, a.operand, b.operand);
  switch (operator) {
    case ">>>":
      return { kind: "number", operand: emit("rsh"), ...interval.shiftRightUnsigned32(a, b), ...inherited };
    case ">>": {
      const nonNegative = interval.toInt32(a).low >= 0;
      return signed(cx, emit(nonNegative ? "rsh" : "arsh"), interval.shiftRight32(a, b), inherited, truncate);
    }
    case "<<":
      return signed(cx, emit("lsh"), interval.shiftLeft32(a, b), inherited, truncate);
    case "&": {
      // A mask bounds the result for the verifier too, wherever the other side came from.
      const bounds = interval.and32(a, b);
      const masked = [left, right].some((each) => each !== undefined && each >= 0 && each <= bounds.high);
      return signed(cx, emit("and"), bounds, masked ? { unproven: false } : inherited, truncate);
    }
    case "|":
      return signed(cx, emit("or"), interval.or32(a, b, false), inherited, truncate);
    case "^":
      return signed(cx, emit("xor"), interval.or32(a, b, true), inherited, truncate);
  }
}

function computeBits(operator: BitOperator, a: number, b: number): number {
  switch (operator) {
    case "&":
      return a & b;
    case "|":
      return a | b;
    case "^":
      return a ^ b;
    case "<<":
      return a << b;
    case ">>":
      return a >> b;
    case ">>>":
      return a >>> b;
  }
}

/** The int32 whose 32 bits the operand holds, zero-extended. */
function signed(
  cx: Context,
  operand: Operand,
  bounds: Interval,
  inherited: { unproven: boolean },
  truncate: boolean,
): NumberValue {
  if (bounds.low >= 0) return { kind: "number", operand, ...bounds, ...inherited };
  if (truncate) return { kind: "number", operand, ...bounds, ...inherited, truncated: true };
  return { kind: "number", operand: cx.builder.extend(32, true, operand), ...bounds, ...inherited };
}

/** `a | 0` */
function signed32(cx: Context, a: NumberValue, truncate: boolean): NumberValue {
  const known = knownNumber(a);
  if (known !== undefined) return constantNumber(known | 0);
  if (within(a, S32) && (!a.truncated || a.low >= 0 || truncate)) return a;
  const bounds = interval.toInt32(a);
  if (truncate) return { ...unsigned32(cx, a), ...bounds, truncated: true };
  return signed(cx, a.operand, bounds, inherit(a), false);
}

/** `a >>> 0` */
export function unsigned32(cx: Context, a: NumberValue): NumberValue {
  const known = knownNumber(a);
  if (known !== undefined) return constantNumber(known >>> 0);
  if (within(a, U32) && !a.truncated) return a;
  const operand = a.truncated ? a.operand : cx.builder.extend(32, false, a.operand);
  return { kind: "number", operand, ...interval.toUint32(a), ...inherit(a) };
}

/** `~a` */
export function complement(cx: Context, a: NumberValue, truncate = false): NumberValue {
  const known = knownNumber(a);
  if (known !== undefined) return constantNumber(~known);
  const from = interval.toInt32(a);
  const operand = cx.builder.alu("xor", 32, a.operand, constant(0xffffffffn));
  return signed(cx, operand, { low: ~from.high, high: ~from.low }, inherit(a), truncate);
}

/** `-a` */
export function negate(cx: Context, a: NumberValue): NumberValue {
  const known = knownNumber(a);
  if (known !== undefined) return constantNumber(-known);
  const operand = cx.builder.alu("sub", 64, constant(0), a.operand);
  return { kind: "number", operand, low: -a.high || 0, high: -a.low || 0, ...inherit(a) };
}

/** The truncated quotient; 0 for a divisor of 0 unless that is refused. */
export function quotient(
  cx: Context,
  a: NumberValue,
  b: NumberValue,
  node: t.Node,
  zero: "gives 0" | "is refused",
): NumberValue {
  const mayBeZero = b.low <= 0 && b.high >= 0;
  if (mayBeZero && zero === "is refused") {
    throw cx.error("COMPILE_DIVISION", "the divisor may be 0: write `(a / b) >>> 0`, which is 0 then", node);
  }
  const bounds = interval.quotientOf(a, b);
  const divisor = knownNumber(b);
  const dividend = knownNumber(a);
  if (divisor === 0) return constantNumber(0);
  if (divisor !== undefined && dividend !== undefined) return constantNumber(Math.trunc(dividend / divisor));
  if (divisor === 1) return a;
  const { builder } = cx;
  if (a.low >= 0 && b.low >= 0) {
    const width = within(a, U32) && within(b, U32) ? 32 : 64;
    const shift = divisor !== undefined && Math.log2(divisor);
    if (shift !== false && Number.isInteger(shift)) {
      return {
        kind: "number",
        operand: builder.alu("rsh", width, a.operand, constant(shift)),
        ...bounds,
        ...inherit(a),
      };
    }
    return {
      kind: "number",
      operand: builder.alu("div", width, a.operand, b.operand),
      ...bounds,
      unproven: true,
    };
  }
  const magnitude = builder.alu("div", 64, absolute(cx, a).operand, absolute(cx, b).operand);
  const flipped =
    a.low >= 0 ? [b.operand] : b.low >= 0 ? [a.operand] : [builder.alu("xor", 64, a.operand, b.operand)];
  return {
    kind: "number",
    operand: negatedIfNegative(cx, magnitude, flipped[0]!),
    ...bounds,
    unproven: true,
  };
}

/** The remainder with the dividend's sign; 0 for a divisor of 0 unless that is refused. */
export function remainder(
  cx: Context,
  a: NumberValue,
  b: NumberValue,
  node: t.Node,
  zero: "gives 0" | "is refused",
): NumberValue {
  const mayBeZero = b.low <= 0 && b.high >= 0;
  if (mayBeZero && zero === "is refused") {
    throw cx.error("COMPILE_DIVISION", "the divisor may be 0: write `(a % b) >>> 0`, which is 0 then", node);
  }
  const bounds = interval.remainderOf(a, b);
  const divisor = knownNumber(b);
  const dividend = knownNumber(a);
  if (divisor === 0) return constantNumber(0);
  if (divisor !== undefined && dividend !== undefined) return constantNumber(dividend % divisor);
  const { builder } = cx;
  const magnitude = absolute(cx, b);
  const positive = absolute(cx, a);
  if (divisor !== undefined && a.low >= 0 && Number.isInteger(Math.log2(Math.abs(divisor)))) {
    const operand = builder.alu("and", 64, a.operand, constant(Math.abs(divisor) - 1));
    return { kind: "number", operand, ...bounds };
  }
  const width = within(positive, U32) && within(magnitude, U32) ? 32 : 64;
  let operand = builder.alu("mod", width, positive.operand, magnitude.operand);
  if (mayBeZero) {
    // The machine's remainder by 0 is the dividend.
    const result = builder.moved(constant(0));
    const [divide, done] = [builder.label(), builder.label()];
    builder.branch("eq", b.operand, constant(0), done, divide);
    builder.start(divide);
    builder.emit({ op: "move", dst: result, src: operand });
    builder.start(done);
    operand = { reg: result };
  }
  if (a.low < 0) operand = negatedIfNegative(cx, operand, a.operand);
  return { kind: "number", operand, ...bounds, unproven: true };
}

/** `Math.abs(a)` */
export function absolute(cx: Context, a: NumberValue): NumberValue {
  if (a.low >= 0) return a;
  const known = knownNumber(a);
  if (known !== undefined) return constantNumber(Math.abs(known));
  const high = Math.max(-a.low, a.high);
  return {
    kind: "number",
    operand: negatedIfNegative(cx, a.operand, a.operand),
    low: 0,
    high,
    unproven: true,
  };
}

/** `-operand` where `sign` is negative, else `operand`. */
function negatedIfNegative(cx: Context, operand: Operand, sign: Operand): Operand {
  const { builder } = cx;
  const result = builder.moved(operand);
  const [negative, done] = [builder.label(), builder.label()];
  builder.branch("slt", sign, constant(0), negative, done);
  builder.start(negative);
  builder.emit({ op: "alu", operation: "sub", width: 64, dst: result, left: constant(0), right: operand });
  builder.start(done);
  return { reg: result };
}

/** The smaller or the larger of two numbers. */
export function extremum(cx: Context, which: "min" | "max", a: NumberValue, b: NumberValue): NumberValue {
  const pick = which === "min" ? Math.min : Math.max;
  const bounds = { low: pick(a.low, b.low), high: pick(a.high, b.high) };
  if (bounds.low === bounds.high) return constantNumber(bounds.low);
  const isA = which === "min" ? a.high <= b.low : a.low >= b.high;
  if (isA) return a;
  const isB = which === "min" ? b.high <= a.low : b.low >= a.high;
  if (isB) return b;
  const { builder } = cx;
  const nonNegative = a.low >= 0 && b.low >= 0;
  const result = builder.moved(a.operand);
  const [other, done] = [builder.label(), builder.label()];
  const comparison = which === "min" ? (nonNegative ? "gt" : "sgt") : nonNegative ? "lt" : "slt";
  builder.branch(comparison, { reg: result }, b.operand, other, done);
  builder.start(other);
  builder.emit({ op: "move", dst: result, src: b.operand });
  builder.start(done);
  // The verifier sees the comparison: the smaller of two is at most the one whose bound it knows.
  const bounded = which === "min" && [a, b].some((each) => !each.unproven && each.high === bounds.high);
  const unproven = !bounded && (a.unproven === true || b.unproven === true);
  return { kind: "number", operand: { reg: result }, ...bounds, unproven };
}

/** The same number (0 or more) with an upper bound that the kernel's verifier sees. */
export function proven(cx: Context, value: NumberValue): NumberValue {
  if (!value.unproven || value.low === value.high) return value;
  const { builder } = cx;
  const { low, high } = value;
  if (Number.isInteger(Math.log2(high + 1)) && high <= S32.high) {
    return { kind: "number", operand: builder.alu("and", 64, value.operand, constant(high)), low, high };
  }
  const result = builder.moved(value.operand);
  const [over, done] = [builder.label(), builder.label()];
  builder.branch("gt", { reg: result }, constant(high), over, done);
  builder.start(over);
  builder.emit({ op: "move", dst: result, src: constant(high) });
  builder.start(done);
  return { kind: "number", operand: { reg: result }, low, high };
}
