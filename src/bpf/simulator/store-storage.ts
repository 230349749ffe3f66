import type { MapDefinition } from "../map.ts";
import { describe } from "../schema/codec.ts";
import { SchemaError } from "../schema/errors.ts";
import { WRITE } from "../schema/scalar-access.ts";
import type { Schema } from "../schema/types.ts";
import { uncheckedViewOf, valueAt } from "../schema/view.ts";
import { isView, type Place, placeOf, SCHEMA, sameLayout } from "../schema/view-base.ts";
import { LimitedStorage } from "./storage.ts";
import type { Element, Store } from "./store.ts";

/** The CPU a kernel function runs on. */
export interface HasCpu {
  readonly cpu: number;
}

/** The memory behind a view that is a key or value of `map`. Throws SchemaError for one of another schema. */
function placeAs(map: MapDefinition, schema: Schema, reference: unknown): Place {
  const place = placeOf(reference);
  if (place.size !== schema.size || (isView(reference) && !sameLayout(reference[SCHEMA], schema))) {
    const given = isView(reference) ? describe(reference[SCHEMA]) : `${place.size} bytes`;
    throw new SchemaError(`map ${map.name} takes ${describe(schema)}, not ${given}`);
  }
  return place;
}

/** The memory of a key of `map`: of a number, `scratch` (8 bytes). */
export function keyPlace(map: MapDefinition, key: unknown, scratch: DataView): Place {
  if (map.key.kind !== "scalar") return placeAs(map, map.key, key);
  WRITE[map.key.name](scratch, 0, key as never);
  return { data: scratch, at: 0, size: map.key.size };
}

/** The methods of a map that holds elements, over its store: numbers and views become places in memory. */
export class StoreStorage extends LimitedStorage {
  readonly #store: Store;
  readonly #machine: HasCpu;
  readonly #scratch: DataView;

  constructor(map: MapDefinition, store: Store, machine: HasCpu) {
    super(map);
    this.#store = store;
    this.#machine = machine;
    this.#scratch = new DataView(new ArrayBuffer(8));
  }

  #key(key: unknown): Place {
    return keyPlace(this.map, key, this.#scratch);
  }

  #view(element: Element, cpu: number): unknown {
    const at = this.#store.cpus === 1 ? element.value : element.value + cpu * this.#store.stride;
    return uncheckedViewOf(this.map.value, element.values, at);
  }

  override lookup(key: unknown): unknown {
    const { data, at } = this.#key(key);
    const found = this.#store.find(data, at, true);
    return found === null ? null : this.#view(found, this.#machine.cpu);
  }

  override lookupOn(key: unknown, cpu: number): unknown {
    if (cpu >= this.#store.cpus) return null;
    const { data, at } = this.#key(key);
    const found = this.#store.find(data, at, true);
    return found === null ? null : this.#view(found, cpu);
  }

  override at(index: number): unknown {
    if (!Number.isInteger(index) || index < 0 || index >= this.#store.capacity) {
      throw new RangeError(`map ${this.map.name} has no element ${index}; it has ${this.#store.capacity}`);
    }
    return this.lookup(index);
  }

  override update(key: unknown, value: unknown, flags: number): number {
    const to = this.#key(key);
    const from = placeAs(this.map, this.map.value, value);
    return this.#store.put(to.data, to.at, from.data, from.at, flags, this.#machine.cpu);
  }

  override delete(key: unknown): number {
    const { data, at } = this.#key(key);
    return this.#store.remove(data, at);
  }

  override elementOf(value: unknown): { readonly key: unknown; readonly value: unknown } {
    const { data, at } = placeOf(value);
    const element = this.#store.elementAt(data, at);
    return { key: valueAt(this.map.key, element.keys, element.key), value };
  }

  override walk(callback: (key: unknown, value: unknown) => number): number {
    let calls = 0;
    for (const element of this.#store.elements()) {
      if (!this.#store.holds(element)) continue;
      calls += 1;
      const key = valueAt(this.map.key, element.keys, element.key);
      if (callback(key, this.#view(element, this.#machine.cpu)) !== 0) break;
    }
    return calls;
  }
}
