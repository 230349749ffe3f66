/** Lowers the functions of JavaScript that kernel TypeScript has: of Math, BigInt and Number. */
import type * as t from "@babel/types";
import type { Context } from "./context.ts";
import { mismatch } from "./describe.ts";
import { absolute, quotient } from "./division.ts";
import { bare, lower } from "./expression.ts";
import { extremum } from "./number.ts";
import { S32 } from "./type.ts";
import { constantNumber, knownNumber, type NumberValue, type Value } from "./value.ts";
import { asUnsigned, fromNumber, toNumber } from "./wide.ts";

function numberArgument(cx: Context, node: t.CallExpression, index: number): NumberValue {
  const argument = node.arguments[index];
  if (!argument) throw cx.error("COMPILE_ARGUMENTS", "an argument is missing", node);
  const value = lower(cx, argument);
  if (value.kind !== "number") throw mismatch(cx, argument, value, "a number");
  return value;
}

function expectArguments(cx: Context, node: t.CallExpression, count: number, form: string): void {
  if (node.arguments.length !== count) throw cx.error("COMPILE_ARGUMENTS", `write ${form}`, node);
}

/** `Math.name(…)` */
export function lowerMath(
  cx: Context,
  name: string | undefined,
  node: t.CallExpression,
  truncate: boolean,
): Value {
  switch (name) {
    case "trunc":
    case "floor":
      return lowerQuotient(cx, name, node);
    case "abs":
      expectArguments(cx, node, 1, "Math.abs(x)");
      return absolute(cx, numberArgument(cx, node, 0));
    case "min":
    case "max": {
      if (node.arguments.length === 0) expectArguments(cx, node, 2, `Math.${name}(a, b)`);
      let result = numberArgument(cx, node, 0);
      for (let i = 1; i < node.arguments.length; i++) {
        result = extremum(cx, name, result, numberArgument(cx, node, i));
      }
      return result;
    }
    case "imul": {
      expectArguments(cx, node, 2, "Math.imul(a, b)");
      const [a, b] = [numberArgument(cx, node, 0), numberArgument(cx, node, 1)];
      const [left, right] = [knownNumber(a), knownNumber(b)];
      if (left !== undefined && right !== undefined) return constantNumber(Math.imul(left, right));
      const operand = cx.builder.alu("mul", 32, a.operand, b.operand);
      const unproven = a.unproven === true || b.unproven === true;
      if (truncate) return { kind: "number", operand, ...S32, unproven, truncated: true };
      return { kind: "number", operand: cx.builder.extend(32, true, operand), ...S32, unproven };
    }
    default:
      throw cx.error(
        "COMPILE_NAME",
        `there is no Math.${name ?? "[…]"} here: there are trunc, floor (of a division), abs, min, max and imul`,
        node,
      );
  }
}

/** `Math.trunc(a / b)`, and `Math.floor(a / b)` where neither side is negative. */
function lowerQuotient(cx: Context, name: "trunc" | "floor", node: t.CallExpression): Value {
  expectArguments(cx, node, 1, `Math.${name}(a / b)`);
  const inner = bare(node.arguments[0]!);
  if (inner.type !== "BinaryExpression" || inner.operator !== "/") return numberArgument(cx, node, 0);
  const [a, b] = [lower(cx, inner.left), lower(cx, inner.right)];
  if (a.kind !== "number") throw mismatch(cx, inner.left, a, "a number");
  if (b.kind !== "number") throw mismatch(cx, inner.right, b, "a number");
  if (name === "floor" && (a.low < 0 || b.low < 0)) {
    throw cx.error(
      "COMPILE_DIVISION",
      "Math.floor rounds negative quotients down, the machine towards 0: write Math.trunc(a / b)",
      node,
    );
  }
  return quotient(cx, a, b, inner, "is refused");
}

/** `BigInt(n)` and `BigInt.asUintN(bits, x)` */
export function lowerBigInt(cx: Context, name: string | undefined, node: t.CallExpression): Value {
  if (name === undefined) {
    expectArguments(cx, node, 1, "BigInt(n)");
    const value = lower(cx, node.arguments[0]!);
    if (value.kind === "u64") return value;
    if (value.kind !== "number") throw mismatch(cx, node.arguments[0]!, value, "a number");
    return fromNumber(cx, value, node);
  }
  if (name !== "asUintN") {
    throw cx.error(
      "COMPILE_NAME",
      `there is no BigInt.${name} here: u64 wraps by BigInt.asUintN(64, x)`,
      node,
    );
  }
  expectArguments(cx, node, 2, "BigInt.asUintN(64, x)");
  const bits = knownNumber(lower(cx, node.arguments[0]!));
  if (bits === undefined || bits < 1 || bits > 64) {
    throw cx.error("COMPILE_CONSTANT", "the number of bits is a constant from 1 to 64", node.arguments[0]!);
  }
  const value = lower(cx, node.arguments[1]!);
  if (value.kind !== "u64") throw mismatch(cx, node.arguments[1]!, value, "a u64");
  return asUnsigned(cx, bits, value);
}

/** `Number(x)`: of a u64, or of a boolean (0 or 1). */
export function lowerNumber(cx: Context, node: t.CallExpression, method?: string): Value {
  if (method !== undefined) {
    throw cx.error("COMPILE_NAME", `there is no Number.${method} here: every number is an integer`, node);
  }
  expectArguments(cx, node, 1, "Number(x)");
  const value = lower(cx, node.arguments[0]!);
  if (value.kind === "number") return value;
  if (value.kind === "boolean") return { kind: "number", operand: value.operand, low: 0, high: 1 };
  if (value.kind !== "u64") throw mismatch(cx, node.arguments[0]!, value, "a u64");
  return toNumber(cx, value, node);
}
