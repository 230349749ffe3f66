import { intrinsic } from "../intrinsic.ts";
import type { u16, u32, u64 } from "../schema/types.ts";
import { special } from "./lower.ts";

/** The bytes of a u16 in reverse order. */
export const swap16 = intrinsic(
  special("swap16"),
  (value: u16): u16 => ((value & 0xff) << 8) | ((value >> 8) & 0xff),
);

/** The bytes of a u32 in reverse order. */
export const swap32 = intrinsic(
  special("swap32"),
  (value: u32): u32 =>
    ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0,
);

/** The bytes of a u64 in reverse order. */
export const swap64 = intrinsic(
  special("swap64"),
  (value: u64): u64 =>
    (BigInt(swap32(Number(value & 0xffffffffn))) << 32n) |
    BigInt(swap32(Number((value >> 32n) & 0xffffffffn))),
);

/** a / b, rounded down; 0 for b = 0. */
export const divide64 = intrinsic(special("divide64"), (a: u64, b: u64): u64 => (b === 0n ? 0n : a / b));

/** The remainder of a / b; 0 for b = 0. */
export const modulo64 = intrinsic(special("modulo64"), (a: u64, b: u64): u64 => (b === 0n ? 0n : a % b));
