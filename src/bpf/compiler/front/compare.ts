/** What is compared with what, and by which comparison of the machine. */
import type * as t from "@babel/types";
import type { Comparison, Operand } from "../../ir.ts";
import { constant } from "./builder.ts";
import type { Context } from "./context.ts";
import { described } from "./describe.ts";

import {
  type BooleanValue,
  knownBoolean,
  knownNumber,
  knownWide,
  type NumberValue,
  type Value,
  type WideValue,
} from "./value.ts";
import { wrapped } from "./wide.ts";

export type CompareOperator = "===" | "!==" | "<" | "<=" | ">" | ">=";

export interface Compared {
  readonly comparison: Comparison;
  readonly left: Operand;
  readonly right: Operand;
}

const UNSIGNED: Readonly<Record<CompareOperator, Comparison>> = {
  "===": "eq",
  "!==": "ne",
  "<": "lt",
  "<=": "le",
  ">": "gt",
  ">=": "ge",
};

const SIGNED: Readonly<Record<CompareOperator, Comparison>> = {
  "===": "eq",
  "!==": "ne",
  "<": "slt",
  "<=": "sle",
  ">": "sgt",
  ">=": "sge",
};

/** The same comparison with its sides exchanged. */
export const EXCHANGED: Readonly<Record<CompareOperator, CompareOperator>> = {
  "===": "===",
  "!==": "!==",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
};

/** The comparison that holds where this one does not. */
export const OPPOSITE: Readonly<Record<CompareOperator, CompareOperator>> = {
  "===": "!==",
  "!==": "===",
  "<": ">=",
  "<=": ">",
  ">": "<=",
  ">=": "<",
};

/** The comparison that a binary expression makes, if it is one. */
export function comparisonOf(cx: Context, node: t.BinaryExpression): CompareOperator | undefined {
  if (node.operator === "==" || node.operator === "!=") {
    throw cx.error("COMPILE_EQUALITY", `write ${node.operator}= : ${node.operator} converts its sides`, node);
  }
  return node.operator in UNSIGNED ? (node.operator as CompareOperator) : undefined;
}

/** The comparison to make, or its result where that is known already. */
export function compareValues(
  cx: Context,
  operator: CompareOperator,
  left: Value,
  right: Value,
  node: t.Node,
): Compared | boolean {
  if (left.kind === "number" && right.kind === "number") return compareNumbers(operator, left, right);
  if (left.kind === "u64" && right.kind === "u64") {
    const a = wrapped(cx, left, node, "compared");
    return compareWide(operator, a, wrapped(cx, right, node, "compared"));
  }
  const equality = operator === "===" || operator === "!==";
  if (left.kind === "null" && equality) return compareNull(cx, operator, right, node);
  if (right.kind === "null" && equality) return compareNull(cx, operator, left, node);
  if (left.kind === "boolean" && right.kind === "boolean" && equality) {
    return compareBooleans(operator, left, right);
  }
  if (left.kind === "reference" && right.kind === "reference") {
    throw cx.error("COMPILE_EQUALITY", "references are compared with null only: compare their fields", node);
  }
  throw cx.error(
    left.kind === "text" || right.kind === "text" ? "COMPILE_STRING" : "COMPILE_TYPE",
    `${described(left)} cannot be compared with ${described(right)}: ` +
      "numbers compare with numbers, u64 with u64, references with null",
    node,
  );
}

function compareNumbers(operator: CompareOperator, a: NumberValue, b: NumberValue): Compared | boolean {
  const settled = settledBy(operator, a, b);
  if (settled !== undefined) return settled;
  if (operator === "===" || operator === "!==") {
    const raw = compareRaw(operator, a, b);
    if (raw) return raw;
  }
  const table = a.low >= 0 && b.low >= 0 ? UNSIGNED : SIGNED;
  return constantRight(operator, a.operand, b.operand, table);
}

/** Equality needs no byte swap where the other side is a constant, or in network order too. */
function compareRaw(operator: "===" | "!==", a: NumberValue, b: NumberValue): Compared | undefined {
  if (!a.raw) return b.raw && knownNumber(a) !== undefined ? compareRaw(operator, b, a) : undefined;
  const { reg, bits } = a.raw;
  const comparison = UNSIGNED[operator];
  if (b.raw?.bits === bits) return { comparison, left: { reg }, right: { reg: b.raw.reg } };
  const known = knownNumber(b);
  if (known === undefined || known < 0 || known >= 2 ** bits) return undefined;
  return { comparison, left: { reg }, right: constant(swapped(BigInt(known), bits)) };
}

/** The low `bits` of a constant with their bytes reversed. */
export function swapped(value: bigint, bits: number): bigint {
  let result = 0n;
  for (let i = 0; i < bits; i += 8) result = (result << 8n) | ((value >> BigInt(i)) & 0xffn);
  return result;
}

function compareWide(operator: CompareOperator, a: WideValue, b: WideValue): Compared | boolean {
  const settled = settledBy(operator, a, b);
  if (settled !== undefined) return settled;
  const known = knownWide(b);
  if ((operator === "===" || operator === "!==") && a.raw && known !== undefined) {
    const right = constant(swapped(known, 64));
    return { comparison: UNSIGNED[operator], left: { reg: a.raw.reg }, right };
  }
  return constantRight(operator, a.operand, b.operand, UNSIGNED);
}

function settledBy(
  operator: CompareOperator,
  a: { low: number | bigint; high: number | bigint },
  b: { low: number | bigint; high: number | bigint },
): boolean | undefined {
  switch (operator) {
    case "===":
      if (a.low === a.high && b.low === b.high && a.low === b.low) return true;
      return a.high < b.low || a.low > b.high ? false : undefined;
    case "<":
      return a.high < b.low ? true : a.low >= b.high ? false : undefined;
    case "<=":
      return a.high <= b.low ? true : a.low > b.high ? false : undefined;
    default: {
      const opposite = settledBy(OPPOSITE[operator], a, b);
      return opposite === undefined ? undefined : !opposite;
    }
  }
}

function constantRight(
  operator: CompareOperator,
  left: Operand,
  right: Operand,
  table: Readonly<Record<CompareOperator, Comparison>>,
): Compared {
  return "value" in left
    ? { comparison: table[EXCHANGED[operator]], left: right, right: left }
    : { comparison: table[operator], left, right };
}

function compareNull(cx: Context, operator: "===" | "!==", value: Value, node: t.Node): Compared | boolean {
  if (value.kind === "null") return operator === "===";
  if (value.kind !== "reference" && value.kind !== "map") {
    throw cx.error("COMPILE_TYPE", `${described(value)} is never null`, node);
  }
  if (!value.nullable) return operator === "!==";
  const reg = value.kind === "reference" ? value.base : value.reg!;
  return { comparison: UNSIGNED[operator], left: { reg }, right: constant(0) };
}

function compareBooleans(operator: "===" | "!==", a: BooleanValue, b: BooleanValue): Compared | boolean {
  const known = [knownBoolean(a), knownBoolean(b)];
  if (known[0] !== undefined && known[1] !== undefined)
    return (known[0] === known[1]) === (operator === "===");
  return constantRight(operator, a.operand, b.operand, UNSIGNED);
}
