/**
 * How an intrinsic (a function that kernel TypeScript may call besides kernel functions) tells the compiler what it
 * becomes. The function itself is its simulator implementation; the lowering hangs on it under INTRINSIC.
 */

export const INTRINSIC: unique symbol = Symbol.for("bpf.intrinsic");

/**
 * What the kernel passes to a callback in one register: the function's parameters are the registers that are not
 * "ignored", in order.
 */
export type CallbackArgument =
  | "ignored"
  /** A number, by value. */
  | "value"
  /** The address of a key: of a scalar key the parameter is the value there, of others a reference. */
  | "key"
  /** The address of memory: the parameter is a reference. */
  | "reference";

/** One argument register of a helper call (R1…R5, in order). */
export type HelperArgument =
  /** The packet context. */
  | { readonly from: "packet"; readonly argument: number }
  /** A number or u64, by value. */
  | { readonly from: "value"; readonly argument: number }
  /** A reference to memory (or null if `nullable`). */
  | { readonly from: "reference"; readonly argument: number; readonly nullable?: boolean }
  /** The size in bytes of the memory that argument refers to. */
  | { readonly from: "size"; readonly argument: number }
  /** A number of bytes at the start of the memory that argument `of` refers to; all of it if the argument is left out. */
  | { readonly from: "length"; readonly argument: number; readonly of: number }
  /** The map (a value of the program, not a register). */
  | { readonly from: "map"; readonly argument: number }
  /** Address of a kernel function; the kernel calls it with `receives` in R1, R2, … */
  | { readonly from: "function"; readonly argument: number; readonly receives: readonly CallbackArgument[] }
  /** Address of the field named by the string argument `field` of the reference argument. */
  | { readonly from: "field"; readonly argument: number; readonly field: number }
  | { readonly from: "constant"; readonly value: number };

export interface HelperLowering {
  readonly kind: "helper";
  /** Helper number and name as in the kernel's UAPI. */
  readonly id: number;
  readonly name: string;
  readonly args: readonly HelperArgument[];
  readonly returns: "void" | "u32" | "s32" | "u64";
  readonly invalidatesPackets: boolean;
  readonly pure: boolean;
}

/** Lowered by the front end itself, by name (make, sizeOf, atomics, swap…). */
export interface SpecialLowering {
  readonly kind: "special";
  readonly name: string;
}

export type Lowering = HelperLowering | SpecialLowering;

/** Attaches a lowering to a simulator implementation. */
export function intrinsic<F extends (...args: never[]) => unknown>(lowering: Lowering, simulate: F): F {
  return Object.assign(simulate, { [INTRINSIC]: lowering });
}

/** The lowering of a value, if it is an intrinsic. */
export function loweringOf(value: unknown): Lowering | undefined {
  return typeof value === "function" ? (value as { [INTRINSIC]?: Lowering })[INTRINSIC] : undefined;
}
