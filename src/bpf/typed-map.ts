import type { MapDefinition } from "./map.ts";
import type { MapHandle } from "./map-handle.ts";
import { decode, decodeFrom, encode, type Plain, type PlainInput } from "./schema/codec.ts";
import type { Infer, Schema } from "./schema/types.ts";
import { viewOf } from "./schema/view.ts";

/** A map definition whose schemas are known to TypeScript: what the map constructors give. */
export interface TypedDefinition<K extends Schema, V extends Schema> extends MapDefinition {
  readonly key: K;
  readonly value: V;
}

/** A map handle that speaks plain values: what user space reads and writes, in a kernel or in the simulator. */
export class TypedMap<K extends Schema, V extends Schema> {
  readonly handle: MapHandle;
  readonly #key: K;
  readonly #value: V;
  #memory: DataView | undefined;

  constructor(map: TypedDefinition<K, V>, handle: MapHandle) {
    this.handle = handle;
    this.#key = map.key;
    this.#value = map.value;
  }

  /** A copy of the value, or null; of a per-CPU map that of CPU 0. */
  get(key: PlainInput<K>): Plain<V> | null {
    const bytes = this.handle.lookup(encode(this.#key, key));
    return bytes === null ? null : decode(this.#value, bytes);
  }

  /** Copies of the values of all CPUs, CPU 0 first, or null. */
  getCpus(key: PlainInput<K>): Plain<V>[] | null {
    const bytes = this.handle.lookup(encode(this.#key, key));
    return bytes === null ? null : this.#cpus(new DataView(bytes.buffer, bytes.byteOffset), 0);
  }

  /** Puts a value there (of a per-CPU map: on every CPU); fields left out are zero. Fails as `MapHandle.update`. */
  set(key: PlainInput<K>, value: PlainInput<V>, flags = 0): void {
    this.handle.update(encode(this.#key, key), this.#encoded(value), flags);
  }

  /** Puts many values there in few system calls. Fails as `MapHandle.updateMany`. */
  setMany(entries: Iterable<readonly [PlainInput<K>, PlainInput<V>]>, flags = 0): void {
    const list = [...entries];
    const keys = new Uint8Array(list.length * this.handle.keySize);
    const values = new Uint8Array(list.length * this.handle.valueSize);
    for (const [i, [key, value]] of list.entries()) {
      keys.set(encode(this.#key, key), i * this.handle.keySize);
      values.set(this.#encoded(value), i * this.handle.valueSize);
    }
    this.handle.updateMany(keys, values, flags);
  }

  /** Whether there was one. */
  delete(key: PlainInput<K>): boolean {
    return this.handle.delete(encode(this.#key, key));
  }

  /** Copies of all elements, read in few system calls; of a per-CPU map with the values of CPU 0. */
  *entries(): Generator<[Plain<K>, Plain<V>]> {
    for (const [key, value, at] of this.#all()) yield [key, decodeFrom(this.#value, value, at) as Plain<V>];
  }

  /** As `entries`, with the values of all CPUs. */
  *entriesCpus(): Generator<[Plain<K>, Plain<V>[]]> {
    for (const [key, value, at] of this.#all()) yield [key, this.#cpus(value, at)];
  }

  /** Mappable arrays: a live view of element `index`; reads and writes go to the memory shared with the kernel. */
  at(index: number): Infer<V> {
    this.#memory ??= new DataView(this.handle.memory());
    return viewOf(this.#value, this.#memory, index * this.handle.stride);
  }

  *#all(): Generator<[key: Plain<K>, values: DataView, at: number]> {
    const { count, keys, values } = this.handle.readAll();
    const data = new DataView(values.buffer, values.byteOffset, values.byteLength);
    for (let i = 0; i < count; i++) {
      yield [decode(this.#key, keys, i * this.handle.keySize), data, i * this.handle.valueSize];
    }
  }

  #cpus(data: DataView, at: number): Plain<V>[] {
    const { cpus, stride } = this.handle;
    return Array.from(
      { length: cpus },
      (_, cpu) => decodeFrom(this.#value, data, at + cpu * stride) as Plain<V>,
    );
  }

  #encoded(value: PlainInput<V>): Uint8Array {
    const one = encode(this.#value, value);
    if (one.length === this.handle.valueSize) return one;
    const all = new Uint8Array(this.handle.valueSize);
    for (let cpu = 0; cpu < this.handle.cpus; cpu++) all.set(one, cpu * this.handle.stride);
    return all;
  }
}

/** A typed way to a map: `typedMap(connections, machine.map(connections))`, or with a handle of the loader. */
export function typedMap<K extends Schema, V extends Schema>(
  map: TypedDefinition<K, V>,
  handle: MapHandle,
): TypedMap<K, V> {
  return new TypedMap(map, handle);
}
