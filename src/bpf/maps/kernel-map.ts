import type { MapDefinition, MapKind } from "../map.ts";
import type { Schema } from "../schema/types.ts";
import { machine } from "../simulator/current.ts";
import type { MapStorage } from "../simulator/storage.ts";
import { checkMap } from "./check.ts";

const BOUND: unique symbol = Symbol("bpf.map.storage");

/** What every map constructor fills in. */
export interface MapShape<K extends Schema, V extends Schema> {
  readonly name: string;
  readonly key: K;
  readonly value: V;
  readonly entries: number;
  readonly preallocate?: boolean;
  readonly mappable?: boolean;
}

/** A map as kernel functions see it: a definition with methods. Its elements belong to the machine that runs. */
export abstract class KernelMap<K extends Schema = Schema, V extends Schema = Schema>
  implements MapDefinition
{
  abstract readonly kind: MapKind;
  readonly name: string;
  readonly key: K;
  readonly value: V;
  readonly entries: number;
  readonly preallocate: boolean;
  readonly mappable: boolean;
  declare readonly [BOUND]?: MapStorage;

  constructor(kind: MapKind, shape: MapShape<K, V>) {
    const { name, key, value, entries, preallocate = true, mappable = false } = shape;
    checkMap({ kind, name, key, value, entries, preallocate, mappable });
    this.name = name;
    this.key = key;
    this.value = value;
    this.entries = entries;
    this.preallocate = preallocate;
    this.mappable = mappable;
  }

  /** The elements in the machine that runs now. Throws NoMachineError outside a machine. */
  protected get storage(): MapStorage {
    return this[BOUND] ?? machine().storage(this);
  }
}

/** The same map over other elements: what a lookup in a map of maps gives. */
export function bindMap<M extends KernelMap>(template: M, storage: MapStorage): M {
  return Object.create(template, { [BOUND]: { value: storage } }) as M;
}

/** The elements behind a map, bound or not. */
export function storageOf(map: KernelMap): MapStorage {
  return map[BOUND] ?? machine().storage(map);
}

/** Whether an evaluated value is a map. */
export function isMap(value: unknown): value is MapDefinition {
  return value instanceof KernelMap;
}
