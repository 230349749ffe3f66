// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The tables that sh, dh and mh choose from, as the administration builds them: a pure function of the list. Members come in
 * list order (the one added last first), and a table is built anew with every change of the list or its weights.
 */
import { HASH_BUCKETS } from "./bucket.ts";
import { MAGLEV_BUCKETS, maglevBucket } from "./mh.ts";
import { sipHash } from "./siphash.ts";

/** Nobody's bucket. */
const NOBODY = 0;

/** A member as dh sees it. */
export interface BucketMember {
  /** Slot in destinationTable, 1 … 65535. */
  readonly destination: number;
}

export interface WeightedBucketMember extends BucketMember {
  readonly weight: number;
}

export interface MaglevMember extends BucketMember {
  /** Its address as `maglevAddress` gives it. */
  readonly address: number;
  /** As the service's table says; 0 for servers of services by mark that have none. */
  readonly port: number;
  /**
   * Its `Destination.lastWeight`: its weight, or if that is 0 the one before it was set to 0; 0 if it was added with 0 and has
   * never had another. So a server that is quiesced keeps its buckets.
   */
  readonly lastWeight: number;
}

/** dh: one bucket for each member in turn, whatever its weight; all buckets empty without members. */
export function dhBuckets(members: readonly BucketMember[]): Uint16Array {
  return inTurn(members.map(({ destination }) => ({ destination, turns: 1 })));
}

/** sh: as many buckets in a row for each member in turn as it weighs, but one at least. */
export function shBuckets(members: readonly WeightedBucketMember[]): Uint16Array {
  return inTurn(members.map(({ destination, weight }) => ({ destination, turns: Math.max(weight, 1) })));
}

function inTurn(members: readonly { readonly destination: number; readonly turns: number }[]): Uint16Array {
  const table = new Uint16Array(HASH_BUCKETS).fill(NOBODY);
  if (members.length === 0) return table;
  for (let filled = 0, at = 0; filled < HASH_BUCKETS; at = (at + 1) % members.length) {
    const { destination, turns } = members[at]!;
    const end = Math.min(filled + turns, HASH_BUCKETS);
    table.fill(destination, filled, end);
    filled = end;
  }
  return table;
}

/**
 * A real server's address (`Address.words`) as mh takes it. All servers are seen as of the service's family: of an IPv6 server
 * behind a tunnel of an IPv4 service only the first word counts, otherwise the exclusive or of all.
 */
export function maglevAddress(words: readonly number[], family: 4 | 6): number {
  if (family === 4) return words[0]!;
  return words.reduce((folded, word) => (folded ^ word) >>> 0, 0);
}

const SKIP_KEY = 2654446892n;

/** Bits that turns have at most. */
const TURN_BITS = 6;

/**
 * mh: members take turns in choosing a bucket that is still free, each in an order of its own that follows from its address
 * and port; a member has as many turns in a row as it weighs. Weights count by their ratio, made coarser so that the largest
 * has no more than 63 turns. Members whose last weight is 0 take none; if all are, all buckets stay empty.
 */
export function mhBuckets(members: readonly MaglevMember[]): Uint16Array {
  const table = new Uint16Array(MAGLEV_BUCKETS).fill(NOBODY);
  const takers = takersOf(members);
  if (takers.length === 0) return table;
  for (let filled = 0; ; ) {
    for (const taker of takers) {
      for (let turn = 0; turn < taker.turns; turn++) {
        while (table[taker.next] !== NOBODY) taker.next = (taker.next + taker.skip) % MAGLEV_BUCKETS;
        table[taker.next] = taker.destination;
        filled += 1;
        if (filled === MAGLEV_BUCKETS) return table;
      }
    }
  }
}

interface Taker {
  readonly destination: number;
  readonly turns: number;
  readonly skip: number;
  next: number;
}

function takersOf(members: readonly MaglevMember[]): Taker[] {
  const weighty = members.filter(({ lastWeight }) => lastWeight > 0);
  const divisor = weighty.reduce((common, { lastWeight }) => greatestCommonDivisor(common, lastWeight), 0);
  const largest = weighty.reduce((most, { lastWeight }) => Math.max(most, lastWeight), 0) / (divisor || 1);
  const shift = Math.max(bitsOf(largest) - TURN_BITS, 0);
  return weighty.map(({ destination, address, port, lastWeight }) => ({
    destination,
    turns: Math.max((lastWeight / divisor) >>> shift, 1),
    next: maglevBucket(port, address),
    skip: (sipHash((port + address) >>> 0, SKIP_KEY) % (MAGLEV_BUCKETS - 1)) + 1,
  }));
}

/** The number of bits of a positive integer; 0 for 0. */
function bitsOf(value: number): number {
  return 32 - Math.clz32(value);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
