/** The types of kernel TypeScript. */
import type { Scalar, Schema } from "../../schema/types.ts";

/** Whole numbers low … high. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** An interval of u64 arithmetic, before wrapping. */
export interface WideInterval {
  readonly low: bigint;
  readonly high: bigint;
}

export type Type =
  | { readonly kind: "number"; readonly low: number; readonly high: number }
  | { readonly kind: "u64" }
  | { readonly kind: "boolean" }
  | { readonly kind: "reference"; readonly schema: Schema; readonly nullable: boolean }
  | { readonly kind: "packet" }
  | { readonly kind: "void" };

export const U8: Interval = { low: 0, high: 0xff };
export const U16: Interval = { low: 0, high: 0xffff };
export const U32: Interval = { low: 0, high: 0xffffffff };
export const S32: Interval = { low: -0x80000000, high: 0x7fffffff };
export const U64: WideInterval = { low: 0n, high: (1n << 64n) - 1n };

/** Types that annotations name without any declaration. */
export const NAMED_TYPES: Readonly<Record<string, Type>> = {
  u8: { kind: "number", ...U8 },
  u16: { kind: "number", ...U16 },
  u32: { kind: "number", ...U32 },
  s32: { kind: "number", ...S32 },
  u64: { kind: "u64" },
  boolean: { kind: "boolean" },
  void: { kind: "void" },
  Packet: { kind: "packet" },
};

/** The type that a value of this schema has: a scalar's number, otherwise a reference. */
export function typeOfSchema(schema: Schema): Type {
  if (schema.kind !== "scalar") return { kind: "reference", schema, nullable: false };
  return schema.size === 8 ? { kind: "u64" } : { kind: "number", ...intervalOf(schema) };
}

/** The numbers that a scalar of at most 4 bytes can hold. */
export function intervalOf(scalar: Scalar): Interval {
  if (scalar.signed) return S32;
  return scalar.size === 1 ? U8 : scalar.size === 2 ? U16 : U32;
}

export function within(inner: Interval, outer: Interval): boolean {
  return inner.low >= outer.low && inner.high <= outer.high;
}

export function withinWide(inner: WideInterval, outer: WideInterval): boolean {
  return inner.low >= outer.low && inner.high <= outer.high;
}

/** The type of a `let` without annotation: u32 or s32 where that holds the initialiser, else its own interval. */
export function widened(interval: Interval): Interval {
  const { low, high } = interval;
  return within(interval, U32) ? U32 : within(interval, S32) ? S32 : { low, high };
}

/** Two schemas that describe the same memory with the same names. */
export function sameSchema(a: Schema, b: Schema): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind || a.size !== b.size) return false;
  switch (a.kind) {
    case "scalar":
      return a.name === (b as Scalar).name;
    case "array":
      return b.kind === "array" && a.length === b.length && sameSchema(a.element, b.element);
    case "struct":
      return (
        b.kind === "struct" &&
        a.fields.length === b.fields.length &&
        a.fields.every((field, i) => {
          const other = b.fields[i]!;
          return (
            field.name === other.name &&
            field.offset === other.offset &&
            sameSchema(field.schema, other.schema)
          );
        })
      );
    default:
      return true;
  }
}

/** Whether memory of this schema has a timer or a lock in it, which must not be copied. */
export function holdsOpaque(schema: Schema): boolean {
  switch (schema.kind) {
    case "scalar":
      return false;
    case "array":
      return holdsOpaque(schema.element);
    case "struct":
      return schema.fields.some((field: { schema: Schema }) => holdsOpaque(field.schema));
    default:
      return true;
  }
}

/** A schema as messages name it. */
export function schemaName(schema: Schema): string {
  switch (schema.kind) {
    case "scalar":
      return schema.name;
    case "array":
      return `array(${schemaName(schema.element)}, ${schema.length})`;
    case "struct":
      return schema.name;
    default:
      return schema.kind;
  }
}

/** A type as messages name it. */
export function typeName(type: Type): string {
  switch (type.kind) {
    case "number":
      return intervalName(type);
    case "reference":
      return schemaName(type.schema) + (type.nullable ? " | null" : "");
    case "packet":
      return "Packet";
    default:
      return type.kind;
  }
}

/** `u8`, `u16`, `u32`, `s32`, or the bounds. */
export function intervalName(interval: Interval): string {
  for (const [name, type] of Object.entries(NAMED_TYPES)) {
    if (type.kind === "number" && type.low === interval.low && type.high === interval.high) return name;
  }
  return `${interval.low} … ${interval.high}`;
}
