/** Lowers `make(S, { field: value, … })`: a stack slot, zeroed where no field is set. */
import type * as t from "@babel/types";
import { loweringOf } from "../../intrinsic.ts";
import type { Reg, Size } from "../../ir.ts";
import type { Schema } from "../../schema/types.ts";
import { constant } from "./builder.ts";
import { swapped } from "./compare.ts";
import type { Context } from "./context.ts";
import { bare, lower } from "./expression.ts";
import { elementOf, fieldOf, type Place, write } from "./memory.ts";
import { schemaArgument } from "./special.ts";
import { sameSchema, schemaName } from "./type.ts";
import { constantNumber, type Value } from "./value.ts";

/** The stack that a program has, in bytes. */
const STACK = 512;

interface Initialiser {
  readonly place: Place;
  readonly value: Value;
  readonly node: t.Node;
}

export function lowerMake(cx: Context, node: t.CallExpression): Value {
  const schema = schemaArgument(cx, node, 0);
  if (schema.kind !== "struct" && schema.kind !== "array") {
    throw cx.error("COMPILE_TYPE", "make takes a struct or an array: a number is a const or a let", node);
  }
  if (schema.size > STACK) {
    throw cx.error(
      "COMPILE_STACK",
      `${schemaName(schema)} has ${schema.size} bytes, and the stack ${STACK}: keep it in a map`,
      node,
    );
  }
  const initial = node.arguments[1];
  const relative: Place = {
    kind: "reference",
    base: -1,
    offset: 0,
    schema,
    nullable: false,
    memory: "stack",
    align: 8,
    depth: cx.loopDepth,
  };
  // All values first: they may read what the slot held in the round before.
  const fields = initial ? initialisers(cx, relative, initial) : [];
  const base = cx.builder.slot(schema.size, schemaName(schema));
  storeKnown(cx, base, knownBytes(schema, fields));
  for (const field of fields) {
    if (constantOf(field) === undefined) write(cx, { ...field.place, base }, field.value, field.node);
  }
  return { ...relative, base };
}

/** The values for the fields named in an object (or the elements listed), those of nested ones included. */
function initialisers(cx: Context, place: Place, wrapped: t.Node): Initialiser[] {
  const node = bare(wrapped);
  if (place.schema.kind === "array" && node.type === "ArrayExpression") {
    return node.elements.flatMap((element, i) => {
      if (!element || element.type === "SpreadElement") {
        throw cx.error("COMPILE_SPREAD", "every element is written out", node);
      }
      return initialiser(cx, elementOf(cx, place, constantNumber(i), element), element);
    });
  }
  if (place.schema.kind !== "struct" || node.type !== "ObjectExpression") {
    throw cx.error("COMPILE_ARGUMENTS", "the fields are given as { field: value, … }", node);
  }
  return node.properties.flatMap((property) => {
    if (property.type !== "ObjectProperty" || property.computed) {
      throw cx.error(
        property.type === "SpreadElement" ? "COMPILE_SPREAD" : "COMPILE_ARGUMENTS",
        "the fields are given one by one: { field: value, … }",
        property,
      );
    }
    const { key } = property;
    const name = key.type === "Identifier" ? key.name : key.type === "StringLiteral" ? key.value : "";
    return initialiser(cx, fieldOf(cx, place, name, key), property.value);
  });
}

function initialiser(cx: Context, place: Place, wrapped: t.Node): Initialiser[] {
  const node = bare(wrapped);
  if (
    node.type === "ObjectExpression" ||
    (node.type === "ArrayExpression" && place.schema.kind === "array")
  ) {
    return initialisers(cx, place, node);
  }
  const nested = node.type === "CallExpression" && nestedMake(cx, node, place.schema);
  if (nested) return nested === true ? [] : initialisers(cx, place, nested);
  return [{ place, value: lower(cx, node), node }];
}

/** Of `make(S, {…})` for a field of schema S: the object, or true if there is none. No second slot is needed for it. */
function nestedMake(cx: Context, node: t.CallExpression, schema: Schema): t.Node | true | undefined {
  if (node.callee.type !== "Identifier" || cx.scopes.find(node.callee.name)) return undefined;
  const callee = cx.shared.program.entity(cx.module, node.callee.name);
  const lowering = callee?.kind === "value" ? loweringOf(callee.value) : undefined;
  if (lowering?.kind !== "special" || lowering.name !== "make") return undefined;
  if (node.arguments.length === 0 || !sameSchema(schemaArgument(cx, node, 0), schema)) return undefined;
  return node.arguments[1] ?? true;
}

/**
 * The bytes of a new struct that are known: zero where no initialiser is, and those of constant initialisers
 * (little-endian, as all memory). The rest is undefined here.
 */
function knownBytes(schema: Schema, fields: readonly Initialiser[]): (number | undefined)[] {
  const bytes: (number | undefined)[] = new Array(schema.size).fill(0);
  for (const each of fields) {
    const { offset, schema: field } = each.place;
    const constant = constantOf(each);
    for (let i = 0; i < field.size; i++) {
      bytes[offset + i] = constant === undefined ? undefined : Number((constant >> BigInt(8 * i)) & 0xffn);
    }
  }
  return bytes;
}

/** What memory holds of a constant initialiser of a scalar. */
function constantOf({ place, value }: Initialiser): bigint | undefined {
  if (place.schema.kind !== "scalar" || (value.kind !== "number" && value.kind !== "u64")) return undefined;
  if ((value.kind === "u64") !== (place.schema.size === 8) || !("value" in value.operand)) return undefined;
  const bits = place.schema.size * 8;
  const low = BigInt.asUintN(bits, value.operand.value);
  return place.schema.bigEndian ? swapped(low, bits) : low;
}

/** Stores what is known in the largest aligned steps. */
function storeKnown(cx: Context, base: Reg, bytes: readonly (number | undefined)[]): void {
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] === undefined) {
      at++;
      continue;
    }
    const { size, value } = stepAt(bytes, at);
    cx.builder.store(size, base, at, constant(value));
    at += size;
  }
}

/** The largest aligned store at `at` of known bytes only; of 8 bytes only if an instruction can hold them. */
function stepAt(bytes: readonly (number | undefined)[], at: number): { size: Size; value: bigint } {
  for (const size of [8, 4, 2] as const) {
    const part = bytes.slice(at, at + size);
    if (at % size !== 0 || part.length < size || part.includes(undefined)) continue;
    const value = part.reduceRight<bigint>((sum, byte) => (sum << 8n) | BigInt(byte!), 0n);
    if (size < 8 || BigInt.asIntN(32, value) === BigInt.asIntN(64, value)) return { size, value };
  }
  return { size: 1, value: BigInt(bytes[at]!) };
}
