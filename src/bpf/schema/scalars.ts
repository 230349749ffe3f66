/**
 * The integers of the kernel. Each name is a value (the schema) and a type (what a field of it reads as), so that
 * `struct("S", { port: u16 })` and `(port: u16) => …` use the same word.
 */
import type {
  Opaque,
  s32 as S32,
  Scalar,
  ScalarName,
  u8 as U8,
  u16 as U16,
  u32 as U32,
  u64 as U64,
} from "./types.ts";

export type u8 = U8;
export type u16 = U16;
export type u32 = U32;
export type s32 = S32;
export type u64 = U64;

type Traits = { readonly signed?: boolean; readonly bigEndian?: boolean };

function scalar<V extends number | bigint>(
  name: ScalarName,
  size: 1 | 2 | 4 | 8,
  { signed = false, bigEndian = false }: Traits = {},
): Scalar<V> {
  return Object.freeze({ kind: "scalar", name, size, align: size, signed, bigEndian });
}

export const u8 = scalar<number>("u8", 1);
export const u16 = scalar<number>("u16", 2);
export const u32 = scalar<number>("u32", 4);
export const s32 = scalar<number>("s32", 4, { signed: true });
export const u64 = scalar<bigint>("u64", 8);

/** Network byte order in memory, an ordinary number as a value. */
export const u16be = scalar<number>("u16be", 2, { bigEndian: true });
/** Network byte order in memory, an ordinary number as a value. */
export const u32be = scalar<number>("u32be", 4, { bigEndian: true });
/** Network byte order in memory, an ordinary bigint as a value. */
export const u64be = scalar<bigint>("u64be", 8, { bigEndian: true });
/** An IPv4 address: 192.0.2.1 is 0xc0000201. */
export const ipv4 = u32be;

/** `struct bpf_timer`: 16 bytes, for the timer intrinsics only. At most one a map value, at its top level. */
export const timer: Opaque<"timer"> = Object.freeze({ kind: "timer", size: 16, align: 8 });

/** `struct bpf_spin_lock`: 4 bytes, for `lock` and `unlock` only. At most one a map value, at its top level. */
export const spinLock: Opaque<"spinLock"> = Object.freeze({ kind: "spinLock", size: 4, align: 4 });
