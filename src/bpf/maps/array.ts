import { u32 } from "../schema/scalars.ts";
import type { Infer, Scalar, Schema } from "../schema/types.ts";
import { ANY } from "./flags.ts";
import { KernelMap } from "./kernel-map.ts";

export interface ArrayOptions<V extends Schema> {
  readonly value: V;
  /** The number of elements; all exist from the start, zeroed. */
  readonly entries: number;
  /** User space may map the memory and read and write it without system calls. Default false. */
  readonly mappable?: boolean;
}

type U32 = Scalar<number>;

/** Elements by index. Element i lies at i × (the value's size rounded up to 8) of the map's memory. */
export class ArrayMap<V extends Schema = Schema> extends KernelMap<U32, V> {
  readonly kind = "array";

  constructor(name: string, options: ArrayOptions<V>) {
    super("array", { name, key: u32, ...options });
  }

  /** A reference to element `index`, or null if there is none. */
  lookup(index: number): Infer<V> | null {
    return this.storage.lookup(index) as Infer<V> | null;
  }

  /**
   * A reference to element `index`, a constant below the number of entries: no lookup, never null. (The kernel gives
   * direct addresses only of maps with one entry; of others the compiler makes a lookup.)
   */
  at(index: number): Infer<V> {
    return this.storage.at(index) as Infer<V>;
  }

  /** Copies `value` into element `index`, in place. Returns 0, -7 (E2BIG: no such index), -17 (EEXIST, for NO_EXIST). */
  update(index: number, value: Infer<V>, flags: number = ANY): number {
    return this.storage.update(index, value, flags);
  }
}

/** Elements by index. */
export function arrayMap<V extends Schema>(name: string, options: ArrayOptions<V>): ArrayMap<V> {
  return new ArrayMap(name, options);
}

/** Elements by index, each with one value per CPU. */
export class PerCpuArrayMap<V extends Schema = Schema> extends KernelMap<U32, V> {
  readonly kind = "perCpuArray";

  constructor(name: string, options: Omit<ArrayOptions<V>, "mappable">) {
    super("perCpuArray", { name, key: u32, ...options });
  }

  /** A reference to this CPU's value of element `index`, or null if there is none. */
  lookup(index: number): Infer<V> | null {
    return this.storage.lookup(index) as Infer<V> | null;
  }

  /** A reference to the value of `cpu`, or null (also for a CPU that does not exist). */
  lookupOn(index: number, cpu: number): Infer<V> | null {
    return this.storage.lookupOn(index, cpu) as Infer<V> | null;
  }

  /** Copies `value` into this CPU's value of element `index`. Returns as the update of an array map. */
  update(index: number, value: Infer<V>, flags: number = ANY): number {
    return this.storage.update(index, value, flags);
  }
}

/** Elements by index, each with one value per CPU. */
export function perCpuArrayMap<V extends Schema>(
  name: string,
  options: Omit<ArrayOptions<V>, "mappable">,
): PerCpuArrayMap<V> {
  return new PerCpuArrayMap(name, options);
}
