/** Lowers arithmetic on u64 (bigint in JavaScript): registers hold results modulo 2^64. */
import type * as t from "@babel/types";
import type { AluOperation } from "../../ir.ts";
import { constant } from "./builder.ts";
import type { Context } from "./context.ts";
import { bitwiseWide, LIMIT, spannedWide } from "./interval.ts";
import { U64, type WideInterval, withinWide } from "./type.ts";
import { constantNumber, constantWide, knownWide, type NumberValue, type WideValue } from "./value.ts";

export type WideOperator = "+" | "-" | "*" | "/" | "%" | "&" | "|" | "^" | "<<" | ">>";

/** What the machine does for each operator. */
export const WIDE_OPERATORS: Readonly<Record<WideOperator, AluOperation>> = {
  "+": "add",
  "-": "sub",
  "*": "mul",
  "/": "div",
  "%": "mod",
  "&": "and",
  "|": "or",
  "^": "xor",
  "<<": "lsh",
  ">>": "rsh",
};

/** A binary operator on two u64. */
export function wideArithmetic(
  cx: Context,
  operator: WideOperator,
  a: WideValue,
  b: WideValue,
  node: t.Node,
): WideValue {
  if (operator === "/" || operator === "%") {
    if (b.low <= 0n && b.high >= 0n) {
      const instead = operator === "/" ? "divide64(a, b)" : "modulo64(a, b)";
      throw cx.error("COMPILE_DIVISION", `the divisor may be 0n: write ${instead}, which is 0n then`, node);
    }
  }
  if (operator === "/" || operator === "%" || operator === ">>") {
    a = wrapped(cx, a, node, operator === ">>" ? "shifted right" : "divided");
    if (operator !== ">>") b = wrapped(cx, b, node, "a divisor");
  }
  if ((operator === "<<" || operator === ">>") && (b.low < 0n || b.high > 63n)) {
    throw cx.error("COMPILE_RANGE", "a shift count of u64 is a constant, or masked: `x << (n & 63n)`", node);
  }
  const bounds = wideBounds(operator, a, b);
  if (knownWide(a) !== undefined && knownWide(b) !== undefined) return constantWide(bounds.low);
  const unchanged = knownWide(b) === (operator === "*" || operator === "/" ? 1n : 0n);
  if (unchanged && operator !== "&" && operator !== "%") return a;
  return {
    kind: "u64",
    operand: cx.builder.alu(WIDE_OPERATORS[operator], 64, a.operand, b.operand),
    ...bounds,
  };
}

function wideBounds(operator: WideOperator, a: WideInterval, b: WideInterval): WideInterval {
  switch (operator) {
    case "+":
      return { low: a.low + b.low, high: a.high + b.high };
    case "-":
      return { low: a.low - b.high, high: a.high - b.low };
    case "*":
      return spannedWide([a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high]);
    case "/":
      return { low: a.low / b.high, high: a.high / b.low };
    case "%":
      if (a.low === a.high && b.low === b.high) return { low: a.low % b.low, high: a.low % b.low };
      return { low: 0n, high: a.high < b.high - 1n ? a.high : b.high - 1n };
    case "<<":
      return spannedWide([a.low << b.low, a.low << b.high, a.high << b.low, a.high << b.high]);
    case ">>":
      return { low: a.low >> b.high, high: a.high >> b.low };
    default:
      if (a.low === a.high && b.low === b.high) {
        const exact = operator === "&" ? a.low & b.low : operator === "|" ? a.low | b.low : a.low ^ b.low;
        return { low: exact, high: exact };
      }
      return bitwiseWide(operator, a, b);
  }
}

/** The value, if it is surely in 0 … 2^64-1; otherwise a CompileError that says how to wrap it. */
export function wrapped(cx: Context, value: WideValue, node: t.Node, use: string): WideValue {
  if (withinWide(value, U64)) return value;
  throw cx.error(
    "COMPILE_RANGE",
    `this u64 may leave 0 … 2⁶⁴−1 and cannot be ${use} before it is wrapped: BigInt.asUintN(64, …)`,
    node,
  );
}

/** `BigInt.asUintN(bits, value)`: the low bits. */
export function asUnsigned(cx: Context, bits: number, value: WideValue): WideValue {
  const all = { low: 0n, high: (1n << BigInt(bits)) - 1n };
  if (withinWide(value, all)) return value;
  const known = knownWide(value);
  if (known !== undefined) return constantWide(BigInt.asUintN(bits, known));
  if (bits === 64) return { kind: "u64", operand: value.operand, ...all };
  const { builder } = cx;
  const operand =
    bits === 32
      ? builder.extend(32, false, value.operand)
      : builder.alu("and", 64, value.operand, constant(all.high));
  return { kind: "u64", operand, ...all };
}

/** `-value` and `~value` */
export function wideUnary(cx: Context, operator: "-" | "~", value: WideValue): WideValue {
  const { low, high } = value;
  const bounds = operator === "-" ? { low: -high, high: -low } : { low: ~high, high: ~low };
  if (low === high) return constantWide(bounds.low);
  const { builder } = cx;
  const operand =
    operator === "-"
      ? builder.alu("sub", 64, constant(0), value.operand)
      : builder.alu("xor", 64, value.operand, constant(-1));
  return { kind: "u64", operand, ...bounds };
}

/** `Number(value)` */
export function toNumber(cx: Context, value: WideValue, node: t.Node): NumberValue {
  if (value.low < 0n || value.high > BigInt(LIMIT)) {
    throw cx.error(
      "COMPILE_RANGE",
      "Number(…) needs a u64 that is surely below 2⁵³: mask it, as in Number(x & 0xffffffffn)",
      node,
    );
  }
  const [low, high] = [Number(value.low), Number(value.high)];
  if (low === high) return constantNumber(low);
  return { kind: "number", operand: value.operand, low, high, unproven: true };
}

/** `BigInt(value)` */
export function fromNumber(cx: Context, value: NumberValue, node: t.Node): WideValue {
  if (value.low < 0) {
    throw cx.error(
      "COMPILE_RANGE",
      "BigInt(…) needs a number that is surely 0 or more: BigInt(x >>> 0)",
      node,
    );
  }
  const [low, high] = [BigInt(value.low), BigInt(value.high)];
  return low === high ? constantWide(low) : { kind: "u64", operand: value.operand, low, high };
}
