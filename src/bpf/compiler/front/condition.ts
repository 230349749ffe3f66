/** Lowers conditions straight into branches, and finds out what they prove. */
import type * as t from "@babel/types";
import type { Comparison, Operand } from "../../ir.ts";
import { constant } from "./builder.ts";
import { type CompareOperator, compareValues, comparisonOf } from "./compare.ts";
import type { Context } from "./context.ts";
import { bare, lower } from "./expression.ts";
import { narrow } from "./narrow.ts";
import { type Facts, joinFacts } from "./scope.ts";
import { constantBoolean, knownBoolean, type Value } from "./value.ts";

/** What is known where a condition holds and where it does not; null: that cannot be. */
export interface Outcome {
  readonly whenTrue: Facts | null;
  readonly whenFalse: Facts | null;
}

/** Ends the current block with a jump to one of two labels. */
export function lowerCondition(cx: Context, wrapped: t.Node, then: number, otherwise: number): Outcome {
  const node = bare(wrapped);
  const outer = cx.builder.at;
  cx.builder.at = cx.position(node);
  try {
    return lowerNode(cx, node, then, otherwise);
  } finally {
    cx.builder.at = outer;
  }
}

function lowerNode(cx: Context, node: t.Node, then: number, otherwise: number): Outcome {
  if (node.type === "UnaryExpression" && node.operator === "!") {
    const { whenTrue, whenFalse } = lowerCondition(cx, node.argument, otherwise, then);
    return { whenTrue: whenFalse, whenFalse: whenTrue };
  }
  if (node.type === "LogicalExpression" && node.operator !== "??") {
    return lowerLogical(cx, node, then, otherwise);
  }
  if (node.type === "BinaryExpression") {
    const operator = comparisonOf(cx, node);
    if (operator) {
      const left = lower(cx, node.left);
      const right = lower(cx, node.right);
      return branch(cx, operator, left, right, node, then, otherwise);
    }
  }
  const value = lower(cx, node);
  switch (value.kind) {
    case "boolean": {
      const known = knownBoolean(value);
      if (known !== undefined) return settled(cx, known, then, otherwise);
      cx.builder.branch("ne", value.operand, constant(0), then, otherwise);
      return { whenTrue: cx.facts, whenFalse: cx.facts };
    }
    case "reference":
    case "map":
    case "null":
      return branch(cx, "!==", value, { kind: "null" }, node, then, otherwise, node);
    default:
      throw cx.error("COMPILE_CONDITION", `a condition is a boolean or a reference; ${advice(value)}`, node);
  }
}

function advice(value: Value): string {
  if (value.kind === "number") return "compare the number: x !== 0";
  if (value.kind === "u64") return "compare the u64: x !== 0n";
  return "this is neither";
}

function settled(cx: Context, known: boolean, then: number, otherwise: number): Outcome {
  cx.builder.jump(known ? then : otherwise);
  return known ? { whenTrue: cx.facts, whenFalse: null } : { whenTrue: null, whenFalse: cx.facts };
}

function lowerLogical(cx: Context, node: t.LogicalExpression, then: number, otherwise: number): Outcome {
  const conjunction = node.operator === "&&";
  const middle = cx.builder.label();
  const first = conjunction
    ? lowerCondition(cx, node.left, middle, otherwise)
    : lowerCondition(cx, node.left, then, middle);
  const onward = conjunction ? first.whenTrue : first.whenFalse;
  if (!onward) return first;
  cx.builder.start(middle);
  cx.facts = onward;
  const second = lowerCondition(cx, node.right, then, otherwise);
  return conjunction
    ? { whenTrue: second.whenTrue, whenFalse: either(first.whenFalse, second.whenFalse) }
    : { whenTrue: either(first.whenTrue, second.whenTrue), whenFalse: second.whenFalse };
}

function either(a: Facts | null, b: Facts | null): Facts | null {
  return a && b ? joinFacts(a, b) : (a ?? b);
}

function branch(
  cx: Context,
  operator: CompareOperator,
  left: Value,
  right: Value,
  node: t.Node,
  then: number,
  otherwise: number,
  reference?: t.Node,
): Outcome {
  const compared = compareValues(cx, operator, left, right, node);
  if (typeof compared === "boolean") return settled(cx, compared, then, otherwise);
  cx.builder.branch(compared.comparison, compared.left, compared.right, then, otherwise);
  const sides = node.type === "BinaryExpression" ? node : undefined;
  return narrow(cx, operator, [sides?.left ?? reference!, left], [sides?.right, right]);
}

/** The value of a condition: 0 or 1 in a register. */
export function lowerTruth(cx: Context, node: t.Node): Value {
  const { builder } = cx;
  if (node.type === "BinaryExpression") {
    const operator = comparisonOf(cx, node);
    if (operator) {
      const compared = compareValues(cx, operator, lower(cx, node.left), lower(cx, node.right), node);
      return typeof compared === "boolean" ? constantBoolean(compared) : comparison(cx, compared);
    }
  }
  const [then, otherwise, done] = [builder.label(), builder.label(), builder.label()];
  const result = builder.register();
  const { whenTrue, whenFalse } = lowerCondition(cx, node, then, otherwise);
  if (!whenTrue || !whenFalse) {
    builder.start(whenTrue ? then : otherwise);
    cx.facts = (whenTrue ?? whenFalse)!;
    return constantBoolean(whenTrue !== null);
  }
  builder.start(then);
  builder.emit({ op: "move", dst: result, src: constant(1) });
  builder.jump(done);
  builder.start(otherwise);
  builder.emit({ op: "move", dst: result, src: constant(0) });
  builder.start(done);
  cx.facts = joinFacts(whenTrue, whenFalse);
  return { kind: "boolean", operand: { reg: result } };
}

function comparison(
  cx: Context,
  { comparison, left, right }: { comparison: Comparison; left: Operand; right: Operand },
): Value {
  return { kind: "boolean", operand: cx.builder.compare(comparison, left, right) };
}
