import { SystemError } from "../../linux/errno.ts";
import type { MapDefinition } from "../map.ts";
import type { MapElements, MapHandle } from "../map-handle.ts";
import { dataViewOf } from "../schema/codec.ts";
import type { Store } from "./store.ts";

/** The failure of a map operation as the system call would give it; `result` is a negative errno. */
export function failure(command: string, map: MapDefinition, result: number, advice?: string): SystemError {
  return new SystemError(command, -result, {
    attempted: `on map ${map.name}`,
    ...(advice === undefined ? {} : { advice }),
  });
}

const EINVAL = 22;
const EOPNOTSUPP = 95;
const ENOENT = 2;

/** What the handles of all kinds of simulated maps have: operations that a kind lacks fail with EOPNOTSUPP. */
export abstract class SimulatedHandle implements MapHandle {
  readonly definition: MapDefinition;
  abstract readonly capacity: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly stride: number;
  readonly cpus: number;

  constructor(definition: MapDefinition, stride: number, cpus: number) {
    this.definition = definition;
    this.keySize = definition.key.size;
    this.stride = stride;
    this.cpus = cpus;
    const perCpu = definition.kind === "perCpuArray" || definition.kind === "perCpuHash";
    this.valueSize = perCpu ? stride * cpus : definition.value.size;
  }

  protected unsupported(command: string): never {
    throw failure(
      command,
      this.definition,
      -EOPNOTSUPP,
      `a ${this.definition.kind} map has no such operation`,
    );
  }

  /** Throws SystemError EINVAL unless `bytes` is `size` long. */
  protected check(bytes: Uint8Array, size: number, what: string): DataView {
    if (bytes.length !== size) {
      throw failure("bpf", this.definition, -EINVAL, `the ${what} takes ${size} bytes, not ${bytes.length}`);
    }
    return dataViewOf(bytes);
  }

  lookup(_key: Uint8Array): Uint8Array | null {
    return this.unsupported("BPF_MAP_LOOKUP_ELEM");
  }
  update(_key: Uint8Array, _value: Uint8Array, _flags?: number): void {
    this.unsupported("BPF_MAP_UPDATE_ELEM");
  }
  delete(_key: Uint8Array): boolean {
    return this.unsupported("BPF_MAP_DELETE_ELEM");
  }
  keys(): Iterable<Uint8Array> {
    return this.unsupported("BPF_MAP_GET_NEXT_KEY");
  }
  readAll(): MapElements {
    return this.unsupported("BPF_MAP_LOOKUP_BATCH");
  }
  updateMany(_keys: Uint8Array, _values: Uint8Array, _flags?: number): void {
    this.unsupported("BPF_MAP_UPDATE_BATCH");
  }
  deleteMany(_keys: Uint8Array): number {
    return this.unsupported("BPF_MAP_DELETE_BATCH");
  }
  memory(): ArrayBuffer {
    return this.unsupported("mmap");
  }
  createInner(_entries?: number): MapHandle {
    return this.unsupported("BPF_MAP_CREATE");
  }
  setInner(_key: Uint8Array, _inner: MapHandle, _flags?: number): void {
    this.unsupported("BPF_MAP_UPDATE_ELEM");
  }
  consume(_handler: (record: Uint8Array) => void): number {
    return this.unsupported("ring buffer read");
  }
  close(): void {}
}

/** User space's hold on a simulated map that has elements. */
export class StoreHandle extends SimulatedHandle {
  readonly capacity: number;
  readonly #store: Store;

  constructor(map: MapDefinition, store: Store) {
    super(map, store.stride, store.cpus);
    this.capacity = store.capacity;
    this.#store = store;
  }

  override lookup(key: Uint8Array): Uint8Array | null {
    const found = this.#store.find(this.check(key, this.keySize, "key"), 0, false);
    if (found === null) return null;
    const { values, value } = found;
    return new Uint8Array(values.buffer, values.byteOffset + value, this.valueSize).slice();
  }

  override update(key: Uint8Array, value: Uint8Array, flags = 0): void {
    const keys = this.check(key, this.keySize, "key");
    const values = this.check(value, this.valueSize, "value");
    const result = this.#store.put(keys, 0, values, 0, flags, "all");
    if (result < 0) throw failure("BPF_MAP_UPDATE_ELEM", this.definition, result);
  }

  override delete(key: Uint8Array): boolean {
    const result = this.#store.remove(this.check(key, this.keySize, "key"), 0);
    if (result < 0 && result !== -ENOENT) throw failure("BPF_MAP_DELETE_ELEM", this.definition, result);
    return result === 0;
  }

  override *keys(): Generator<Uint8Array> {
    for (const element of this.#store.elements()) {
      if (!this.#store.holds(element)) continue;
      const { keys, key } = element;
      yield new Uint8Array(keys.buffer, keys.byteOffset + key, this.keySize).slice();
    }
  }

  override readAll(): MapElements {
    const elements = this.#store.elements();
    const keys = new Uint8Array(elements.length * this.keySize);
    const values = new Uint8Array(elements.length * this.valueSize);
    for (const [i, element] of elements.entries()) {
      keys.set(new Uint8Array(element.keys.buffer, element.key, this.keySize), i * this.keySize);
      values.set(new Uint8Array(element.values.buffer, element.value, this.valueSize), i * this.valueSize);
    }
    return { count: elements.length, keys, values };
  }

  override updateMany(keys: Uint8Array, values: Uint8Array, flags = 0): void {
    const count = keys.length / this.keySize;
    const keyData = this.check(keys, Math.floor(count) * this.keySize, "list of keys");
    const valueData = this.check(values, count * this.valueSize, "list of values");
    for (let i = 0; i < count; i++) {
      const result = this.#store.put(keyData, i * this.keySize, valueData, i * this.valueSize, flags, "all");
      if (result < 0) throw failure("BPF_MAP_UPDATE_BATCH", this.definition, result);
    }
  }

  override deleteMany(keys: Uint8Array): number {
    const count = keys.length / this.keySize;
    const keyData = this.check(keys, Math.floor(count) * this.keySize, "list of keys");
    let gone = 0;
    for (let i = 0; i < count; i++) {
      const result = this.#store.remove(keyData, i * this.keySize);
      if (result < 0 && result !== -ENOENT) throw failure("BPF_MAP_DELETE_BATCH", this.definition, result);
      if (result === 0) gone += 1;
    }
    return gone;
  }

  override memory(): ArrayBuffer {
    const { memory } = this.#store;
    if (memory === undefined || !this.definition.mappable) return this.unsupported("mmap");
    return memory;
  }
}
