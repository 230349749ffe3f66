/** What a comparison proves about the variables on its sides. */
import type * as t from "@babel/types";
import { type CompareOperator, EXCHANGED, OPPOSITE } from "./compare.ts";
import type { Outcome } from "./condition.ts";
import type { Context } from "./context.ts";
import { bare } from "./expression.ts";
import type { Facts, Variable } from "./scope.ts";
import type { NumberValue, Value, WideValue } from "./value.ts";

type Side = readonly [node: t.Node | undefined, value: Value];

/** The facts where `left OPERATOR right` holds and where it does not. */
export function narrow(cx: Context, operator: CompareOperator, left: Side, right: Side): Outcome {
  return {
    whenTrue: holds(cx, operator, left, right),
    whenFalse: holds(cx, OPPOSITE[operator], left, right),
  };
}

function holds(cx: Context, operator: CompareOperator, left: Side, right: Side): Facts {
  let facts = cx.facts;
  for (const [side, relation, other] of [
    [left, operator, right[1]],
    [right, EXCHANGED[operator], left[1]],
  ] as const) {
    const variable = variableOf(cx, side[0]);
    const value = variable && narrowed(side[1], relation, other);
    if (variable && value) facts = new Map(facts).set(variable, value);
  }
  return facts;
}

function variableOf(cx: Context, node: t.Node | undefined): Variable | undefined {
  const inner = node && bare(node);
  return inner?.type === "Identifier" ? cx.scopes.find(inner.name) : undefined;
}

function narrowed(value: Value, operator: CompareOperator, other: Value): Value | undefined {
  if (other.kind === "null") {
    if (value.kind !== "reference" && value.kind !== "map") return undefined;
    return operator === "!==" ? { ...value, nullable: false } : undefined;
  }
  if (value.kind === "number" && other.kind === "number") return narrowedNumber(value, operator, other);
  if (value.kind === "u64" && other.kind === "u64") return narrowedWide(value, operator, other);
  return undefined;
}

function narrowedNumber(
  value: NumberValue,
  operator: CompareOperator,
  other: NumberValue,
): NumberValue | undefined {
  let { low, high } = value;
  if (operator === "<") high = Math.min(high, other.high - 1);
  if (operator === "<=" || operator === "===") high = Math.min(high, other.high);
  if (operator === ">") low = Math.max(low, other.low + 1);
  if (operator === ">=" || operator === "===") low = Math.max(low, other.low);
  if (operator === "!==" && other.low === other.high) {
    if (low === other.low) low++;
    if (high === other.low) high--;
  }
  if (low > high || (low === value.low && high === value.high)) return undefined;
  // The verifier sees the comparison too: it knows the bound that came from it, but learns little from inequality.
  const learns = operator !== "!==" && high !== value.high && !other.unproven;
  const unproven = operator === "!==" || (value.unproven === true && !learns);
  return { ...value, low, high, unproven };
}

function narrowedWide(value: WideValue, operator: CompareOperator, other: WideValue): WideValue | undefined {
  let { low, high } = value;
  if (operator === "<" && other.high - 1n < high) high = other.high - 1n;
  if ((operator === "<=" || operator === "===") && other.high < high) high = other.high;
  if (operator === ">" && other.low + 1n > low) low = other.low + 1n;
  if ((operator === ">=" || operator === "===") && other.low > low) low = other.low;
  if (operator === "!==" && other.low === other.high) {
    if (low === other.low) low++;
    if (high === other.low) high--;
  }
  if (low > high || (low === value.low && high === value.high)) return undefined;
  return { ...value, low, high };
}
