import { u32 } from "../schema/scalars.ts";
import type { Infer, Scalar, Schema } from "../schema/types.ts";
import { MapError } from "./errors.ts";
import { bindMap, KernelMap } from "./kernel-map.ts";

type U32 = Scalar<number>;

const INNER = new Set(["hash", "lruHash", "array", "perCpuArray", "perCpuHash", "lpmTrie"]);

function checkInner(name: string, inner: KernelMap): void {
  if (!INNER.has(inner.kind)) throw new MapError(`map ${name}: a ${inner.kind} cannot be an inner map`);
  if (inner.value.kind === "struct" && inner.value.fields.some(({ schema }) => schema.kind === "spinLock")) {
    throw new MapError(`map ${name}: inner maps cannot hold locks`);
  }
}

/** Maps by index. User space puts the inner maps in. */
export class ArrayOfMaps<M extends KernelMap = KernelMap> extends KernelMap<U32, U32> {
  readonly kind = "arrayOfMaps";
  readonly inner: M;

  constructor(name: string, options: { readonly inner: M; readonly entries: number }) {
    super("arrayOfMaps", { name, key: u32, value: u32, entries: options.entries });
    checkInner(name, options.inner);
    this.inner = options.inner;
  }

  /** The map at `index`, or null if there is none. */
  lookupMap(index: number): M | null {
    const storage = this.storage.lookupMap(index);
    return storage === null ? null : bindMap(this.inner, storage);
  }
}

/** Maps by index; `inner` is a template: the inner maps have its kind, key and value. */
export function arrayOfMaps<M extends KernelMap>(
  name: string,
  options: { readonly inner: M; readonly entries: number },
): ArrayOfMaps<M> {
  return new ArrayOfMaps(name, options);
}

export interface HashOfMapsOptions<K extends Schema, M extends KernelMap> {
  readonly key: K;
  readonly inner: M;
  readonly entries: number;
}

/** Maps by key. User space puts the inner maps in. */
export class HashOfMaps<K extends Schema = Schema, M extends KernelMap = KernelMap> extends KernelMap<
  K,
  U32
> {
  readonly kind = "hashOfMaps";
  readonly inner: M;

  constructor(name: string, options: HashOfMapsOptions<K, M>) {
    super("hashOfMaps", { name, key: options.key, value: u32, entries: options.entries });
    checkInner(name, options.inner);
    this.inner = options.inner;
  }

  /** The map under `key`, or null if there is none. */
  lookupMap(key: Infer<K>): M | null {
    const storage = this.storage.lookupMap(key);
    return storage === null ? null : bindMap(this.inner, storage);
  }
}

/** Maps by key; `inner` is a template: the inner maps have its kind, key and value. */
export function hashOfMaps<K extends Schema, M extends KernelMap>(
  name: string,
  options: HashOfMapsOptions<K, M>,
): HashOfMaps<K, M> {
  return new HashOfMaps(name, options);
}
