// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Servers as the caches of lblc and lblcr remember them, in 32 bits: the destination's slot above 16 bits of its address and port. A slot
 * that was given to another server meanwhile does not match.
 */
import type { u16, u32 } from "../../bpf/index.ts";
import { type Destination, destinationTable } from "../tables.ts";
import { foldedOf } from "../words.ts";

function fingerprintOf(server: Destination): u16 {
  const folded = foldedOf(server.address);
  return ((folded >>> 16) ^ folded ^ server.port) & 0xffff;
}

/** The word for a destination; 0 if there is none in that slot. */
export function serverWord(destination: u32): u32 {
  const server = destinationTable.lookup(destination);
  return server === null ? 0 : ((destination << 16) | fingerprintOf(server)) >>> 0;
}

/** The server that a word means, or null if its slot is another's now. It may have been removed from its service. */
export function rememberedServer(word: u32, service: u32): Destination | null {
  const server = destinationTable.lookup(word >>> 16);
  if (server === null || server.service !== service) return null;
  return fingerprintOf(server) === (word & 0xffff) ? server : null;
}
