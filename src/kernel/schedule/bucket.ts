// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** The tables of sh, dh and mh (`buckets`) as the datapath reads them. What is in them: buckets.ts. */
import { trace, type u32 } from "../../bpf/index.ts";
import { buckets, destinationTable } from "../tables.ts";
import { takesConnections } from "./member.ts";

/** Buckets of sh and of dh. */
export const HASH_BUCKETS = 256;

/** Knuth's multiplicative hash of `value` to a bucket of sh and dh, `offset` buckets further on. */
export function hashBucket(offset: u32, value: u32): u32 {
  return (offset + (Math.imul(value, 0x61c88647) >>> 24)) & (HASH_BUCKETS - 1);
}

/** The destination in a bucket, 0 if there is nobody. */
export function destinationIn(start: u32, bucket: u32): u32 {
  const found = buckets.lookup((start + bucket) >>> 0);
  if (found === null) return 0;
  trace("bucket", bucket, found.destination);
  return found.destination;
}

/** Whether a destination, out of a bucket, takes new connections: it has a weight and is not overloaded. */
export function isOpen(destination: u32): boolean {
  const server = destinationTable.lookup(destination);
  if (server === null || server.weight === 0) return false;
  return takesConnections(destination);
}
