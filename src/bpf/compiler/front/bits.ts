/** Lowers bit operators on numbers: JavaScript's, on 32 bits. */
import type { AluOperation, Operand } from "../../ir.ts";
import { constant } from "./builder.ts";
import type { Context } from "./context.ts";
import * as interval from "./interval.ts";
import { inherit } from "./number.ts";
import { type Interval, S32, U32, within } from "./type.ts";
import { constantNumber, knownNumber, type NumberValue } from "./value.ts";

export type BitOperator = "&" | "|" | "^" | "<<" | ">>" | ">>>";

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
