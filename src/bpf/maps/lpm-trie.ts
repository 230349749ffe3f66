import type { Infer, Schema, Struct } from "../schema/types.ts";
import { ANY } from "./flags.ts";
import { KernelMap } from "./kernel-map.ts";

export interface LpmTrieOptions<K extends Struct, V extends Schema> {
  /** A struct of a u32 (prefix length in bits) and the data, most significant bit first (network byte order). */
  readonly key: K;
  readonly value: V;
  readonly entries: number;
}

/** Elements by prefix; a lookup finds the longest prefix of its key. */
export class LpmTrieMap<K extends Struct = Struct, V extends Schema = Schema> extends KernelMap<K, V> {
  readonly kind = "lpmTrie";

  constructor(name: string, options: LpmTrieOptions<K, V>) {
    super("lpmTrie", { name, preallocate: false, ...options });
  }

  /** The value of the longest prefix that covers the key's data and is not longer than the key's prefix length. */
  lookup(key: Infer<K>): Infer<V> | null {
    return this.storage.lookup(key) as Infer<V> | null;
  }

  /** Returns 0, -28 (ENOSPC: full), -17 (EEXIST), -2 (ENOENT) or -22 (EINVAL: prefix longer than the data). */
  update(key: Infer<K>, value: Infer<V>, flags: number = ANY): number {
    return this.storage.update(key, value, flags);
  }

  /** Deletes exactly this prefix. Returns 0, -2 (ENOENT) or -22 (EINVAL). */
  delete(key: Infer<K>): number {
    return this.storage.delete(key);
  }
}

/** Elements by prefix; a lookup finds the longest prefix of its key. */
export function lpmTrieMap<K extends Struct, V extends Schema>(
  name: string,
  options: LpmTrieOptions<K, V>,
): LpmTrieMap<K, V> {
  return new LpmTrieMap(name, options);
}
