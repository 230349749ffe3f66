/** Plain values to bytes and back: what user space reads and writes through system calls. */
import { SchemaError } from "./errors.ts";
import { copyMemory } from "./memory.ts";
import { READ, WRITE } from "./scalar-access.ts";
import type { ArraySchema, Opaque, Scalar, Schema, Struct } from "./types.ts";
import { isView, placeOf, SCHEMA, sameLayout } from "./view-base.ts";

/** A copy of what memory holds: numbers, bigints, arrays, objects. Timers and locks are left out. */
export type Plain<S> =
  S extends Scalar<infer V>
    ? V
    : S extends ArraySchema<infer E>
      ? Plain<E>[]
      : S extends Struct<infer F>
        ? { [K in keyof F as F[K] extends Opaque ? never : K]: Plain<F[K]> }
        : never;

/** What can be encoded: fields left out are zero, arrays may be shorter, views stand for their contents. */
export type PlainInput<S> =
  S extends Scalar<infer V>
    ? V
    : S extends ArraySchema<infer E>
      ? ArrayLike<PlainInput<E>>
      : S extends Struct<infer F>
        ? { readonly [K in keyof F as F[K] extends Opaque ? never : K]?: PlainInput<F[K]> }
        : never;

/** A DataView over the same memory. */
export function dataViewOf(memory: ArrayBufferLike | ArrayBufferView): DataView {
  return ArrayBuffer.isView(memory)
    ? new DataView(memory.buffer, memory.byteOffset, memory.byteLength)
    : new DataView(memory);
}

/** A plain copy of the S that lies `offset` bytes into `memory`. Throws RangeError if it does not lie there whole. */
export function decode<S extends Schema>(
  schema: S,
  memory: ArrayBufferLike | ArrayBufferView,
  offset = 0,
): Plain<S> {
  return decodeFrom(schema, dataViewOf(memory), offset) as Plain<S>;
}

/** As `decode`, from a DataView. */
export function decodeFrom(schema: Schema, data: DataView, at: number): unknown {
  switch (schema.kind) {
    case "scalar":
      return READ[schema.name](data, at);
    case "array": {
      const { element, length } = schema as ArraySchema;
      const values = new Array<unknown>(length);
      for (let i = 0; i < length; i++) values[i] = decodeFrom(element, data, at + i * element.size);
      return values;
    }
    case "struct": {
      const values: Record<string, unknown> = {};
      for (const field of (schema as Struct).fields) {
        if (field.schema.kind === "timer" || field.schema.kind === "spinLock") continue;
        values[field.name] = decodeFrom(field.schema, data, at + field.offset);
      }
      return values;
    }
    default:
      return undefined;
  }
}

/** The bytes of a plain value. Throws SchemaError for fields that the schema does not have. */
export function encode<S extends Schema>(schema: S, value: PlainInput<S>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(schema.size);
  encodeInto(schema, new DataView(bytes.buffer), 0, value);
  return bytes;
}

/** Writes a plain value (or a copy of a view) into memory. What an object leaves out stays as it is. */
export function encodeInto(schema: Schema, data: DataView, at: number, value: unknown): void {
  if (schema.kind === "scalar") {
    WRITE[schema.name](data, at, value as never);
  } else if (isView(value) || (ArrayBuffer.isView(value) && value.byteLength === schema.size)) {
    copyInto(schema, data, at, value);
  } else if (typeof value !== "object" || value === null) {
    throw new SchemaError(`${describe(schema)} cannot be made from ${String(value)}`);
  } else if (schema.kind === "array") {
    const { element, length } = schema as ArraySchema;
    const list = value as ArrayLike<unknown>;
    if (!(list.length <= length)) {
      throw new SchemaError(`${describe(schema)} has ${length} elements; ${list.length} do not fit`);
    }
    for (let i = 0; i < list.length; i++) encodeInto(element, data, at + i * element.size, list[i]);
  } else if (schema.kind === "struct") {
    for (const [name, each] of Object.entries(value)) {
      const field = (schema as Struct).field[name];
      if (field === undefined) throw new SchemaError(`${describe(schema)} has no field ${name}`);
      if (each !== undefined) encodeInto(field.schema, data, at + field.offset, each);
    }
  }
}

/** Copies the memory behind a reference. Throws SchemaError if it is of another layout. */
export function copyInto(schema: Schema, data: DataView, at: number, source: unknown): void {
  const place = placeOf(source);
  const from = isView(source) ? source[SCHEMA] : undefined;
  if (place.size !== schema.size || (from !== undefined && !sameLayout(from, schema))) {
    throw new SchemaError(
      `${describe(schema)} cannot take a copy of ${from ? describe(from) : "another length"}`,
    );
  }
  copyMemory(data, at, place.data, place.at, schema.size);
}

/** How messages call a schema. */
export function describe(schema: Schema): string {
  if (schema.kind === "struct") return `struct ${schema.name}`;
  if (schema.kind === "array") return `array(${describe(schema.element)}, ${schema.length})`;
  return schema.kind === "scalar" ? schema.name : schema.kind;
}
