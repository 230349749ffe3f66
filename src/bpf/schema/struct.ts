import { SchemaError } from "./errors.ts";
import { u8 } from "./scalars.ts";
import type { ArraySchema, Field, Fields, Scalar, Schema, Struct } from "./types.ts";

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
const KINDS = new Set(["scalar", "timer", "spinLock", "array", "struct"]);

/** The largest schema, in bytes: what the kernel allows one allocation of a map value (KMALLOC_MAX_SIZE). */
const MAX_SIZE = 4 * 1024 * 1024;

/** Whether an evaluated value is a schema. */
export function isSchema(value: unknown): value is Schema {
  return typeof value === "object" &&
    value !== null &&
    KINDS.has((value as { kind?: unknown }).kind as string)
    ? typeof (value as { size?: unknown }).size === "number"
    : false;
}

function alignUp(offset: number, align: number): number {
  return Math.ceil(offset / align) * align;
}

/**
 * A struct in the layout of C: fields in the order given, each at the next multiple of its alignment, the whole padded
 * to a multiple of the largest alignment. Throws SchemaError for names that are not C identifiers and for no fields.
 */
export function struct<const F extends Fields>(name: string, fields: F): Struct<F> {
  if (!IDENTIFIER.test(name)) {
    throw new SchemaError(
      `"${name}" cannot name a struct: use letters, digits and _ (it becomes a C name in BTF)`,
    );
  }
  const list: Field[] = [];
  let end = 0;
  let align = 1;
  for (const [field, schema] of Object.entries(fields)) {
    if (!IDENTIFIER.test(field)) {
      throw new SchemaError(`struct ${name}: "${field}" cannot name a field: use letters, digits and _`);
    }
    if (!isSchema(schema)) throw new SchemaError(`struct ${name}: field ${field} is not a schema`);
    const offset = alignUp(end, schema.align);
    list.push(Object.freeze({ name: field, schema, offset }));
    end = offset + schema.size;
    align = Math.max(align, schema.align);
  }
  if (list.length === 0) throw new SchemaError(`struct ${name} has no fields`);
  const size = alignUp(end, align);
  if (size > MAX_SIZE)
    throw new SchemaError(`struct ${name} takes ${size} bytes; at most ${MAX_SIZE} are possible`);
  const field = Object.fromEntries(list.map((each) => [each.name, each])) as Struct<F>["field"];
  return Object.freeze({ kind: "struct", name, fields: Object.freeze(list), field, size, align });
}

/** `length` elements of one schema, one after the other. Throws SchemaError unless length is a positive integer. */
export function array<E extends Schema>(element: E, length: number): ArraySchema<E> {
  if (!isSchema(element)) throw new SchemaError("array: the element is not a schema");
  if (!Number.isSafeInteger(length) || length < 1) {
    throw new SchemaError(`array: the length must be a positive integer, not ${length}`);
  }
  if (element.kind === "timer" || element.kind === "spinLock") {
    throw new SchemaError(
      `array: a ${element.kind} cannot be an element; give it a field of its own in the map value`,
    );
  }
  const size = element.size * length;
  if (size > MAX_SIZE) throw new SchemaError(`array of ${size} bytes; at most ${MAX_SIZE} are possible`);
  return Object.freeze({ kind: "array", element, length, size, align: element.align });
}

/** `length` bytes. */
export function bytes(length: number): ArraySchema<Scalar<number>> {
  return array(u8, length);
}

/** Nothing, in 0 bytes: the key and value of a ring buffer. */
export const nothing: ArraySchema<Scalar<number>> = Object.freeze({
  kind: "array",
  element: u8,
  length: 0,
  size: 0,
  align: 1,
});
