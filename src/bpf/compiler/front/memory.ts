/** Lowers reads and writes of memory: fields, elements, copies. */
import type * as t from "@babel/types";
import type { Reg, Size } from "../../ir.ts";
import type { Schema } from "../../schema/types.ts";
import { constant } from "./builder.ts";
import { swapped } from "./compare.ts";
import type { Context } from "./context.ts";
import { mismatch } from "./describe.ts";

import { proven } from "./number.ts";
import { holdsOpaque, intervalOf, sameSchema, schemaName, U64 } from "./type.ts";
import { knownNumber, type NumberValue, type ReferenceValue, type Value } from "./value.ts";

/** Memory that can be read and written: a reference that is surely not null. */
export type Place = ReferenceValue & { readonly nullable: false };

/** The place that a value refers to; a CompileError if it is no reference, or if it may be null. */
export function placeOf(cx: Context, value: Value, node: t.Node): Place {
  if (value.kind === "null" || (value.kind === "reference" && value.nullable)) {
    const name = node.type === "Identifier" ? node.name : "it";
    throw cx.error(
      "COMPILE_NULL",
      node.type === "Identifier"
        ? `${name} may be null here: test it before, as in \`if (${name} === null) return …\``
        : "this may be null: bind it to a const and test that before its fields are used",
      node,
    );
  }
  if (value.kind !== "reference") throw mismatch(cx, node, value, "a reference to a struct or an array");
  return value as Place;
}

/** A register with the address. */
export function addressOf(cx: Context, reference: ReferenceValue): Reg {
  if (reference.offset === 0) return reference.base;
  return cx.builder.inRegister(
    cx.builder.alu("add", 64, { reg: reference.base }, constant(reference.offset)),
  );
}

export function fieldOf(cx: Context, place: Place, name: string, node: t.Node): Place {
  const { schema } = place;
  if (schema.kind !== "struct") {
    throw cx.error("COMPILE_FIELD", `${schemaName(schema)} has no fields: index it with [ ]`, node);
  }
  const field = Object.hasOwn(schema.field, name) ? schema.field[name] : undefined;
  if (!field) {
    const names = schema.fields.map((each: { name: string }) => each.name).join(", ");
    throw cx.error("COMPILE_FIELD", `${schema.name} has no field ${name}; it has ${names}`, node);
  }
  return { ...place, offset: place.offset + field.offset, schema: field.schema };
}

export function elementOf(cx: Context, place: Place, index: NumberValue, node: t.Node): Place {
  const { schema } = place;
  if (schema.kind !== "array") {
    throw cx.error("COMPILE_FIELD", `${schemaName(schema)} is no array: use its fields`, node);
  }
  if (index.low < 0 || index.high >= schema.length) {
    throw cx.error(
      "COMPILE_INDEX",
      `the index is ${index.low} … ${index.high} and the array has ${schema.length} elements: ` +
        `test it before, as in \`if (i >= ${schema.length}) return …\`, or mask it`,
      node,
    );
  }
  const element: Schema = schema.element;
  const known = knownNumber(index);
  if (known !== undefined) {
    return { ...place, offset: place.offset + known * element.size, schema: element };
  }
  const { builder } = cx;
  const operand = proven(cx, index).operand;
  const shift = Math.log2(element.size);
  const scaled =
    shift === 0
      ? operand
      : Number.isInteger(shift)
        ? builder.alu("lsh", 64, operand, constant(shift))
        : builder.alu("mul", 64, operand, constant(element.size));
  const base = builder.inRegister(builder.alu("add", 64, { reg: place.base }, scaled));
  return { ...place, base, schema: element, align: Math.min(place.align, element.size & -element.size) };
}

/** The value at a place: a scalar is loaded, anything else is a reference. */
export function read(cx: Context, place: Place, node: t.Node, volatile = false): Value {
  const { schema, base, offset } = place;
  if (schema.kind === "timer" || schema.kind === "spinLock") {
    throw cx.error(
      "COMPILE_FIELD",
      `a ${schema.kind} is used by its intrinsics only, which take its name`,
      node,
    );
  }
  if (schema.kind !== "scalar") return place;
  const { builder } = cx;
  const reg = builder.load(schema.size, base, offset, volatile);
  if (schema.size === 8) {
    if (!schema.bigEndian) return { kind: "u64", operand: { reg }, ...U64 };
    return { kind: "u64", operand: builder.swap(64, { reg }), ...U64, raw: { reg, bits: 64 } };
  }
  const bounds = intervalOf(schema);
  if (schema.signed) return { kind: "number", operand: builder.extend(32, true, { reg }), ...bounds };
  if (!schema.bigEndian || schema.size === 1) return { kind: "number", operand: { reg }, ...bounds };
  const bits = schema.size === 2 ? 16 : 32;
  return { kind: "number", operand: builder.swap(bits, { reg }), ...bounds, raw: { reg, bits } };
}

/** Stores a value: scalars are truncated to the field, structs and arrays are copied. */
export function write(cx: Context, place: Place, value: Value, node: t.Node): void {
  const { schema, base, offset } = place;
  if (schema.kind !== "scalar") {
    const source = placeOf(cx, value, node);
    if (!sameSchema(source.schema, schema)) {
      const [from, to] = [schemaName(source.schema), schemaName(schema)];
      throw cx.error("COMPILE_TYPE", `a ${from} cannot be copied to a ${to}`, node);
    }
    copyMemory(cx, place, source, node);
    return;
  }
  const bits = (schema.size * 8) as 8 | 16 | 32 | 64;
  const wanted = schema.size === 8 ? "u64" : "number";
  if (value.kind !== wanted) {
    throw mismatch(cx, node, value, `a ${wanted} for this ${schema.name} field`);
  }
  const { builder } = cx;
  let { operand } = value;
  if ("value" in operand) {
    const low = BigInt.asUintN(bits, operand.value);
    operand = { value: schema.bigEndian ? swapped(low, bits) : low };
  } else if (schema.bigEndian && bits !== 8) {
    operand = value.raw?.bits === bits ? { reg: value.raw.reg } : builder.swap(bits, operand);
  }
  builder.store(schema.size, base, offset, operand);
}

/** Copies the whole of `from` to `to`, in the largest steps that the alignment of both allows. */
export function copyMemory(cx: Context, to: Place, from: Place, node: t.Node): void {
  if (holdsOpaque(to.schema)) {
    throw cx.error(
      "COMPILE_FIELD",
      `a ${schemaName(to.schema)} holds a timer or a lock and cannot be copied: assign its other fields`,
      node,
    );
  }
  const { size } = to.schema;
  for (let done = 0; done < size; ) {
    const step = Math.min(stepAt(to, done, size - done), stepAt(from, done, size - done)) as Size;
    const reg = cx.builder.load(step, from.base, from.offset + done);
    cx.builder.store(step, to.base, to.offset + done, { reg });
    done += step;
  }
}

/** Writes what is in memory of the stack once more, so that the verifier knows no number in it. */
export function hideMemory(cx: Context, place: Place): void {
  const { builder } = cx;
  for (const [at, size] of scalarsOf(place.schema)) {
    const value = builder.load(size, place.base, place.offset + at);
    const hidden = builder.register();
    builder.emit({ op: "hide", dst: hidden, src: { reg: value } });
    builder.store(size, place.base, place.offset + at, { reg: hidden });
  }
}

/** Where the numbers of a schema lie; of arrays of small ones several together. */
function scalarsOf(schema: Schema, from = 0): [at: number, size: Size][] {
  if (schema.kind === "scalar") return [[from, schema.size as Size]];
  if (schema.kind === "struct") {
    return schema.fields.flatMap((field: { offset: number; schema: Schema }) =>
      scalarsOf(field.schema, from + field.offset),
    );
  }
  if (schema.kind !== "array") return [];
  if (schema.element.kind !== "scalar") {
    const { element, length } = schema;
    return Array.from({ length }, (_, i) => scalarsOf(element, from + i * element.size)).flat();
  }
  const parts: [number, Size][] = [];
  for (let at = from; at < from + schema.size; at += parts.at(-1)![1]) {
    const size = ([8, 4, 2] as const).find((step) => at % step === 0 && at + step <= from + schema.size) ?? 1;
    parts.push([at, size]);
  }
  return parts;
}

/** The largest power of two up to 8 and `room` to which byte `at` of the place is aligned. */
function stepAt(place: Place, at: number, room: number): Size {
  const free = place.memory === "packet";
  for (const step of [8, 4, 2] as const) {
    if (step <= room && (free || (place.align >= step && (place.offset + at) % step === 0))) return step;
  }
  return 1;
}
