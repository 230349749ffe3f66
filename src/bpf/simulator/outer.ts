/** Maps of maps. A value, to user space, is the id of the inner map: a u32. */
import type { MapDefinition } from "../map.ts";
import type { MapElements, MapHandle } from "../map-handle.ts";
import { keyText } from "./hash-store.ts";
import { LimitedStorage, type MapStorage } from "./storage.ts";
import { E2BIG, EEXIST, EINVAL, ENOENT, EXIST, NO_EXIST } from "./store.ts";
import { failure, SimulatedHandle } from "./store-handle.ts";
import { keyPlace } from "./store-storage.ts";

/** A map from both sides: the methods of kernel functions, and user space's handle. */
export interface SimulatedMap {
  readonly id: number;
  readonly storage: MapStorage;
  readonly handle: MapHandle;
}

interface Entry {
  readonly key: Uint8Array;
  readonly inner: SimulatedMap;
}

type Table = Map<string, Entry>;

class OuterStorage extends LimitedStorage {
  readonly #table: Table;
  readonly #scratch = new DataView(new ArrayBuffer(8));

  constructor(map: MapDefinition, table: Table) {
    super(map);
    this.#table = table;
  }

  override lookupMap(key: unknown): MapStorage | null {
    const { data, at, size } = keyPlace(this.map, key, this.#scratch);
    return this.#table.get(keyText(data, at, size))?.inner.storage ?? null;
  }
}

class OuterHandle extends SimulatedHandle {
  readonly capacity: number;
  readonly #table: Table;
  readonly #create: (entries: number | undefined) => SimulatedMap;
  readonly #made = new WeakMap<MapHandle, SimulatedMap>();

  constructor(
    map: MapDefinition,
    capacity: number,
    table: Table,
    create: (entries: number | undefined) => SimulatedMap,
  ) {
    super(map, 8, 1);
    this.capacity = capacity;
    this.#table = table;
    this.#create = create;
  }

  #text(key: Uint8Array): string {
    return keyText(this.check(key, this.keySize, "key"), 0, this.keySize);
  }

  override createInner(entries?: number): MapHandle {
    const inner = this.#create(entries);
    this.#made.set(inner.handle, inner);
    return inner.handle;
  }

  override setInner(key: Uint8Array, handle: MapHandle, flags = 0): void {
    const inner = this.#made.get(handle);
    const text = this.#text(key);
    const known = this.#table.has(text);
    const refuse = (errno: number, advice?: string) =>
      failure("BPF_MAP_UPDATE_ELEM", this.definition, -errno, advice);
    if (inner === undefined) throw refuse(EINVAL, "put in what createInner of this map made");
    if (flags > EXIST) throw refuse(EINVAL);
    if (this.definition.kind === "arrayOfMaps") {
      if (flags !== 0) throw refuse(EINVAL);
      if (new DataView(key.slice().buffer).getUint32(0, true) >= this.capacity) throw refuse(E2BIG);
    } else {
      if (known && flags === NO_EXIST) throw refuse(EEXIST);
      if (!known && flags === EXIST) throw refuse(ENOENT);
      if (!known && this.#table.size >= this.capacity) throw refuse(E2BIG);
    }
    this.#table.set(text, { key: key.slice(), inner });
  }

  override lookup(key: Uint8Array): Uint8Array | null {
    const found = this.#table.get(this.#text(key));
    return found === undefined ? null : new Uint8Array(Uint32Array.of(found.inner.id).buffer);
  }

  override delete(key: Uint8Array): boolean {
    return this.#table.delete(this.#text(key));
  }

  override *keys(): Generator<Uint8Array> {
    for (const { key } of [...this.#table.values()]) yield key.slice();
  }

  override readAll(): MapElements {
    const entries = [...this.#table.values()];
    const keys = new Uint8Array(entries.length * this.keySize);
    for (const [i, { key }] of entries.entries()) keys.set(key, i * this.keySize);
    const values = new Uint8Array(Uint32Array.from(entries, ({ inner }) => inner.id).buffer);
    return { count: entries.length, keys, values };
  }
}

/** A map of maps; `create` makes its inner maps. */
export function outer(
  map: MapDefinition,
  capacity: number,
  create: (entries: number | undefined) => SimulatedMap,
): { storage: LimitedStorage; handle: SimulatedHandle } {
  const table: Table = new Map();
  return { storage: new OuterStorage(map, table), handle: new OuterHandle(map, capacity, table, create) };
}
