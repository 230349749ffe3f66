/** Lowers `make(S, { field: value, … })`: a stack slot, zeroed where no field is set. */
import type * as t from "@babel/types";
import { loweringOf } from "../../intrinsic.ts";
import type { Size } from "../../ir.ts";
import type { Schema } from "../../schema/types.ts";
import { constant } from "./builder.ts";
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
  zero(cx, base, schema, fields);
  for (const { place, value, node: at } of fields) write(cx, { ...place, base }, value, at);
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

/** Zeroes what no initialiser covers. */
function zero(cx: Context, base: number, schema: Schema, fields: readonly Initialiser[]): void {
  const covered = new Uint8Array(schema.size);
  for (const { place } of fields) covered.fill(1, place.offset, place.offset + place.schema.size);
  for (let at = 0; at < schema.size; ) {
    if (covered[at]) {
      at++;
      continue;
    }
    const step = stepAt(covered, at);
    cx.builder.store(step, base, at, constant(0));
    at += step;
  }
}

/** The largest aligned store at `at` that touches no covered byte. */
function stepAt(covered: Uint8Array, at: number): Size {
  for (const step of [8, 4, 2] as const) {
    if (at % step === 0 && at + step <= covered.length && !covered.subarray(at, at + step).includes(1)) {
      return step;
    }
  }
  return 1;
}
