// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Source hashing: the member in the bucket of the client's address (IPv6: folded), with sh-port also its port. If that is
 * not usable there is none, or with sh-fallback the first usable one of further hashes, whose offset goes round from the
 * original bucket. (Recordings: scheduling/sh, hash-sh.)
 */
import { type Infer, make, repeat, struct, u32 } from "../../bpf/index.ts";
import { POOL_FLAG_1, POOL_FLAG_2, pools } from "../tables.ts";
import { destinationIn, HASH_BUCKETS, hashBucket, isOpen } from "./bucket.ts";

export const SourceFallback = struct("SourceFallback", {
  /** Where the table begins; what is hashed; its own bucket. */
  start: u32,
  value: u32,
  original: u32,
  chosen: u32,
});
export type SourceFallback = Infer<typeof SourceFallback>;

function fallbackStep(round: u32, search: SourceFallback): u32 {
  const offset = (round + search.original) & (HASH_BUCKETS - 1);
  const destination = destinationIn(search.start, hashBucket(offset, search.value));
  if (!isOpen(destination)) return 0;
  search.chosen = destination;
  return 1;
}

/** Chooses a destination of the pool in that slot; 0: none is usable. @separate */
export function chooseBySource(poolIndex: u32, source: u32, port: u32): u32 {
  const pool = pools.lookup(poolIndex);
  if (pool === null) return 0;
  const value = (source + ((pool.flags & POOL_FLAG_2) === 0 ? 0 : port)) >>> 0;
  const original = hashBucket(0, value);
  const first = destinationIn(pool.bucketStart, original);
  if (isOpen(first)) return first;
  if ((pool.flags & POOL_FLAG_1) === 0) return 0;
  const search = make(SourceFallback, { start: pool.bucketStart, value, original, chosen: pool.zero });
  repeat(HASH_BUCKETS, fallbackStep, search);
  return search.chosen;
}
