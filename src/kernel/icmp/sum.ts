// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { type Infer, type Packet, struct, u16be, type u32 } from "../../bpf/index.ts";

export const Word = struct("Word", { value: u16be });
export type Word = Infer<typeof Word>;

/** Two of the words that Internet checksums add up. */
export const WordPair = struct("WordPair", { first: u16be, second: u16be });
export type WordPair = Infer<typeof WordPair>;

/** Pairs in the most that is summed: 548 bytes. */
const MOST_PAIRS = 137;

/** The sum of the packet's 16-bit words from `offset` on; `length` is a multiple of 4, at most 548. */
export function wordsOf(packet: Packet, offset: u32, length: u32): u32 {
  const pairs = length >>> 2;
  let sum = 0;
  for (let i = 0; i < MOST_PAIRS; i++) {
    if (i >= pairs) break;
    const pair = packet.header(WordPair, (offset & 0xfff) + i * 4);
    if (pair === null) break;
    sum = (sum + pair.first + pair.second) >>> 0;
  }
  return sum;
}
