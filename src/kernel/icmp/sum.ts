// SPDX-License-Identifier: MIT OR GPL-2.0-only
import {
  bytes,
  checksumDifference,
  type Infer,
  type Packet,
  struct,
  swap16,
  type u16,
  u16be,
  type u32,
} from "../../bpf/index.ts";
import { fold } from "../forward/checksum.ts";

export const Word = struct("Word", { value: u16be });
export type Word = Infer<typeof Word>;

/** What is summed at once, bytes: `wordsOf` takes whole chunks. */
export const CHUNK = 64;
export const Chunk = struct("Chunk", { bytes: bytes(CHUNK) });
export type Chunk = Infer<typeof Chunk>;

/** Chunks in the most that is summed: 576 bytes. */
const MOST_CHUNKS = 9;

/** The sum, carried to 16 bits, of the words in `chunks` chunks of the packet from `offset` on. */
export function wordsOf(packet: Packet, offset: u16, chunks: u32): u16 {
  let sum = 0;
  for (let i = 0; i < MOST_CHUNKS; i++) {
    if (i < chunks) {
      const chunk = packet.header(Chunk, (offset & 0xfff) + i * CHUNK);
      // The kernel's sums are of words as they lie in memory.
      if (chunk !== null) sum = checksumDifference(null, chunk, sum);
    }
  }
  return swap16(~fold(sum) & 0xffff);
}
