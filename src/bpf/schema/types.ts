/**
 * The types of schemas: values that describe memory, from which TypeScript types, C layout, BTF and views follow.
 * Sizes, offsets and alignments are in bytes.
 */

/** Kernel integers. Numbers are exact integers in the range of their name; u64 is a bigint. */
export type u8 = number;
export type u16 = number;
export type u32 = number;
export type s32 = number;
export type u64 = bigint;

export type ScalarName = "u8" | "u16" | "u32" | "s32" | "u64" | "u16be" | "u32be" | "u64be";

/** One integer. A big-endian scalar holds network byte order in memory and is an ordinary integer as a value. */
export interface Scalar<V extends number | bigint = number | bigint> {
  readonly kind: "scalar";
  readonly name: ScalarName;
  readonly size: 1 | 2 | 4 | 8;
  readonly align: 1 | 2 | 4 | 8;
  readonly signed: boolean;
  readonly bigEndian: boolean;
  /** Never present at run time: carries the value type. */
  readonly value?: V;
}

/** `struct bpf_timer` (16 bytes) or `struct bpf_spin_lock` (4 bytes): opaque, for the intrinsics only. */
export interface Opaque<K extends "timer" | "spinLock" = "timer" | "spinLock"> {
  readonly kind: K;
  readonly size: number;
  readonly align: number;
}

export interface ArraySchema<E extends Schema = Schema> {
  readonly kind: "array";
  readonly element: E;
  readonly length: number;
  readonly size: number;
  readonly align: number;
}

export interface Field<S extends Schema = Schema> {
  readonly name: string;
  readonly schema: S;
  /** From the start of the struct. */
  readonly offset: number;
}

export type Fields = { readonly [name: string]: Schema };

export interface Struct<F extends Fields = Fields> {
  readonly kind: "struct";
  readonly name: string;
  /** In order of declaration. */
  readonly fields: readonly Field[];
  readonly field: { readonly [K in keyof F]: Field<F[K]> };
  /** Including the padding at the end. */
  readonly size: number;
  readonly align: number;
}

export type Schema =
  | Scalar
  | Opaque
  // biome-ignore lint/suspicious/noExplicitAny: the recursive upper bound of the schema types
  | ArraySchema<any>
  // biome-ignore lint/suspicious/noExplicitAny: the recursive upper bound of the schema types
  | Struct<any>;

/** A fixed-length sequence in memory. Index it with a value that is provably in range. */
export interface Sequence<T> {
  readonly length: number;
  [index: number]: T;
}

/** The value type of a schema: number, bigint, or a view whose reads and writes go to the memory behind it. */
export type Infer<S> =
  S extends Scalar<infer V>
    ? V
    : S extends ArraySchema<infer E>
      ? Sequence<Infer<E>>
      : S extends Struct<infer F>
        ? { -readonly [K in keyof F]: Infer<F[K]> }
        : S extends Opaque<infer K>
          ? { readonly [opaque]: K }
          : never;

declare const opaque: unique symbol;

/** What `make(S, {…})` takes: any of the fields. */
export type Initial<S> = S extends Struct<infer F> ? { readonly [K in keyof F]?: Infer<F[K]> } : never;
