import type { ScalarName } from "./types.ts";

/** Reads one scalar `at` bytes into `data`. */
export type Read = (data: DataView, at: number) => number | bigint;
/** Writes one scalar, truncated to its width. */
export type Write = (data: DataView, at: number, value: never) => void;

/** Reads of each scalar of the language, by its name. */
export const READ: { readonly [name in ScalarName]: Read } = {
  u8: (data, at) => data.getUint8(at),
  u16: (data, at) => data.getUint16(at, true),
  u32: (data, at) => data.getUint32(at, true),
  s32: (data, at) => data.getInt32(at, true),
  u64: (data, at) => data.getBigUint64(at, true),
  u16be: (data, at) => data.getUint16(at),
  u32be: (data, at) => data.getUint32(at),
  u64be: (data, at) => data.getBigUint64(at),
};

/** Writes of each scalar of the language, by its name. */
export const WRITE: { readonly [name in ScalarName]: Write } = {
  u8: (data, at, value: number) => data.setUint8(at, value),
  u16: (data, at, value: number) => data.setUint16(at, value, true),
  u32: (data, at, value: number) => data.setUint32(at, value, true),
  s32: (data, at, value: number) => data.setInt32(at, value, true),
  u64: (data, at, value: bigint) => data.setBigUint64(at, value, true),
  u16be: (data, at, value: number) => data.setUint16(at, value),
  u32be: (data, at, value: number) => data.setUint32(at, value),
  u64be: (data, at, value: bigint) => data.setBigUint64(at, value),
};
