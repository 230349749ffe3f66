import { intrinsic } from "../intrinsic.ts";
import { encodeInto } from "../schema/codec.ts";
import { SchemaError } from "../schema/errors.ts";
import type { ArraySchema, Infer, Initial, Schema, Struct } from "../schema/types.ts";
import { copyView, newView } from "../schema/view.ts";
import { placeOf } from "../schema/view-base.ts";
import { special } from "./lower.ts";

/** A new zeroed S on the stack, with the given fields set. In the kernel a stack has 512 bytes in all. */
export const make = intrinsic(
  special("make"),
  <S extends Struct | ArraySchema>(schema: S, initial?: Initial<S>): Infer<S> => {
    const view = newView(schema);
    if (initial !== undefined) {
      const { data, at } = placeOf(view);
      encodeInto(schema, data, at, initial);
    }
    return view;
  },
);

/** Copies what `source` refers to over what `target` refers to; both are of the same schema. */
export const copy = intrinsic(special("copy"), <V extends object>(target: V, source: V): void => {
  copyView(target, source);
});

/** The size of a schema in bytes, with the padding at its end: a constant. */
export const sizeOf = intrinsic(special("sizeOf"), (schema: Schema): number => schema.size);

/** Where a field starts, in bytes from the start of the struct: a constant. */
export const offsetOf = intrinsic(
  special("offsetOf"),
  <S extends Struct>(schema: S, field: keyof S["field"] & string): number => {
    const found = schema.field[field];
    if (found === undefined) throw new SchemaError(`struct ${schema.name} has no field ${field}`);
    return found.offset;
  },
);

/** The value of a field, read anew (never merged with another read of it). */
export const readOnce = intrinsic(
  special("readOnce"),
  <V extends object, F extends keyof V & string>(view: V, field: F): V[F] => view[field],
);
