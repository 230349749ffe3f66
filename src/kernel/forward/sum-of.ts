// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { checksumDifference, loadBytes, type Packet, swap16, type u32 } from "../../bpf/index.ts";
import { WINDOW, window } from "../tables.ts";
import { fold } from "./checksum.ts";

/** Windows in the most that is summed: 16 KiB, more than any packet but super-packets. */
const MOST_WINDOWS = 32;

/** No packet has a byte there: reading from there clears. */
const BEYOND = 0x7fff0000;

/** Answer of `sumOf`: it cannot be told. */
export const NO_SUM = 0xffffffff;

/**
 * The sum, carried to 16 bits, of the words of `length` bytes of the packet from `offset` on; of an odd number of bytes, the last
 * word's second is 0. It reads them all. NO_SUM: they are not there, or more than 16 KiB. @separate
 */
export function sumOf(packet: Packet, offset: u32, length: u32): u32 {
  const part = window.lookup(0);
  if (part === null || length > MOST_WINDOWS * WINDOW) return NO_SUM;
  let sum = 0;
  let left = length;
  for (let i = 0; i < MOST_WINDOWS; i++) {
    if (left === 0) break;
    const count = Math.min(left, WINDOW);
    if (count < WINDOW) loadBytes(packet, BEYOND, part);
    if (loadBytes(packet, (offset + i * WINDOW) >>> 0, part.bytes, Math.max(count, 1)) !== 0) return NO_SUM;
    // The kernel's sums are of words as they lie in memory.
    sum = checksumDifference(null, part, sum);
    left = (left - count) >>> 0;
  }
  return swap16(~fold(sum) & 0xffff);
}
