/** A plane on which a command can be killed between any two of its stores. */
import type { MapDefinition, MapHandle } from "../../bpf/index.ts";
import type { AddressNumber } from "../configuration/address.ts";
import type { Needs, Plane } from "../plane.ts";

/** Thrown in the place where the process would have ended. */
export class Killed extends Error {}

export class KillablePlane implements Plane {
  /** Stores until the kill; undefined: none. */
  left: number | undefined;
  readonly #inner: Plane;
  readonly #handles: Map<MapDefinition, MapHandle> = new Map();

  constructor(inner: Plane) {
    this.#inner = inner;
  }

  readonly beforeStore = (): void => {
    if (this.left === undefined) return;
    if (this.left === 0) throw new Killed();
    this.left -= 1;
  };

  map(definition: MapDefinition): MapHandle {
    let handle = this.#handles.get(definition);
    if (handle === undefined) {
      handle = this.#killable(this.#inner.map(definition));
      this.#handles.set(definition, handle);
    }
    return handle;
  }

  prepare(changed: Needs, whole: () => Needs): void {
    this.#inner.prepare(changed, whole);
  }

  settle(): void {
    this.#inner.settle();
  }

  exists(definition: MapDefinition): boolean {
    return this.#inner.exists(definition);
  }

  isUnicast(address: AddressNumber): boolean {
    return this.#inner.isUnicast(address);
  }

  isLocalAddress(address: AddressNumber): boolean {
    return this.#inner.isLocalAddress(address);
  }

  sourceTowards(address: AddressNumber): AddressNumber | null {
    return this.#inner.sourceTowards(address);
  }

  monotonicTime(): bigint {
    return this.#inner.monotonicTime();
  }

  /** Each element of a batch is a store of its own, as it is to the datapath. */
  #killable(inner: MapHandle): MapHandle {
    const { keySize, valueSize } = inner;
    const before = this.beforeStore;
    const overrides: Partial<MapHandle> = {
      update(key, value, flags) {
        before();
        inner.update(key, value, flags);
      },
      delete(key) {
        before();
        return inner.delete(key);
      },
      updateMany(keys, values, flags) {
        for (let index = 0; index * keySize < keys.length; index++) {
          before();
          const value = values.subarray(index * valueSize, (index + 1) * valueSize);
          inner.update(keys.subarray(index * keySize, (index + 1) * keySize), value, flags);
        }
      },
      deleteMany(keys) {
        let deleted = 0;
        for (let at = 0; at < keys.length; at += keySize) {
          before();
          if (inner.delete(keys.subarray(at, at + keySize))) deleted += 1;
        }
        return deleted;
      },
    };
    return new Proxy(inner, {
      get(target, name) {
        const value = Reflect.get(overrides, name) ?? Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }
}
