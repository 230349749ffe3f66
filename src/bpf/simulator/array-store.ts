import { encodeInto } from "../schema/codec.ts";
import type { TimerWheel } from "./current.ts";
import * as store from "./store.ts";
import { type Cpus, type Element, roundUp8, type Store, type StoreOptions, ValueCopier } from "./store.ts";

/** Arrays of all kinds, and constants: one piece of memory, element after element, as a mapped kernel array has it. */
export class ArrayStore implements Store {
  readonly cpus: number;
  readonly stride: number;
  readonly capacity: number;
  readonly memory: ArrayBuffer;
  readonly #values: DataView;
  readonly #frozen: boolean;
  readonly #copier: ValueCopier;
  readonly #timers: TimerWheel;
  #keys: DataView | undefined;

  constructor({ map, entries, cpus, timers }: StoreOptions) {
    this.cpus = map.kind === "perCpuArray" ? cpus : 1;
    this.stride = roundUp8(map.value.size);
    this.capacity = entries;
    this.memory = new ArrayBuffer(this.stride * this.cpus * entries);
    this.#values = new DataView(this.memory);
    this.#copier = new ValueCopier(map.value);
    this.#timers = timers;
    this.#frozen = map.kind === "constants";
    if (map.values !== undefined) encodeInto(map.value, this.#values, 0, map.values);
  }

  find(keys: DataView, key: number): Element | null {
    const index = keys.getUint32(key, true);
    return index < this.capacity ? this.element(index) : null;
  }

  /** The element at an index that is in range. */
  element(index: number): Element {
    return {
      keys: this.#indexes(),
      key: index * 4,
      values: this.#values,
      value: index * this.stride * this.cpus,
    };
  }

  put(keys: DataView, key: number, values: DataView, value: number, flags: number, cpus: Cpus): number {
    if (this.#frozen) return -store.EPERM;
    if ((flags & ~store.LOCKED) > store.EXIST) return -store.EINVAL;
    const found = this.find(keys, key);
    if (found === null) return -store.E2BIG;
    if ((flags & store.NO_EXIST) !== 0) return -store.EEXIST;
    for (let cpu = 0; cpu < this.cpus; cpu++) {
      if (this.cpus > 1 && cpus !== "all" && cpus !== cpu) continue;
      const from = cpus === "all" ? value + cpu * this.stride : value;
      this.#copier.copy(found.values, found.value + cpu * this.stride, values, from);
    }
    this.#copier.freeTimer(this.#timers, found.values, found.value);
    return 0;
  }

  remove(): number {
    return -store.EINVAL;
  }

  elements(): Element[] {
    return Array.from({ length: this.capacity }, (_, index) => this.element(index));
  }

  holds(): boolean {
    return true;
  }

  elementAt(_: DataView, value: number): Element {
    return this.element(Math.trunc(value / (this.stride * this.cpus)));
  }

  /** Memory in which element i's key, the u32 i, lies at 4 × i; made when first needed. */
  #indexes(): DataView {
    if (this.#keys === undefined) {
      this.#keys = new DataView(new ArrayBuffer(4 * this.capacity));
      for (let i = 0; i < this.capacity; i++) this.#keys.setUint32(4 * i, i, true);
    }
    return this.#keys;
  }
}
