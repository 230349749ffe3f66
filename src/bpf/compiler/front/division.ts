/** Lowers division of numbers: towards 0, while the machine's is unsigned. */
import type * as t from "@babel/types";
import type { Operand } from "../../ir.ts";
import { constant } from "./builder.ts";
import type { Context } from "./context.ts";
import * as interval from "./interval.ts";
import { inherit } from "./number.ts";
import { U32, within } from "./type.ts";
import { constantNumber, knownNumber, type NumberValue } from "./value.ts";

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
