/** Lowers arithmetic on numbers: exact, as JavaScript computes it. */
import type * as t from "@babel/types";
import type { AluOperation } from "../../ir.ts";
import { constant } from "./builder.ts";
import type { Context } from "./context.ts";
import * as interval from "./interval.ts";
import { S32, U32, within } from "./type.ts";
import { constantNumber, knownNumber, type NumberValue } from "./value.ts";

/** `unproven` if one of the values it comes from is. */
export function inherit(...from: readonly NumberValue[]): { unproven: boolean } {
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

/** `-a` */
export function negate(cx: Context, a: NumberValue): NumberValue {
  const known = knownNumber(a);
  if (known !== undefined) return constantNumber(-known);
  const operand = cx.builder.alu("sub", 64, constant(0), a.operand);
  return { kind: "number", operand, low: -a.high || 0, high: -a.low || 0, ...inherit(a) };
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
