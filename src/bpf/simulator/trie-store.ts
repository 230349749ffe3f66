import { copyMemory } from "../schema/memory.ts";
import { ElementMemory, keyText } from "./hash-store.ts";
import * as store from "./store.ts";
import { type Cpus, type Element, roundUp8, type Store, type StoreOptions, ValueCopier } from "./store.ts";

/** Bytes of the prefix length before a key's data. */
const LENGTH = 4;

/** Prefixes by length and leading bits: a lookup tries the lengths there are, longest first. */
export class TrieStore implements Store {
  readonly cpus = 1;
  readonly stride: number;
  readonly capacity: number;
  readonly #keySize: number;
  readonly #memory: ElementMemory;
  readonly #copier: ValueCopier;
  readonly #table = new Map<string, Element>();
  /** How many prefixes there are of each length in bits. */
  readonly #lengths: number[];

  constructor({ map, entries }: StoreOptions) {
    this.stride = roundUp8(map.value.size);
    this.capacity = entries;
    this.#keySize = map.key.size;
    this.#memory = new ElementMemory(map.key, this.stride);
    this.#copier = new ValueCopier(map.value);
    this.#lengths = new Array<number>(this.#bits + 1).fill(0);
  }

  get #bits(): number {
    return (this.#keySize - LENGTH) * 8;
  }

  find(keys: DataView, key: number): Element | null {
    for (let length = Math.min(keys.getUint32(key, true), this.#bits); length >= 0; length--) {
      if (this.#lengths[length] === 0) continue;
      const found = this.#table.get(this.#prefix(keys, key, length));
      if (found !== undefined) return found;
    }
    return null;
  }

  put(keys: DataView, key: number, values: DataView, value: number, flags: number, _: Cpus): number {
    const length = keys.getUint32(key, true);
    if (flags > store.EXIST || length > this.#bits) return -store.EINVAL;
    const prefix = this.#prefix(keys, key, length);
    const old = this.#table.get(prefix);
    if (old !== undefined && flags === store.NO_EXIST) return -store.EEXIST;
    if (old === undefined && flags === store.EXIST) return -store.ENOENT;
    if (old === undefined && this.#table.size >= this.capacity) return -store.ENOSPC;
    const element = this.#memory.take();
    copyMemory(element.keys, element.key, keys, key, this.#keySize);
    this.#copier.copy(element.values, element.value, values, value);
    this.#table.set(prefix, element);
    if (old === undefined) this.#lengths[length]! += 1;
    return 0;
  }

  remove(keys: DataView, key: number): number {
    const length = keys.getUint32(key, true);
    if (length > this.#bits) return -store.EINVAL;
    if (!this.#table.delete(this.#prefix(keys, key, length))) return -store.ENOENT;
    this.#lengths[length]! -= 1;
    return 0;
  }

  elements(): Element[] {
    return [...this.#table.values()];
  }

  holds(element: Element): boolean {
    const length = element.keys.getUint32(element.key, true);
    return this.#table.get(this.#prefix(element.keys, element.key, length)) === element;
  }

  elementAt(values: DataView, value: number): Element {
    return this.#memory.elementAt(values, value);
  }

  /** The first `length` bits of a key's data, as a string with the length. */
  #prefix(keys: DataView, key: number, length: number): string {
    const whole = length >> 3;
    const rest = length & 7;
    const text = `${length}:${keyText(keys, key + LENGTH, whole)}`;
    return rest === 0 ? text : `${text}/${keys.getUint8(key + LENGTH + whole) >> (8 - rest)}`;
  }
}
