/** Lowers intrinsics that are no helpers: memory, atomics, byte order. */
import type * as t from "@babel/types";
import type { Operand } from "../../ir.ts";
import { isSchema } from "../../schema/index.ts";
import type { Schema } from "../../schema/types.ts";
import { constant } from "./builder.ts";
import { coerce } from "./coerce.ts";
import { swapped } from "./compare.ts";
import type { Context } from "./context.ts";
import { mismatch } from "./describe.ts";
import { lower } from "./expression.ts";
import { lowerMake } from "./make.ts";
import { copyMemory, fieldOf, type Place, placeOf, read } from "./memory.ts";
import { intervalOf, sameSchema, schemaName, typeOfSchema, U16, U32, U64, within } from "./type.ts";
import { constantNumber, constantWide, knownNumber, knownWide, type Value, type WideValue } from "./value.ts";
import { wideArithmetic, wrapped } from "./wide.ts";

type Lowering = (cx: Context, node: t.CallExpression) => Value;

const SPECIALS: Readonly<
  Record<string, readonly [arguments: readonly [number, number], lowering: Lowering]>
> = {
  make: [[1, 2], lowerMake],
  copy: [[2, 2], lowerCopy],
  sizeOf: [[1, 1], (cx, node) => constantNumber(schemaArgument(cx, node, 0).size)],
  offsetOf: [[2, 2], lowerOffsetOf],
  readOnce: [[2, 2], (cx, node) => read(cx, fieldArgument(cx, node), node, true)],
  atomicAdd: [[3, 3], (cx, node) => lowerAtomic(cx, node, "add", false)],
  atomicFetchAdd: [[3, 3], (cx, node) => lowerAtomic(cx, node, "add", true)],
  atomicExchange: [[3, 3], (cx, node) => lowerAtomic(cx, node, "exchange", true)],
  atomicCompareExchange: [[4, 4], (cx, node) => lowerAtomic(cx, node, "compareExchange", true)],
  swap16: [[1, 1], (cx, node) => lowerSwap(cx, node, 16)],
  swap32: [[1, 1], (cx, node) => lowerSwap(cx, node, 32)],
  swap64: [[1, 1], lowerSwap64],
  divide64: [[2, 2], (cx, node) => lowerDivide64(cx, node, "div")],
  modulo64: [[2, 2], (cx, node) => lowerDivide64(cx, node, "mod")],
  trace: [[1, 8], lowerTrace],
};

/** The value of a call of a special intrinsic. */
export function lowerSpecial(cx: Context, name: string, node: t.CallExpression): Value {
  const special = Object.hasOwn(SPECIALS, name) ? SPECIALS[name] : undefined;
  if (!special) throw cx.error("COMPILE_NAME", `the compiler does not know the intrinsic ${name}`, node);
  const [[least, most], lowering] = special;
  const count = node.arguments.length;
  if (count < least || count > most) {
    const wanted = least === most ? String(least) : `${least} to ${most}`;
    throw cx.error("COMPILE_ARGUMENTS", `${name} takes ${wanted} arguments, not ${count}`, node);
  }
  return lowering(cx, node);
}

/** The schema that an argument names. */
export function schemaArgument(cx: Context, node: t.CallExpression, index: number): Schema {
  const argument = node.arguments[index]!;
  const value = lower(cx, argument);
  if (value.kind === "static" && isSchema(value.value)) return value.value;
  throw mismatch(cx, argument, value, "an exported schema");
}

function placeArgument(cx: Context, node: t.CallExpression, index: number): Place {
  const argument = node.arguments[index]!;
  return placeOf(cx, lower(cx, argument), argument);
}

/** The field that arguments 0 and 1 name: `(view, "field", …)`. */
function fieldArgument(cx: Context, node: t.CallExpression): Place {
  const place = placeArgument(cx, node, 0);
  return fieldOf(cx, place, textArgument(cx, node, 1), node.arguments[1]!);
}

function textArgument(cx: Context, node: t.CallExpression, index: number): string {
  const argument = node.arguments[index]!;
  const value = lower(cx, argument);
  if (value.kind !== "text") {
    throw cx.error("COMPILE_FIELD", 'the field is named by a string literal: "field"', argument);
  }
  return value.text;
}

/** Facts are for who watches the simulator: neither they nor their values are compiled. */
function lowerTrace(cx: Context, node: t.CallExpression): Value {
  textArgument(cx, node, 0);
  return { kind: "void" };
}

function lowerCopy(cx: Context, node: t.CallExpression): Value {
  const target = placeArgument(cx, node, 0);
  const source = placeArgument(cx, node, 1);
  if (!sameSchema(target.schema, source.schema)) {
    const [from, to] = [schemaName(source.schema), schemaName(target.schema)];
    throw cx.error("COMPILE_TYPE", `a ${from} cannot be copied to a ${to}`, node);
  }
  copyMemory(cx, target, source, node);
  return { kind: "void" };
}

function lowerOffsetOf(cx: Context, node: t.CallExpression): Value {
  const schema = schemaArgument(cx, node, 0);
  const name = textArgument(cx, node, 1);
  const field = schema.kind === "struct" ? schema.field[name] : undefined;
  if (!field)
    throw cx.error("COMPILE_FIELD", `${schemaName(schema)} has no field ${name}`, node.arguments[1]!);
  return constantNumber(field.offset);
}

function lowerAtomic(
  cx: Context,
  node: t.CallExpression,
  operation: "add" | "exchange" | "compareExchange",
  returnsOld: boolean,
): Value {
  const place = fieldArgument(cx, node);
  const { schema } = place;
  if (schema.kind !== "scalar" || schema.size < 4 || schema.bigEndian) {
    throw cx.error(
      "COMPILE_FIELD",
      "only u32, s32 and u64 fields in native byte order change atomically",
      node,
    );
  }
  if (place.memory === "packet") {
    throw cx.error(
      "COMPILE_FIELD",
      "the kernel has no atomics on packets: they are for elements of maps",
      node,
    );
  }
  const operand = (index: number, exact: boolean): Operand => {
    const argument = node.arguments[index]!;
    const value = lower(cx, argument);
    const wanted = schema.size === 8 ? "u64" : "number";
    if (value.kind !== wanted) throw mismatch(cx, argument, value, `a ${wanted}`);
    // What is stored wraps; what is compared has to be a value that the field can have.
    return exact ? coerce(cx, value, typeOfSchema(schema), argument, "compared") : value.operand;
  };
  const size = schema.size as 4 | 8;
  const { base, offset } = place;
  const expected = operation === "compareExchange" ? operand(2, true) : undefined;
  const value = operand(expected ? 3 : 2, false);
  const { builder } = cx;
  const old = returnsOld ? builder.register() : undefined;
  builder.emit({
    op: "atomic",
    operation,
    size,
    base,
    offset,
    value,
    ...(expected ? { expected } : {}),
    ...(old === undefined ? {} : { dst: old }),
  });
  if (old === undefined) return { kind: "void" };
  if (size === 8) return { kind: "u64", operand: { reg: old }, ...U64 };
  const result = schema.signed ? builder.extend(32, true, { reg: old }) : { reg: old };
  return { kind: "number", operand: result, ...intervalOf(schema) };
}

function lowerSwap(cx: Context, node: t.CallExpression, bits: 16 | 32): Value {
  const argument = node.arguments[0]!;
  const value = lower(cx, argument);
  const bounds = bits === 16 ? U16 : U32;
  if (value.kind !== "number") throw mismatch(cx, argument, value, "a number");
  if (!within(value, bounds)) {
    throw cx.error("COMPILE_RANGE", `swap${bits} takes a u${bits}: mask the number before`, argument);
  }
  const known = knownNumber(value);
  if (known !== undefined) return constantNumber(Number(swapped(BigInt(known), bits)));
  // What was loaded is the swapped number already.
  if (value.raw?.bits === bits) return { kind: "number", operand: { reg: value.raw.reg }, ...bounds };
  return { kind: "number", operand: cx.builder.swap(bits, value.operand), ...bounds };
}

function lowerSwap64(cx: Context, node: t.CallExpression): Value {
  const argument = node.arguments[0]!;
  const value = lower(cx, argument);
  if (value.kind !== "u64") throw mismatch(cx, argument, value, "a u64");
  const known = knownWide(wrapped(cx, value, argument, "swapped"));
  if (known !== undefined) return constantWide(swapped(known, 64));
  return { kind: "u64", operand: cx.builder.swap(64, value.operand), ...U64 };
}

/** Division of u64 by what may be 0: the result is 0 then. */
function lowerDivide64(cx: Context, node: t.CallExpression, operation: "div" | "mod"): Value {
  const [a, b] = [0, 1].map((index) => {
    const argument = node.arguments[index]!;
    const value = lower(cx, argument);
    if (value.kind !== "u64") throw mismatch(cx, argument, value, "a u64");
    return wrapped(cx, value, argument, index === 0 ? "divided" : "a divisor");
  }) as [WideValue, WideValue];
  if (knownWide(b) === 0n) return constantWide(0n);
  if (b.low > 0n) return wideArithmetic(cx, operation === "div" ? "/" : "%", a, b, node);
  const { builder } = cx;
  const bounds = { low: 0n, high: operation === "div" || a.high < b.high ? a.high : b.high };
  const result = builder.alu(operation, 64, a.operand, b.operand);
  if (operation === "div") return { kind: "u64", operand: result, ...bounds };
  // The machine's remainder by 0 is the dividend.
  const chosen = builder.moved(result);
  const [zero, done] = [builder.label(), builder.label()];
  builder.branch("eq", b.operand, constant(0), zero, done);
  builder.start(zero);
  builder.emit({ op: "move", dst: chosen, src: constant(0) });
  builder.start(done);
  return { kind: "u64", operand: { reg: chosen }, ...bounds };
}
