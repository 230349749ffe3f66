import type { MapDefinition, MapKind } from "../map.ts";
import { MAP_FLAG, MAP_TYPE } from "./map-attributes.ts";

interface KindFacts {
  readonly type: number;
  readonly perCpu: boolean;
  /** Whether the kernel takes BTF for keys and values of this kind. */
  readonly btf: boolean;
}

/** How the kernel calls our kinds of maps, and what it can do with them. */
export const KINDS: { readonly [K in MapKind]: KindFacts } = {
  hash: { type: MAP_TYPE.hash, perCpu: false, btf: true },
  lruHash: { type: MAP_TYPE.lruHash, perCpu: false, btf: true },
  array: { type: MAP_TYPE.array, perCpu: false, btf: true },
  perCpuArray: { type: MAP_TYPE.perCpuArray, perCpu: true, btf: true },
  perCpuHash: { type: MAP_TYPE.perCpuHash, perCpu: true, btf: true },
  lpmTrie: { type: MAP_TYPE.lpmTrie, perCpu: false, btf: true },
  ringBuffer: { type: MAP_TYPE.ringBuffer, perCpu: false, btf: false },
  arrayOfMaps: { type: MAP_TYPE.arrayOfMaps, perCpu: false, btf: false },
  hashOfMaps: { type: MAP_TYPE.hashOfMaps, perCpu: false, btf: false },
  programArray: { type: MAP_TYPE.programArray, perCpu: false, btf: false },
  constants: { type: MAP_TYPE.array, perCpu: false, btf: false },
};

/** Whether elements of this kind are maps. */
export function holdsMaps(kind: MapKind): boolean {
  return kind === "arrayOfMaps" || kind === "hashOfMaps";
}

/** Whether the elements are addressed by an index and exist from the start. */
export function isArrayKind(kind: MapKind): boolean {
  return kind === "array" || kind === "perCpuArray" || kind === "arrayOfMaps" || kind === "constants";
}

/** The flags of BPF_MAP_CREATE. `inner`: the map, an array, may stand in a map of maps beside others of other length. */
export function mapFlags(definition: MapDefinition, inner = false): number {
  const { kind, preallocate, mappable } = definition;
  let flags = 0;
  if (kind === "lpmTrie" || (!preallocate && (kind === "hash" || kind === "perCpuHash"))) {
    flags |= MAP_FLAG.noPreallocate;
  }
  if (kind === "array" && mappable) flags |= MAP_FLAG.mappable;
  if (kind === "array" && inner) flags |= MAP_FLAG.innerMap;
  if (kind === "constants") flags |= MAP_FLAG.readOnlyForPrograms;
  return flags;
}

/** Bytes of a key and of one CPU's value as the kernel is told them. */
export function mapSizes(definition: MapDefinition): { keySize: number; valueSize: number } {
  if (definition.kind === "ringBuffer") return { keySize: 0, valueSize: 0 };
  return { keySize: definition.key.size, valueSize: holdsMaps(definition.kind) ? 4 : definition.value.size };
}

/** The name of a map type number, for messages. */
export function typeName(type: number): string {
  return Object.entries(MAP_TYPE).find(([, number]) => number === type)?.[0] ?? `type ${type}`;
}
