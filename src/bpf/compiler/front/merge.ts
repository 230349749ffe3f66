/** One value out of several ways: the result of `? :`. */
import type * as t from "@babel/types";
import type { Operand } from "../../ir.ts";
import type { Context } from "./context.ts";
import { described, mismatch } from "./describe.ts";

import { spannedWide } from "./interval.ts";
import { addressOf } from "./memory.ts";
import { sameSchema } from "./type.ts";
import type { ReferenceValue, Value } from "./value.ts";

export interface Merge {
  /** On each way: this is its value. */
  add(value: Value, node: t.Node): void;
  /** Where the ways have met. */
  result(): Value;
}

export function merge(cx: Context, node: t.Node): Merge {
  const reg = cx.builder.register();
  cx.mutableRegisters.add(reg);
  let joined: Value | undefined;
  return {
    add(value, at) {
      const src = operandOf(cx, value, at);
      cx.builder.emit({ op: "move", dst: reg, src });
      const next = inRegister(value, { reg });
      const both = joined ? joinValues(joined, next) : next;
      if (!both) {
        const [a, b] = [described(joined!), described(value)];
        throw cx.error("COMPILE_TYPE", `the two sides of ? : have different types: ${a} and ${b}`, node);
      }
      joined = both;
    },
    result() {
      cx.mutableRegisters.delete(reg);
      return joined!;
    },
  };
}

/** The 64 bits that stand for the value. */
function operandOf(cx: Context, value: Value, node: t.Node): Operand {
  switch (value.kind) {
    case "number":
    case "u64":
    case "boolean":
      return value.operand;
    case "null":
      return { value: 0n };
    case "reference":
      return { reg: addressOf(cx, value) };
    default:
      throw mismatch(cx, node, value, "a number, a u64, a boolean or a reference");
  }
}

function inRegister(value: Value, operand: { reg: number }): Value {
  if (value.kind === "number" || value.kind === "u64") {
    const { raw: _raw, ...rest } = value;
    return { ...rest, operand } as Value;
  }
  if (value.kind === "boolean") return { kind: "boolean", operand };
  if (value.kind === "reference") {
    return {
      ...value,
      base: operand.reg,
      offset: 0,
      align: value.offset % 8 === 0 ? value.align : value.schema.align,
    };
  }
  return value;
}

function joinValues(a: Value, b: Value): Value | undefined {
  if (a.kind === "null" && b.kind === "reference") return { ...b, nullable: true };
  if (a.kind === "reference" && b.kind === "null") return { ...a, nullable: true };
  if (a.kind === "reference" && b.kind === "reference") return joinReferences(a, b);
  if (a.kind === "number" && b.kind === "number") {
    const unproven = a.unproven === true || b.unproven === true;
    return { ...a, low: Math.min(a.low, b.low), high: Math.max(a.high, b.high), unproven };
  }
  if (a.kind === "u64" && b.kind === "u64") {
    return { ...a, ...spannedWide([a.low, a.high, b.low, b.high]) };
  }
  return a.kind === b.kind ? a : undefined;
}

function joinReferences(a: ReferenceValue, b: ReferenceValue): Value | undefined {
  if (!sameSchema(a.schema, b.schema)) return undefined;
  return {
    ...a,
    nullable: a.nullable || b.nullable,
    memory:
      a.memory === b.memory ? a.memory : a.memory === "stack" || b.memory === "stack" ? "stack" : "unknown",
    align: Math.min(a.align, b.align),
    depth: Math.max(a.depth, b.depth),
  };
}
