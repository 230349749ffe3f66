import { SchemaError } from "../schema/errors.ts";
import type { Infer, Opaque, Scalar, ScalarName } from "../schema/types.ts";
import { DATA, isView, SCHEMA, START } from "../schema/view-base.ts";

type NamesOf<V, T> = { [F in keyof V]: V[F] extends T ? F : never }[keyof V] & string;

/** The names of the fields that hold numbers or u64. */
export type ScalarField<V> = NamesOf<V, number | bigint>;
/** The names of the timers among the fields. */
export type TimerField<V> = NamesOf<V, Infer<Opaque<"timer">>>;
/** The names of the locks among the fields. */
export type LockField<V> = NamesOf<V, Infer<Opaque<"spinLock">>>;

/** Where a field of a view lies. */
export interface FieldPlace {
  readonly data: DataView;
  readonly at: number;
}

/** Where the field `name` of a struct's view lies. Throws SchemaError unless it is of the kind wanted. */
export function fieldPlace(view: unknown, name: string, kind: "scalar" | "timer" | "spinLock"): FieldPlace {
  const schema = isView(view) ? view[SCHEMA] : undefined;
  const field = schema?.kind === "struct" ? schema.field[name] : undefined;
  if (!isView(view) || field?.schema.kind !== kind)
    throw new SchemaError(`${name} is not a ${kind} of this view`);
  return { data: view[DATA], at: view[START] + field.offset };
}

const ATOMIC: readonly ScalarName[] = ["u32", "s32", "u64"];

/** Throws SchemaError unless the field can be changed atomically: a u32, s32 or u64 in native byte order. */
export function checkAtomic(view: unknown, name: string): void {
  const schema = isView(view) ? view[SCHEMA] : undefined;
  const field = schema?.kind === "struct" ? (schema.field[name]?.schema as Scalar | undefined) : undefined;
  if (field?.kind !== "scalar" || !ATOMIC.includes(field.name)) {
    throw new SchemaError(`${name} cannot be changed atomically: only u32, s32 and u64 fields can`);
  }
}
