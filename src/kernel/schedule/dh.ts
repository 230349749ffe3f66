// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { u32 } from "../../bpf/index.ts";
import type { Pool } from "../tables.ts";
import { destinationIn, hashBucket, isOpen } from "./bucket.ts";

/**
 * Destination hashing: the member in the bucket of the destination address (IPv6: folded), 0 if it is not usable. There
 * is no fallback. (Recordings: scheduling/dh, hash-dh.)
 */
export function chooseByDestination(pool: Pool, destination: u32): u32 {
  const chosen = destinationIn(pool.bucketStart, hashBucket(0, destination));
  return isOpen(chosen) ? chosen : 0;
}
