/**
 * A map as user space holds it: the same interface over a kernel map (bpf system calls) and over a simulated one, so
 * that what programs maps is written once. Keys and values are bytes in the layout of the schemas (`encode`, `decode`).
 *
 * Per-CPU maps: a value is `cpus` times `stride` bytes, CPU 0 first; elsewhere `cpus` is 1.
 *
 * Failures throw SystemError with the errno's name as `code`: EEXIST and ENOENT (by flags), E2BIG (full, or no such index),
 * EINVAL, EOPNOTSUPP (the kind has no such operation).
 */
import type { MapDefinition } from "./map.ts";

/** Many elements, back to back: element i has its key at i × keySize and its value at i × valueSize. */
export interface MapElements {
  readonly count: number;
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
}

export interface MapHandle {
  readonly definition: MapDefinition;
  /** The number of elements it was created for. */
  readonly capacity: number;
  readonly keySize: number;
  /** Bytes of a value in `lookup` and `update`: stride × cpus for per-CPU maps, else the schema's size. */
  readonly valueSize: number;
  /** The schema's size rounded up to 8: the distance of two elements in an array's memory, of two CPUs in a value. */
  readonly stride: number;
  /** Possible CPUs for per-CPU maps, else 1. */
  readonly cpus: number;

  /** A copy of the value, or null. */
  lookup(key: Uint8Array): Uint8Array | null;
  /** Flags as in kernel functions: ANY, NO_EXIST, EXIST. */
  update(key: Uint8Array, value: Uint8Array, flags?: number): void;
  /** Whether there was one. */
  delete(key: Uint8Array): boolean;
  /** The keys there are, each once while nobody else deletes; elements that come meanwhile may be missed. */
  keys(): Iterable<Uint8Array>;

  /** All elements, in few system calls. */
  readAll(): MapElements;
  /** Several updates in few system calls, in order; stops at the first that fails. The count follows from `keys`. */
  updateMany(keys: Uint8Array, values: Uint8Array, flags?: number): void;
  /** Several deletions in few system calls; keys that are not there are passed over. Returns how many were there. */
  deleteMany(keys: Uint8Array): number;

  /** Mappable arrays: their memory itself, shared with the kernel; element i starts at i × stride. Always the same buffer. */
  memory(): ArrayBuffer;

  /** Maps of maps: a new inner map after the template, with `entries` elements (the template's number by default). */
  createInner(entries?: number): MapHandle;
  /** Maps of maps: puts an inner map under `key`; one that was there is let go. */
  setInner(key: Uint8Array, inner: MapHandle, flags?: number): void;

  /** Ring buffers: hands each record that is there to `handler` (bytes valid during the call only); returns how many. */
  consume(handler: (record: Uint8Array) => void): number;

  /** Lets the handle go; the map lives as long as anything else holds it. Idempotent. */
  close(): void;
}
