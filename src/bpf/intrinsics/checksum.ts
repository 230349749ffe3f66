/** Helpers for Internet checksums (RFC 1071, RFC 1624) that know of checksum offload. */
import { intrinsic } from "../intrinsic.ts";
import type { Packet } from "../packet.ts";
import type { s32, u32, u64 } from "../schema/types.ts";
import { placeOf } from "../schema/view-base.ts";
import { addChecksum, foldChecksum, sumBytes } from "../simulator/checksum.ts";
import { simulated } from "../simulator/packet.ts";
import { changeLevel, replaceL3, replaceL4 } from "../simulator/packet-checksum.ts";
import { helper, nullable, packet, size, value } from "./lower.ts";

/** Flags of `replaceL4Checksum`, added to the size. The change is of the pseudo-header (an address). */
export const CHECKSUM_PSEUDO_HEADER = 0x10;
/** UDP: a checksum of 0 means that there is none: leave it so, and never make one 0. */
export const CHECKSUM_ZERO_IS_NONE = 0x20;
/** With CHECKSUM_ZERO_IS_NONE: compute also if there was none. */
export const CHECKSUM_ENFORCE = 0x40;

/** What `checksumLevel` is to do. */
export const CHECKSUM_LEVEL_QUERY = 0;
export const CHECKSUM_LEVEL_INCREMENT = 1;
export const CHECKSUM_LEVEL_DECREMENT = 2;
export const CHECKSUM_LEVEL_RESET = 3;

const MOVES = { invalidatesPackets: true };
const EINVAL = 22;

/**
 * Corrects the checksum of an IPv4 header, `offset` bytes into the packet, for a change of `size` (2 or 4) bytes from
 * `from` to `to`, **both as they lie in memory**: of a big-endian field pass `swap16(value)` or `swap32(value)`. With size 0,
 * `from` is 0 and `to` a `checksumDifference`. Returns 0, -22 (EINVAL) or -14 (EFAULT).
 */
export const replaceL3Checksum = intrinsic(
  helper(10, "l3_csum_replace", [packet(0), value(1), value(2), value(3), value(4)], "s32", MOVES),
  (target: Packet, offset: u32, from: u32, to: u32, flags: u32): s32 =>
    replaceL3(simulated(target), offset, from, to, flags),
);

/**
 * Corrects a TCP, UDP or ICMP checksum as `replaceL3Checksum` does; `flags` is the size (0, 2, 4) plus CHECKSUM_ flags. Of
 * a packet whose checksum the device will fill in, only pseudo-header changes are applied.
 */
export const replaceL4Checksum = intrinsic(
  helper(11, "l4_csum_replace", [packet(0), value(1), value(2), value(3), value(4)], "s32", MOVES),
  (target: Packet, offset: u32, from: u32, to: u32, flags: u32): s32 =>
    replaceL4(simulated(target), offset, from, to, flags),
);

/**
 * The checksum of what `to` refers to, less that of `from` (each may be null; sizes are multiples of 4), plus `seed`: for
 * size 0 of the functions above. As the kernel's sums: of memory words in native order. Linux ≥ 6.13 folds it to 16 bits (as
 * the simulator does), earlier ones do not; both mean the same.
 */
export const checksumDifference = intrinsic(
  helper(28, "csum_diff", [nullable(0), size(0), nullable(1), size(1), value(2)], "u32"),
  (from: object | null, to: object | null, seed: u32): u32 => {
    let sum = seed;
    for (const [reference, sign] of [[from, -1] as const, [to, 1] as const]) {
      if (reference === null) continue;
      const { data, at, size: length } = placeOf(reference);
      if (length % 4 !== 0) return -EINVAL >>> 0;
      const part = sumBytes(data, at, length);
      sum = addChecksum(sum, sign < 0 ? ~part >>> 0 : part);
    }
    return foldChecksum(sum);
  },
);

/**
 * Changes how many of the packet's checksums, from the outside in, count as verified: one more or one less after a
 * header with a checksum was added or removed, or none. QUERY returns that number less one, or -13 (EACCES: none is
 * known to be right); the others return 0. -22 (EINVAL) for another `action`.
 */
export const checksumLevel = intrinsic(
  helper(135, "csum_level", [packet(0), value(1)], "s32"),
  (target: Packet, action: u64): s32 => changeLevel(simulated(target), Number(action)),
);
