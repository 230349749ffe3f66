import type { MapDefinition } from "../map.ts";
import { placeOf } from "../schema/view-base.ts";
import { LimitedStorage } from "./storage.ts";
import { EAGAIN, EINVAL } from "./store.ts";
import { SimulatedHandle } from "./store-handle.ts";

/** Bytes the kernel puts before each record. */
const HEADER = 8;
const FLAGS = 3;

/** The records of a ring buffer that user space has not taken yet. */
class Ring {
  readonly capacity: number;
  #records: Uint8Array[] = [];
  #used = 0;

  constructor(bytes: number) {
    this.capacity = bytes;
  }

  /** False if there is no room. */
  append(record: Uint8Array): boolean {
    const space = (record.length + HEADER + 7) & ~7;
    if (this.#used + space > this.capacity - 1) return false;
    this.#used += space;
    this.#records.push(record);
    return true;
  }

  take(): Uint8Array[] {
    const taken = this.#records;
    this.#records = [];
    this.#used = 0;
    return taken;
  }
}

class RingStorage extends LimitedStorage {
  readonly #ring: Ring;

  constructor(map: MapDefinition, ring: Ring) {
    super(map);
    this.#ring = ring;
  }

  override output(record: unknown, flags: number): number {
    const { data, at, size } = placeOf(record);
    if ((flags & ~FLAGS) !== 0) return -EINVAL;
    const start = data.byteOffset + at;
    return this.#ring.append(new Uint8Array(data.buffer.slice(start, start + size))) ? 0 : -EAGAIN;
  }
}

class RingHandle extends SimulatedHandle {
  readonly capacity: number;
  readonly #ring: Ring;

  constructor(map: MapDefinition, ring: Ring) {
    super(map, 0, 1);
    this.capacity = ring.capacity;
    this.#ring = ring;
  }

  override consume(handler: (record: Uint8Array) => void): number {
    const taken = this.#ring.take();
    for (const record of taken) handler(record);
    return taken.length;
  }
}

/** A ring buffer of so many bytes, from both sides. */
export function ring(
  map: MapDefinition,
  bytes: number,
): { storage: LimitedStorage; handle: SimulatedHandle } {
  const shared = new Ring(bytes);
  return { storage: new RingStorage(map, shared), handle: new RingHandle(map, shared) };
}
