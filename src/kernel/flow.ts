// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The flow table: from a packet's addresses and ports to its connection.
 *
 * A flow hashes to a bucket (half a cache line) and, if that is full, to the next one. A word of a bucket names a connection and
 * a direction, beside a tag of 7 bits by which most others are told apart without looking at them.
 *
 * There are no locks. A word is put into a free place by compare-and-exchange, and two CPUs may put the same flow into two
 * places. So whoever has put one in looks once more and takes it out again if there is another: at least one of the two sees it.
 */
import { atomicAdd, atomicCompareExchange, copy, readOnce, type u32, type u64 } from "../bpf/index.ts";
import { admission, family, sip } from "./options.ts";
import {
  type Address,
  type Connection,
  connectionTable,
  FLOW_WAYS,
  type FlowKey,
  FROM_CLIENT,
  flows,
  KIND_ENGINE,
  KIND_IPV6,
  KIND_OF_FLOW,
  pressure,
  scratch,
  settings,
  wide,
} from "./tables.ts";
import { isSame, MINUS_ONE } from "./words.ts";

/** No slot of the connection table. */
export const NO_CONNECTION = 0xffffffff;

const TAG_MASK = 0x7f;
const DIRECTION_SHIFT = 7;
const CONNECTION_SHIFT = 8;

/** Odd constants with well-mixed bits (from SplitMix64). */
const FIRST_FACTOR = 0xbf58476d1ce4e5b9n;
const SECOND_FACTOR = 0x94d049bb133111ebn;

/** A hash of a flow. Its upper half is better than its lower. */
export function hashWith(key: FlowKey, seed: u32): u64 {
  const addresses = (BigInt(key.source) << 32n) | BigInt(key.destination);
  const ports =
    (BigInt(key.sourcePort) << 32n) | (BigInt(key.destinationPort) << 16n) | BigInt(key.kind & KIND_OF_FLOW);
  const first = BigInt.asUintN(64, (addresses ^ BigInt(seed)) * FIRST_FACTOR);
  const second = BigInt.asUintN(64, BigInt.asUintN(64, (first ^ (first >> 32n)) + ports) * SECOND_FACTOR);
  return second ^ (second >> 29n);
}

/** The hash of a flow in the flow table. */
export function hashOf(key: FlowKey): u64 {
  return hashWith(key, pressure.at(0).seed);
}

/** The bucket that a hash belongs to: its upper half, scaled to their number. */
function bucketOf(hash: u64): u32 {
  return Number(((hash >> 32n) * BigInt(settings.at(0).connectionLimit)) >> 32n);
}

/** The bucket after one. */
function bucketAfter(bucket: u32): u32 {
  return bucket + 1 < settings.at(0).connectionLimit ? (bucket + 1) >>> 0 : 0;
}

function tagOf(hash: u64): u32 {
  const tag = Number(hash & 0x7fn);
  return tag === 0 ? 1 : tag;
}

/** The connection that a word names. */
export function connectionOf(word: u32): u32 {
  return word >>> CONNECTION_SHIFT;
}

/** The direction that a word names. */
export function directionOf(word: u32): u32 {
  return (word >>> DIRECTION_SHIFT) & 1;
}

/** The word of a flow with that hash. */
export function wordOf(hash: u64, connection: u32, direction: u32): u32 {
  const tag = tagOf(hash);
  return ((connection << CONNECTION_SHIFT) | (direction << DIRECTION_SHIFT) | tag) >>> 0;
}

/**
 * IPv6: what is looked for from now on is a flow between these addresses. Until the next call, `FlowKey`s that hold their
 * words stand for them.
 */
export function lookFor(source: Address, destination: Address): void {
  const mine = scratch.lookup(0);
  if (mine === null) return;
  copy(mine.source, source);
  copy(mine.destination, destination);
}

/** IPv6: whether the addresses of the connection in that slot are those looked for; their words are. */
function hasAddresses(slot: u32, direction: u32): boolean {
  const mine = scratch.lookup(0);
  const addresses = wide.lookup(slot);
  if (mine === null || addresses === null) return false;
  return direction === FROM_CLIENT
    ? isSame(addresses.client, mine.source) && isSame(addresses.virtual, mine.destination)
    : isSame(addresses.server, mine.source) && isSame(addresses.local, mine.destination);
}

/** Whether a packet with that key, going in that direction, is of the connection in slot `slot`. */
export function isFlowOf(connection: Connection, slot: u32, key: FlowKey, direction: u32): boolean {
  if (!hasKey(connection, key, direction)) return false;
  // A Call-ID is not told by addresses: whoever looks for one compares it (persistence/sip).
  if (sip.value && admission.value && (key.kind & KIND_ENGINE) !== 0) return true;
  return family.value === 4 || (key.kind & KIND_IPV6) === 0 || hasAddresses(slot, direction);
}

/** Whether a connection's ports and addresses, or of IPv6 ones their words, are those of a key in that direction. */
function hasKey(connection: Connection, key: FlowKey, direction: u32): boolean {
  if ((connection.kind & KIND_OF_FLOW) !== key.kind) return false;
  return direction === FROM_CLIENT
    ? connection.client === key.source &&
        connection.virtual === key.destination &&
        connection.clientPort === key.sourcePort &&
        connection.virtualPort === key.destinationPort
    : connection.server === key.source &&
        connection.local === key.destination &&
        connection.serverPort === key.sourcePort &&
        connection.localPort === key.destinationPort;
}

/** The word of a flow in one bucket, other than the word `except`; 0: none. */
function findIn(bucket: u32, tag: u32, key: FlowKey, except: u32): u32 {
  const place = flows.lookup(bucket);
  if (place === null) return 0;
  for (let i = 0; i < FLOW_WAYS; i++) {
    const word = readOnce(place.ways[i]!, "word");
    if ((word & TAG_MASK) === tag && word !== except) {
      const slot = word >>> CONNECTION_SHIFT;
      const connection = connectionTable.lookup(slot);
      if (connection !== null && isFlowOf(connection, slot, key, (word >>> DIRECTION_SHIFT) & 1)) return word;
    }
  }
  return 0;
}

/** The word of a flow, other than the word `except` (0: any); 0: there is none. For the hot path: @inline */
export function findFlow(key: FlowKey, hash: u64, except: u32): u32 {
  const tag = tagOf(hash);
  const home = bucketOf(hash);
  const found = findIn(home, tag, key, except);
  if (found !== 0) return found;
  const place = flows.lookup(home);
  if (place === null || place.overflow === 0) return 0;
  return findIn(bucketAfter(home), tag, key, except);
}

/** `findFlow` for those who do not mind a call. */
export function findFlowByCall(key: FlowKey, hash: u64, except: u32): u32 {
  return findFlow(key, hash, except);
}

/** Replaces a word of a bucket (0: a free place) by another. False if it is not there. */
function replaceIn(bucket: u32, before: u32, after: u32): boolean {
  const place = flows.lookup(bucket);
  if (place === null) return false;
  for (let i = 0; i < FLOW_WAYS; i++) {
    const way = place.ways[i]!;
    if (readOnce(way, "word") === before && atomicCompareExchange(way, "word", before, after) === before)
      return true;
  }
  return false;
}

/** Answers of `putInFront`. */
export const ABSENT = 0;
export const IN_FRONT = 1;
export const IN_ITS_PLACE = 2;

/**
 * Puts a word into the table where it is found instead of another of the same flow, which is found again when the word is taken out. IN_ITS_PLACE:
 * there was no room for both, and the other is not in the table any more. ABSENT: it was not there, and nothing has been done.
 */
export function putInFront(hash: u64, other: u32, word: u32): u32 {
  const home = bucketOf(hash);
  if (replaceIn(home, other, word)) return insertBehind(hash, other) ? IN_FRONT : IN_ITS_PLACE;
  if (replaceIn(home, 0, word)) return IN_FRONT;
  return replaceIn(bucketAfter(home), other, word) ? IN_ITS_PLACE : ABSENT;
}

/** Puts a flow's word into the table. False: there is no room. */
export function insertFlow(hash: u64, word: u32): boolean {
  const home = bucketOf(hash);
  return replaceIn(home, 0, word) || insertBehind(hash, word);
}

/** Puts a flow's word into the bucket after its own. False: there is no room. */
function insertBehind(hash: u64, word: u32): boolean {
  const home = bucketOf(hash);
  const place = flows.lookup(home);
  if (place === null) return false;
  // Readers must not miss it: they look into the next bucket only if this says so.
  atomicAdd(place, "overflow", 1);
  if (replaceIn(bucketAfter(home), 0, word)) return true;
  atomicAdd(place, "overflow", MINUS_ONE);
  return false;
}

/** Takes a flow's word out of the table, if it is there. For the depth of the stack: @inline */
export function removeFlow(hash: u64, word: u32): void {
  const home = bucketOf(hash);
  if (replaceIn(home, word, 0) || !replaceIn(bucketAfter(home), word, 0)) return;
  const place = flows.lookup(home);
  if (place !== null) atomicAdd(place, "overflow", MINUS_ONE);
}
