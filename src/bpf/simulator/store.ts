/** What all kinds of simulated maps have in common: elements in memory, found by the bytes of their keys. */
import type { MapDefinition } from "../map.ts";
import { copyMemory } from "../schema/memory.ts";
import type { Schema } from "../schema/types.ts";
import type { TimerWheel } from "./current.ts";

/** Negative results of operations, as bpf(2) and the helpers give them. */
export const EPERM = 1;
export const ENOENT = 2;
export const E2BIG = 7;
export const EAGAIN = 11;
export const EEXIST = 17;
export const EINVAL = 22;
export const ENOSPC = 28;

/** Update flags. */
export const NO_EXIST = 1;
export const EXIST = 2;
/** Copy under the lock in the value, in place. */
export const LOCKED = 4;

/** Where the key and the value of an element lie; of per-CPU maps the value of CPU 0, the others `stride` bytes apart. */
export interface Element {
  readonly keys: DataView;
  readonly key: number;
  readonly values: DataView;
  readonly value: number;
}

/** Which CPUs' values an update sets: one (from a kernel function) or all, `stride` bytes apart (from user space). */
export type Cpus = number | "all";

export interface Store {
  /** 1 for kinds that have no value per CPU. */
  readonly cpus: number;
  /** Bytes from one CPU's value (or one array element) to the next: a multiple of 8. */
  readonly stride: number;
  readonly capacity: number;
  /** `use` tells a kernel function's lookup, which keeps an LRU element, from a look of user space, which does not. */
  find(keys: DataView, key: number, use: boolean): Element | null;
  put(keys: DataView, key: number, values: DataView, value: number, flags: number, cpus: Cpus): number;
  remove(keys: DataView, key: number): number;
  /** The elements there are now. */
  elements(): Element[];
  /** Whether the map still holds this element. */
  holds(element: Element): boolean;
  /** The element whose value lies there. */
  elementAt(values: DataView, value: number): Element;
  /** Array kinds: all values as one piece of memory. */
  readonly memory?: ArrayBuffer;
}

export function roundUp8(size: number): number {
  return (size + 7) & ~7;
}

/** The parts of a value that updates copy: all but timers and locks, which belong to their place. */
export class ValueCopier {
  readonly timer: number | undefined;
  readonly #parts: readonly { readonly at: number; readonly size: number }[];

  constructor(schema: Schema) {
    const opaque =
      schema.kind === "struct"
        ? schema.fields.filter((field) => field.schema.kind === "timer" || field.schema.kind === "spinLock")
        : [];
    const parts: { at: number; size: number }[] = [];
    let at = 0;
    for (const field of opaque) {
      if (field.offset > at) parts.push({ at, size: field.offset - at });
      at = field.offset + field.schema.size;
    }
    if (schema.size > at) parts.push({ at, size: schema.size - at });
    this.#parts = parts;
    this.timer = opaque.find((field) => field.schema.kind === "timer")?.offset;
  }

  copy(to: DataView, toAt: number, from: DataView, fromAt: number): void {
    for (const { at, size } of this.#parts) copyMemory(to, toAt + at, from, fromAt + at, size);
  }

  /** Ends the timer of a value that lies there, if values have one. */
  freeTimer(timers: TimerWheel, data: DataView, at: number): void {
    if (this.timer !== undefined) timers.free(data, at + this.timer);
  }
}

/** What a store is made for. */
export interface StoreOptions {
  readonly map: MapDefinition;
  readonly entries: number;
  readonly cpus: number;
  readonly timers: TimerWheel;
}
