/** Maps as values: a definition names the kind, the schemas and the size; kernel functions use its methods. */
import type { Schema } from "./schema/types.ts";

export type MapKind =
  | "hash"
  | "lruHash"
  | "array"
  | "perCpuArray"
  | "perCpuHash"
  | "lpmTrie"
  | "ringBuffer"
  | "arrayOfMaps"
  | "hashOfMaps"
  | "programArray"
  | "constants";

/** What the loader and the simulator need to create a map. */
export interface MapDefinition {
  readonly kind: MapKind;
  /** At most 15 characters of [A-Za-z0-9_]: the kernel's limit. */
  readonly name: string;
  readonly key: Schema;
  readonly value: Schema;
  /** Number of elements (ring buffer: bytes, a power of two); a loader may override it by name. */
  readonly entries: number;
  /** Hash kinds: allocate elements at creation (default) or when used. */
  readonly preallocate: boolean;
  /** Array kinds: user space may map the memory (not with timers or locks in the value). */
  readonly mappable: boolean;
  /** arrayOfMaps, hashOfMaps: a template of the inner maps. */
  readonly inner?: MapDefinition;
  /** constants: the values. */
  readonly values?: readonly (number | bigint)[];
}
