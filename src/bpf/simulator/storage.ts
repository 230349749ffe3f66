import type { MapDefinition } from "../map.ts";

/**
 * What the methods of a map do in a simulated machine. Keys and values are those of kernel TypeScript: numbers and
 * bigints for scalars, views for structs and arrays. Results below 0 are negative errno values.
 */
export interface MapStorage {
  lookup(key: unknown): unknown;
  lookupOn(key: unknown, cpu: number): unknown;
  at(index: number): unknown;
  update(key: unknown, value: unknown, flags: number): number;
  delete(key: unknown): number;
  output(record: unknown, flags: number): number;
  lookupMap(key: unknown): MapStorage | null;
  /** The element whose value this view is. */
  elementOf(value: unknown): { readonly key: unknown; readonly value: unknown };
  /** Calls back for each element until the callback returns other than 0; returns how many calls there were. */
  walk(callback: (key: unknown, value: unknown) => number): number;
}

/** A storage in which nothing is possible: each kind of map overrides what it has. */
export abstract class LimitedStorage implements MapStorage {
  protected readonly map: MapDefinition;

  constructor(map: MapDefinition) {
    this.map = map;
  }

  /** The types of the map objects exclude such a use. */
  protected unsupported(operation: string): never {
    throw new TypeError(`map ${this.map.name}: a ${this.map.kind} map has no ${operation}`);
  }

  lookup(_key: unknown): unknown {
    return this.unsupported("lookup");
  }
  lookupOn(_key: unknown, _cpu: number): unknown {
    return this.unsupported("lookupOn");
  }
  at(_index: number): unknown {
    return this.unsupported("at");
  }
  update(_key: unknown, _value: unknown, _flags: number): number {
    return this.unsupported("update");
  }
  delete(_key: unknown): number {
    return this.unsupported("delete");
  }
  output(_record: unknown, _flags: number): number {
    return this.unsupported("output");
  }
  lookupMap(_key: unknown): MapStorage | null {
    return this.unsupported("lookupMap");
  }
  elementOf(_value: unknown): { readonly key: unknown; readonly value: unknown } {
    return this.unsupported("elements");
  }
  walk(_callback: (key: unknown, value: unknown) => number): number {
    return this.unsupported("elements");
  }
}
