import { SchemaError } from "./errors.ts";
import type { Schema } from "./types.ts";

/** Where a view lies: the memory, and the offset of its first byte there. */
export const DATA: unique symbol = Symbol("view.data");
export const START: unique symbol = Symbol("view.start");
/** On the prototype: the schema of the view's class. */
export const SCHEMA: unique symbol = Symbol("view.schema");
/** Views of nested structs and arrays, made when first asked for, by position. */
export const NESTED: unique symbol = Symbol("view.nested");

export interface View {
  [DATA]: DataView;
  readonly [START]: number;
  readonly [SCHEMA]: Schema;
  [NESTED]: (View | ArrayBufferView)[] | undefined;
}

export function isView(value: unknown): value is View {
  return typeof value === "object" && value !== null && SCHEMA in value;
}

/** The bytes behind a reference. */
export interface Place {
  readonly data: DataView;
  readonly at: number;
  readonly size: number;
}

/** The bytes behind a view (or behind the typed array that serves as the view of a scalar array). */
export function placeOf(reference: unknown): Place {
  if (isView(reference)) {
    return { data: reference[DATA], at: reference[START], size: reference[SCHEMA].size };
  }
  if (ArrayBuffer.isView(reference)) {
    const { buffer, byteOffset, byteLength } = reference;
    return { data: new DataView(buffer, byteOffset, byteLength), at: 0, size: byteLength };
  }
  throw new SchemaError("this is not a reference to memory: make one with make(Schema)");
}

/** Whether memory of one schema may be copied to the other: the same schema, or arrays of the same elements. */
export function sameLayout(a: Schema, b: Schema): boolean {
  if (a === b) return true;
  if (a.kind === "array" && b.kind === "array")
    return a.length === b.length && sameLayout(a.element, b.element);
  return a.kind === "scalar" && b.kind === "scalar" && a.name === b.name;
}
