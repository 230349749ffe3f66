/** Fits values to types: parameters, results, annotated variables. */
import type * as t from "@babel/types";
import type { Operand } from "../../ir.ts";
import type { Context } from "./context.ts";
import { mismatch } from "./describe.ts";

import { addressOf } from "./memory.ts";
import {
  intervalName,
  S32,
  sameSchema,
  schemaName,
  type Type,
  typeName,
  U8,
  U16,
  U32,
  within,
} from "./type.ts";
import type { NumberValue, ReferenceValue, Value } from "./value.ts";
import { wrapped } from "./wide.ts";

/** The operand to pass for a value where `type` is wanted; a CompileError if it may not fit. */
export function coerce(cx: Context, value: Value, type: Type, node: t.Node, use: string): Operand {
  switch (type.kind) {
    case "number":
      if (value.kind !== "number") break;
      if (!within(value, type)) throw misfit(cx, value, type, node);
      return value.operand;
    case "u64":
      if (value.kind !== "u64") break;
      return wrapped(cx, value, node, use).operand;
    case "boolean":
      if (value.kind !== "boolean") break;
      return value.operand;
    case "packet":
      if (value.kind !== "packet") break;
      return { reg: value.reg };
    case "reference":
      if (value.kind === "null" && type.nullable) return { value: 0n };
      if (value.kind !== "reference" && value.kind !== "null") break;
      return { reg: addressOf(cx, fittingReference(cx, value, type, node)) };
    case "void":
      break;
  }
  throw mismatch(cx, node, value, typeName(type));
}

function fittingReference(
  cx: Context,
  value: ReferenceValue | { kind: "null" },
  type: Extract<Type, { kind: "reference" }>,
  node: t.Node,
): ReferenceValue {
  if (value.kind === "null" || (value.nullable && !type.nullable)) {
    throw cx.error(
      "COMPILE_NULL",
      `this may be null, and ${typeName(type)} is needed: test it before, \`if (x === null) return …\``,
      node,
    );
  }
  if (!sameSchema(value.schema, type.schema)) {
    throw cx.error(
      "COMPILE_TYPE",
      `this refers to ${schemaName(value.schema)}, and ${schemaName(type.schema)} is needed`,
      node,
    );
  }
  return value;
}

function misfit(
  cx: Context,
  value: NumberValue,
  type: Extract<Type, { kind: "number" }>,
  node: t.Node,
): Error {
  const name = intervalName(type);
  const wrap = within(U32, type)
    ? "(…) >>> 0"
    : within(S32, type)
      ? "(…) | 0"
      : within(type, U8)
        ? "… & 0xff"
        : within(type, U16)
          ? "… & 0xffff"
          : "a test before, or a mask";
  const range = value.low === value.high ? `this is ${value.low}` : `this number is ${intervalName(value)}`;
  return cx.error("COMPILE_RANGE", `${range} and may not fit ${name}: wrap it, ${wrap}`, node);
}
