/** Atomic changes of u32 and u64 fields; a u32 wraps at 2³², a u64 at 2⁶⁴. */
import { intrinsic } from "../intrinsic.ts";
import { checkAtomic, type ScalarField } from "./fields.ts";
import { special } from "./lower.ts";

type Numbers = Record<string, number | bigint>;

function exchange(
  view: object,
  field: string,
  next: (old: number | bigint) => number | bigint,
): number | bigint {
  checkAtomic(view, field);
  const fields = view as Numbers;
  const old = fields[field] as number | bigint;
  fields[field] = next(old);
  return old;
}

function sum(a: number | bigint, b: number | bigint): number | bigint {
  return typeof a === "bigint" ? a + (b as bigint) : a + (b as number);
}

/** Adds `amount`. */
export const atomicAdd = intrinsic(
  special("atomicAdd"),
  <V extends object, F extends ScalarField<V>>(view: V, field: F, amount: V[F] & (number | bigint)): void => {
    exchange(view, field, (old) => sum(old, amount));
  },
);

/** Adds `amount`; returns what was there before. */
export const atomicFetchAdd = intrinsic(
  special("atomicFetchAdd"),
  <V extends object, F extends ScalarField<V>>(view: V, field: F, amount: V[F] & (number | bigint)): V[F] =>
    exchange(view, field, (old) => sum(old, amount)) as V[F],
);

/** Puts `value` there; returns what was there before. */
export const atomicExchange = intrinsic(
  special("atomicExchange"),
  <V extends object, F extends ScalarField<V>>(view: V, field: F, value: V[F] & (number | bigint)): V[F] =>
    exchange(view, field, () => value) as V[F],
);

/** Puts `value` there if `expected` was there; returns what was there before. */
export const atomicCompareExchange = intrinsic(
  special("atomicCompareExchange"),
  <V extends object, F extends ScalarField<V>>(
    view: V,
    field: F,
    expected: V[F] & (number | bigint),
    value: V[F] & (number | bigint),
  ): V[F] => exchange(view, field, (old) => (old === expected ? value : old)) as V[F],
);
