import type { Infer, Schema } from "../schema/types.ts";
import { ANY } from "./flags.ts";
import { KernelMap } from "./kernel-map.ts";

export interface HashOptions<K extends Schema, V extends Schema> {
  readonly key: K;
  readonly value: V;
  /** The most elements it can hold. */
  readonly entries: number;
  /** Take the memory at creation (default) or when elements come. */
  readonly preallocate?: boolean;
}

/** Elements by key. */
export class HashMap<K extends Schema = Schema, V extends Schema = Schema> extends KernelMap<K, V> {
  readonly kind: "hash" | "lruHash";

  constructor(kind: "hash" | "lruHash", name: string, options: HashOptions<K, V>) {
    super(kind, { name, ...options });
    this.kind = kind;
  }

  /** A reference to the element's value (writes go to the map), or null. */
  lookup(key: Infer<K>): Infer<V> | null {
    return this.storage.lookup(key) as Infer<V> | null;
  }

  /**
   * Puts a copy of `value` under `key`. `flags`: ANY, NO_EXIST (only if there is none), EXIST (only if there is one).
   * Returns 0, -7 (E2BIG: full), -17 (EEXIST), -2 (ENOENT) or -12 (ENOMEM). References to a value it replaces keep
   * referring to the old memory, which the map no longer holds.
   */
  update(key: Infer<K>, value: Infer<V>, flags: number = ANY): number {
    return this.storage.update(key, value, flags);
  }

  /** Returns 0 or -2 (ENOENT). A timer in the value is cancelled. */
  delete(key: Infer<K>): number {
    return this.storage.delete(key);
  }
}

/** Elements by key; full means E2BIG. */
export function hashMap<K extends Schema, V extends Schema>(
  name: string,
  options: HashOptions<K, V>,
): HashMap<K, V> {
  return new HashMap("hash", name, options);
}

/** Elements by key; when full, elements that were not used for long make room. */
export function lruHashMap<K extends Schema, V extends Schema>(
  name: string,
  options: Omit<HashOptions<K, V>, "preallocate">,
): HashMap<K, V> {
  return new HashMap("lruHash", name, options);
}

/** Elements by key, each with one value per CPU. */
export class PerCpuHashMap<K extends Schema = Schema, V extends Schema = Schema> extends KernelMap<K, V> {
  readonly kind = "perCpuHash";

  constructor(name: string, options: HashOptions<K, V>) {
    super("perCpuHash", { name, ...options });
  }

  /** A reference to this CPU's value, or null. */
  lookup(key: Infer<K>): Infer<V> | null {
    return this.storage.lookup(key) as Infer<V> | null;
  }

  /** A reference to the value of `cpu`, or null (also for a CPU that does not exist). */
  lookupOn(key: Infer<K>, cpu: number): Infer<V> | null {
    return this.storage.lookupOn(key, cpu) as Infer<V> | null;
  }

  /** Sets this CPU's value; a new element has zeroes on the others. Returns as the update of a hash map. */
  update(key: Infer<K>, value: Infer<V>, flags: number = ANY): number {
    return this.storage.update(key, value, flags);
  }

  /** Returns 0 or -2 (ENOENT). */
  delete(key: Infer<K>): number {
    return this.storage.delete(key);
  }
}

/** Elements by key, each with one value per CPU. */
export function perCpuHashMap<K extends Schema, V extends Schema>(
  name: string,
  options: HashOptions<K, V>,
): PerCpuHashMap<K, V> {
  return new PerCpuHashMap(name, options);
}
