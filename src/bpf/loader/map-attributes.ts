/** The map commands' parts of union bpf_attr (include/uapi/linux/bpf.h), from plain data. */
import { Attribute } from "./attribute.ts";

/** enum bpf_map_type. */
export const MAP_TYPE = {
  hash: 1,
  array: 2,
  programArray: 3,
  perCpuHash: 5,
  perCpuArray: 6,
  lruHash: 9,
  lpmTrie: 11,
  arrayOfMaps: 12,
  hashOfMaps: 13,
  ringBuffer: 27,
} as const;

/** Flags of BPF_MAP_CREATE. */
export const MAP_FLAG = {
  noPreallocate: 1 << 0,
  readOnlyForPrograms: 1 << 7,
  mappable: 1 << 10,
  /** An array that may stand for others of another length in a map of maps. */
  innerMap: 1 << 12,
} as const;

export interface MapCreate {
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly entries: number;
  readonly flags: number;
  readonly name: string;
  readonly innerMap?: number;
  readonly btf?: { readonly fd: number; readonly key: number; readonly value: number };
}

export function mapCreateAttribute(map: MapCreate): Attribute {
  return new Attribute(72)
    .u32(0, map.type)
    .u32(4, map.keySize)
    .u32(8, map.valueSize)
    .u32(12, map.entries)
    .u32(16, map.flags)
    .u32(20, map.innerMap ?? 0)
    .name(28, map.name)
    .u32(48, map.btf?.fd ?? 0)
    .u32(52, map.btf?.key ?? 0)
    .u32(56, map.btf?.value ?? 0);
}

/** LOOKUP, UPDATE, DELETE, LOOKUP_AND_DELETE (`value`: the value) and GET_NEXT_KEY (`value`: the next key). */
export function mapElementAttribute(fd: number, key?: Uint8Array, value?: Uint8Array, flags = 0): Attribute {
  return new Attribute(32).u32(0, fd).pointer(8, key).pointer(16, value).u64(24, BigInt(flags));
}

/** Where flags are in {@link mapElementAttribute}'s bytes, to change them between calls. */
export const ELEMENT_FLAGS_OFFSET = 24;
/** Where the address of the value is in {@link mapElementAttribute}'s bytes: a deletion ends there. */
export const ELEMENT_VALUE_OFFSET = 16;

export interface MapBatch {
  readonly fd: number;
  /** Where to go on: what the call before put into `next`. None: from the beginning. */
  readonly from?: Uint8Array;
  readonly next?: Uint8Array;
  readonly keys: Uint8Array;
  readonly values?: Uint8Array;
  readonly count: number;
  readonly elementFlags?: number;
}

/** LOOKUP_BATCH, LOOKUP_AND_DELETE_BATCH, UPDATE_BATCH, DELETE_BATCH. The kernel answers at BATCH_COUNT_OFFSET. */
export function mapBatchAttribute(batch: MapBatch): Attribute {
  return new Attribute(56)
    .pointer(0, batch.from)
    .pointer(8, batch.next)
    .pointer(16, batch.keys)
    .pointer(24, batch.values)
    .u32(BATCH_COUNT_OFFSET, batch.count)
    .u32(36, batch.fd)
    .u64(40, BigInt(batch.elementFlags ?? 0));
}

/** Where a batch call takes the number of elements and leaves how many it handled. */
export const BATCH_COUNT_OFFSET = 32;

export function mapFreezeAttribute(fd: number): Attribute {
  return new Attribute(4).u32(0, fd);
}
