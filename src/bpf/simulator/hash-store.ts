import type { Schema } from "../schema/types.ts";
import type { TimerWheel } from "./current.ts";
import * as store from "./store.ts";
import { type Cpus, type Element, roundUp8, type Store, type StoreOptions, ValueCopier } from "./store.ts";

/** Elements to a piece of memory; a piece goes when all its elements are gone and nothing refers to them. */
const CHUNK = 64;

/** The bytes of a key as a string: equal strings for equal bytes. */
export function keyText(data: DataView, at: number, size: number): string {
  let text = "";
  let i = at;
  const end = at + size;
  for (; i + 8 <= end; i += 8) {
    text += String.fromCharCode(
      data.getUint16(i),
      data.getUint16(i + 2),
      data.getUint16(i + 4),
      data.getUint16(i + 6),
    );
  }
  for (; i + 2 <= end; i += 2) text += String.fromCharCode(data.getUint16(i));
  if (i < end) text += String.fromCharCode(data.getUint8(i));
  return text;
}

/** Memory for elements: key, padded to 8 bytes, then the value (or the values of all CPUs). Never used twice. */
export class ElementMemory {
  readonly keySpace: number;
  readonly #size: number;
  #chunk = new DataView(new ArrayBuffer(0));
  #next = 0;

  constructor(key: Schema, valueSpace: number) {
    this.keySpace = roundUp8(key.size);
    this.#size = this.keySpace + roundUp8(valueSpace);
  }

  take(): Element {
    if (this.#next >= this.#chunk.byteLength) {
      this.#chunk = new DataView(new ArrayBuffer(this.#size * CHUNK));
      this.#next = 0;
    }
    const key = this.#next;
    this.#next += this.#size;
    return { keys: this.#chunk, key, values: this.#chunk, value: key + this.keySpace };
  }

  elementAt(values: DataView, value: number): Element {
    return { keys: values, key: value - this.keySpace, values, value };
  }
}

/** Hash maps of all kinds. The least recently used element of an LRU map comes first in its table. */
export class HashStore implements Store {
  readonly cpus: number;
  readonly stride: number;
  readonly capacity: number;
  readonly #keySize: number;
  readonly #evicts: boolean;
  readonly #perCpu: boolean;
  readonly #table = new Map<string, Element>();
  readonly #memory: ElementMemory;
  readonly #copier: ValueCopier;
  readonly #timers: TimerWheel;

  constructor({ map, entries, cpus, timers }: StoreOptions) {
    this.#perCpu = map.kind === "perCpuHash";
    this.#evicts = map.kind === "lruHash";
    this.cpus = this.#perCpu ? cpus : 1;
    this.stride = roundUp8(map.value.size);
    this.capacity = entries;
    this.#keySize = map.key.size;
    this.#memory = new ElementMemory(map.key, this.stride * this.cpus);
    this.#copier = new ValueCopier(map.value);
    this.#timers = timers;
  }

  find(keys: DataView, key: number, use: boolean): Element | null {
    const text = keyText(keys, key, this.#keySize);
    const found = this.#table.get(text);
    if (found === undefined) return null;
    if (use && this.#evicts) {
      this.#table.delete(text);
      this.#table.set(text, found);
    }
    return found;
  }

  put(keys: DataView, key: number, values: DataView, value: number, flags: number, cpus: Cpus): number {
    if ((flags & ~store.LOCKED) > store.EXIST) return -store.EINVAL;
    const text = keyText(keys, key, this.#keySize);
    const old = this.#table.get(text);
    if (old !== undefined && (flags & store.NO_EXIST) !== 0) return -store.EEXIST;
    if (old === undefined && (flags & store.EXIST) !== 0) return -store.ENOENT;
    if (old !== undefined && (this.#perCpu || (flags & store.LOCKED) !== 0)) {
      this.#fill(old, values, value, cpus);
      return 0;
    }
    if (old === undefined && this.#table.size >= this.capacity) {
      if (!this.#evicts) return -store.E2BIG;
      this.#evict();
    }
    const element = this.#memory.take();
    for (let i = 0; i < this.#keySize; i++) {
      element.keys.setUint8(element.key + i, keys.getUint8(key + i));
    }
    this.#fill(element, values, value, cpus);
    if (this.#evicts) this.#table.delete(text);
    this.#table.set(text, element);
    if (old !== undefined) this.#copier.freeTimer(this.#timers, old.values, old.value);
    return 0;
  }

  remove(keys: DataView, key: number): number {
    const text = keyText(keys, key, this.#keySize);
    const found = this.#table.get(text);
    if (found === undefined) return -store.ENOENT;
    this.#table.delete(text);
    this.#copier.freeTimer(this.#timers, found.values, found.value);
    return 0;
  }

  elements(): Element[] {
    return [...this.#table.values()];
  }

  holds(element: Element): boolean {
    return this.#table.get(keyText(element.keys, element.key, this.#keySize)) === element;
  }

  elementAt(values: DataView, value: number): Element {
    return this.#memory.elementAt(values, value);
  }

  #fill(element: Element, values: DataView, value: number, cpus: Cpus): void {
    for (let cpu = 0; cpu < this.cpus; cpu++) {
      if (this.#perCpu && cpus !== "all" && cpus !== cpu) continue;
      const from = cpus === "all" ? value + cpu * this.stride : value;
      this.#copier.copy(element.values, element.value + cpu * this.stride, values, from);
    }
  }

  #evict(): void {
    const [oldest] = this.#table;
    if (oldest === undefined) return;
    this.#table.delete(oldest[0]);
    this.#copier.freeTimer(this.#timers, oldest[1].values, oldest[1].value);
  }
}
