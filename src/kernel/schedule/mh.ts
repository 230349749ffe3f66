// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Maglev hashing (Eisenbud et al., NSDI 2016): the member in the bucket of the client's address (IPv6: folded), with mh-port also
 * its port. If that is not usable there is none, or with mh-fallback the first usable one of further hashes, whose offset
 * goes round from the original bucket. (Recordings: scheduling/mh, hash-mh.)
 */
import { type Infer, make, repeat, struct, u32 } from "../../bpf/index.ts";
import { POOL_FLAG_1, POOL_FLAG_2, pools } from "../tables.ts";
import { destinationIn, isOpen } from "./bucket.ts";
import { sipHash } from "./siphash.ts";

/** Buckets of mh: a prime. */
export const MAGLEV_BUCKETS = 4093;

/** The key of the hash that finds a bucket (of a client, and a server's first). */
const LOOKUP_KEY = 2654435761n;

/** The bucket of a number, `offset` added to what is hashed. */
export function maglevBucket(offset: u32, value: u32): u32 {
  return sipHash((offset + value) >>> 0, LOOKUP_KEY) % MAGLEV_BUCKETS;
}

export const MaglevFallback = struct("MaglevFallback", {
  /** Where the table begins; what is hashed; its own bucket. */
  start: u32,
  value: u32,
  original: u32,
  chosen: u32,
});
export type MaglevFallback = Infer<typeof MaglevFallback>;

function fallbackStep(round: u32, search: MaglevFallback): u32 {
  const offset = (round + search.original) % MAGLEV_BUCKETS;
  const destination = destinationIn(search.start, maglevBucket(offset, search.value));
  if (!isOpen(destination)) return 0;
  search.chosen = destination;
  return 1;
}

/** Chooses a destination of the pool in that slot; 0: none is usable. @separate */
export function chooseByMaglev(poolIndex: u32, source: u32, port: u32): u32 {
  const pool = pools.lookup(poolIndex);
  if (pool === null) return 0;
  const value = (source + ((pool.flags & POOL_FLAG_2) === 0 ? 0 : port)) >>> 0;
  const original = maglevBucket(0, value);
  const first = destinationIn(pool.bucketStart, original);
  if (isOpen(first)) return first;
  if ((pool.flags & POOL_FLAG_1) === 0) return 0;
  const search = make(MaglevFallback, { start: pool.bucketStart, value, original, chosen: pool.zero });
  repeat(MAGLEV_BUCKETS, fallbackStep, search);
  return search.chosen;
}
