import { u32 } from "../schema/scalars.ts";
import { array } from "../schema/struct.ts";
import type { ArraySchema, Scalar } from "../schema/types.ts";
import { MapError } from "./errors.ts";
import { KernelMap } from "./kernel-map.ts";

/** A read-only table: in the kernel a frozen array map of one element, which holds the whole table. */
export class ConstantsTable<T extends number | bigint = number | bigint> extends KernelMap<
  Scalar<number>,
  ArraySchema<Scalar<T>>
> {
  readonly kind = "constants";
  readonly values: readonly T[];

  constructor(name: string, element: Scalar<T>, values: readonly T[]) {
    if (values.length === 0) throw new MapError(`constants ${name}: there are no values`);
    super("constants", { name, key: u32, value: array(element, values.length), entries: 1 });
    const bits = BigInt(element.size * 8);
    for (const [index, value] of values.entries()) {
      const wide = typeof value === "bigint" || Number.isSafeInteger(value) ? BigInt(value) : undefined;
      const low = element.signed ? -(1n << (bits - 1n)) : 0n;
      if (wide === undefined || wide < low || wide >= low + (1n << bits)) {
        throw new MapError(`constants ${name}: value ${index} is ${value}, which is not a ${element.name}`);
      }
    }
    this.values = Object.freeze([...values]);
  }

  /** The value at `index`; 0 when out of range. */
  at(index: number): T {
    return this.values[index] ?? ((this.value.element.size === 8 ? 0n : 0) as T);
  }
}

/** A read-only table of scalars. */
export function constants<T extends number | bigint>(
  name: string,
  element: Scalar<T>,
  values: readonly T[],
): ConstantsTable<T> {
  return new ConstantsTable(name, element, values);
}
