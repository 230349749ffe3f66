/** Lowers expressions to values. */
import type * as t from "@babel/types";
import { type BitOperator, bitwise, complement } from "./bits.ts";
import { lowerCall } from "./call.ts";
import { lowerCondition, lowerTruth } from "./condition.ts";
import type { Context } from "./context.ts";
import { mismatch } from "./describe.ts";
import { quotient, remainder } from "./division.ts";
import { lowerMember } from "./member.ts";
import { merge } from "./merge.ts";
import { lowerName } from "./name.ts";
import { arithmetic, negate } from "./number.ts";
import { refusal } from "./refusal.ts";
import { joinFacts } from "./scope.ts";
import { constantBoolean, constantNumber, constantWide, type NumberValue, type Value } from "./value.ts";
import { WIDE_OPERATORS, type WideOperator, wideArithmetic, wideUnary } from "./wide.ts";

const BIT_OPERATORS = new Set(["&", "|", "^", "<<", ">>", ">>>"]);
const COMPARISONS = new Set(["===", "!==", "==", "!=", "<", "<=", ">", ">="]);

/** The expression inside what TypeScript puts around one without effect. */
export function bare(node: t.Node): t.Node {
  switch (node.type) {
    case "ParenthesizedExpression":
    case "TSNonNullExpression":
    case "TSAsExpression":
    case "TSSatisfiesExpression":
      return bare(node.expression);
    default:
      return node;
  }
}

/** The value of an expression. */
export function lower(cx: Context, node: t.Node): Value {
  return lowerBare(cx, bare(node), false);
}

/** As `lower`, but a number need only be right modulo 2^32 (it is marked `truncated` where it is not right beyond). */
function lowerTruncated(cx: Context, node: t.Node): Value {
  return lowerBare(cx, bare(node), true);
}

function lowerBare(cx: Context, node: t.Node, truncate: boolean): Value {
  const outer = cx.builder.at;
  cx.builder.at = cx.position(node);
  try {
    return lowerNode(cx, node, truncate);
  } finally {
    cx.builder.at = outer;
  }
}

function lowerNode(cx: Context, node: t.Node, truncate: boolean): Value {
  switch (node.type) {
    case "NumericLiteral":
      if (!Number.isSafeInteger(node.value)) {
        throw cx.error("COMPILE_RANGE", "numbers are integers below 2⁵³; larger ones are u64: 1n", node);
      }
      return constantNumber(node.value);
    case "BigIntLiteral":
      return constantWide(BigInt(node.value));
    case "BooleanLiteral":
      return constantBoolean(node.value);
    case "NullLiteral":
      return { kind: "null" };
    case "StringLiteral":
      return { kind: "text", text: node.value };
    case "Identifier":
      return lowerName(cx, node);
    case "MemberExpression":
      return lowerMember(cx, node);
    case "CallExpression":
      return lowerCall(cx, node, truncate);
    case "UnaryExpression":
      return lowerUnary(cx, node, truncate);
    case "BinaryExpression":
      return COMPARISONS.has(node.operator) ? lowerTruth(cx, node) : lowerBinary(cx, node, truncate);
    case "LogicalExpression":
      if (node.operator === "??") throw refusal(cx, node);
      return lowerTruth(cx, node);
    case "ConditionalExpression":
      return lowerConditional(cx, node);
    default:
      throw refusal(cx, node);
  }
}

function lowerUnary(cx: Context, node: t.UnaryExpression, truncate: boolean): Value {
  switch (node.operator) {
    case "!":
      return lowerTruth(cx, node);
    case "-":
    case "~": {
      const bits = node.operator === "~";
      const value = bits ? lowerTruncated(cx, node.argument) : lower(cx, node.argument);
      if (value.kind === "u64") return wideUnary(cx, node.operator, value);
      if (value.kind === "number") return bits ? complement(cx, value, truncate) : negate(cx, value);
      throw mismatch(cx, node.argument, value, "a number or a u64");
    }
    default:
      throw refusal(cx, node);
  }
}

function lowerBinary(cx: Context, node: t.BinaryExpression, truncate: boolean): Value {
  const { operator } = node;
  const bits = BIT_OPERATORS.has(operator);
  const operand = (each: t.Node): Value => {
    if (!bits) return truncate && "+-*".includes(operator) ? lowerTruncated(cx, each) : lower(cx, each);
    return lowerDivision(cx, each) ?? lowerTruncated(cx, each);
  };
  const left = operand(node.left);
  return lowerBinaryValues(cx, node, operator, left, operand(node.right), truncate);
}

/** A binary operator on two values; `node` is where it stands, for messages. */
export function lowerBinaryValues(
  cx: Context,
  node: t.BinaryExpression | t.AssignmentExpression | t.UpdateExpression,
  operator: t.BinaryExpression["operator"],
  left: Value,
  right: Value,
  truncate = false,
): Value {
  if (left.kind === "number" && right.kind === "number") {
    return lowerNumbers(cx, node, operator, left, right, truncate);
  }
  if (left.kind === "u64" && right.kind === "u64" && operator in WIDE_OPERATORS) {
    return wideArithmetic(cx, operator as WideOperator, left, right, node);
  }
  const sides = node.type === "UpdateExpression" ? [node.argument, node.argument] : [node.left, node.right];
  const [wrong, value] = isNumeric(left) ? [sides[1]!, right] : [sides[0]!, left];
  if (isNumeric(left) && isNumeric(right)) {
    throw cx.error(
      "COMPILE_TYPE",
      "a number and a u64 do not mix: convert one, BigInt(n) or Number(x & 0xffffffffn)",
      node,
    );
  }
  throw mismatch(cx, wrong, value, "a number or a u64");
}

function isNumeric(value: Value): boolean {
  return value.kind === "number" || value.kind === "u64";
}

function lowerNumbers(
  cx: Context,
  node: t.Node,
  operator: t.BinaryExpression["operator"],
  left: NumberValue,
  right: NumberValue,
  truncate: boolean,
): Value {
  switch (operator) {
    case "+":
    case "-":
    case "*":
      return arithmetic(cx, operator, left, right, node, truncate);
    case "/":
      throw cx.error(
        "COMPILE_DIVISION",
        "a bare / gives fractions in JavaScript: write Math.trunc(a / b), (a / b) >>> 0 or (a / b) | 0",
        node,
      );
    case "%":
      return remainder(cx, left, right, node, "is refused");
    case "&":
    case "|":
    case "^":
    case "<<":
    case ">>":
    case ">>>":
      return bitwise(cx, operator satisfies BitOperator, left, right, truncate);
    default:
      throw refusal(cx, node);
  }
}

/** `a / b` and `a % b` where a bit operator makes an integer of the result, so that a divisor of 0 gives 0. */
function lowerDivision(cx: Context, wrappedNode: t.Node): Value | undefined {
  const node = bare(wrappedNode);
  if (node.type !== "BinaryExpression" || (node.operator !== "/" && node.operator !== "%")) return undefined;
  const left = lower(cx, node.left);
  const right = lower(cx, node.right);
  if (left.kind === "u64" && right.kind === "u64")
    return wideArithmetic(cx, node.operator, left, right, node);
  if (left.kind !== "number") throw mismatch(cx, node.left, left, "a number");
  if (right.kind !== "number") throw mismatch(cx, node.right, right, "a number");
  return node.operator === "/"
    ? quotient(cx, left, right, node, "gives 0")
    : remainder(cx, left, right, node, "gives 0");
}

function lowerConditional(cx: Context, node: t.ConditionalExpression): Value {
  const { builder } = cx;
  const [then, otherwise, done] = [builder.label(), builder.label(), builder.label()];
  const outcome = lowerCondition(cx, node.test, then, otherwise);
  if (!outcome.whenFalse) {
    builder.start(then);
    if (outcome.whenTrue) cx.facts = outcome.whenTrue;
    return lower(cx, node.consequent);
  }
  if (!outcome.whenTrue) {
    builder.start(otherwise);
    cx.facts = outcome.whenFalse;
    return lower(cx, node.alternate);
  }
  const merged = merge(cx, node);
  builder.start(then);
  cx.facts = outcome.whenTrue;
  merged.add(lower(cx, node.consequent), node.consequent);
  const afterThen = cx.facts;
  builder.jump(done);
  builder.start(otherwise);
  cx.facts = outcome.whenFalse;
  merged.add(lower(cx, node.alternate), node.alternate);
  builder.start(done);
  cx.facts = joinFacts(afterThen, cx.facts);
  return merged.result();
}
