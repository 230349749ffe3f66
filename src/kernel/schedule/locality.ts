// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What lblc and lblcr share: whose memory it is, when a server is too busy to keep, and how long things are remembered. */
import {
  atomicCompareExchange,
  copy,
  type Infer,
  make,
  random,
  readOnce,
  repeat,
  struct,
  trace,
  u32,
  type u64,
} from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { family } from "../options.ts";
import {
  type Destination,
  destinationTable,
  type LocalityKey,
  members,
  type Pool,
  type Service,
  scratch,
  settings,
  TICK_SHIFT,
} from "../tables.ts";

const RUN_MASK = 0xffffffffn;
const START_SHIFT = 32n;
const SECOND = 1_000_000_000n;
/** Ticks from one tidying up to the next: half an hour. */
const TIDYING = 13_411;

/** The cursor of the service: its run, with the tick at which it began. */
function cursorOf(service: Service): u64 {
  const cursor = readOnce(service, "cursor");
  if (cursor !== 0n) return cursor;
  const drawn = (BigInt(currentTick()) << START_SHIFT) | BigInt((random() | 1) >>> 0);
  const before = atomicCompareExchange(service, "cursor", 0n, drawn);
  return before === 0n ? drawn : before;
}

/** Fills in a key: the service's memory of the address that the packet in hand goes to (IPv6: the one looked for). */
export function setLocalityKey(key: LocalityKey, index: u32, service: Service, destination: u32): void {
  key.service = index;
  key.run = Number(cursorOf(service) & RUN_MASK);
  if (family.value === 6) {
    const mine = scratch.lookup(0);
    if (mine !== null) copy(key.address, mine.destination);
  } else {
    key.address.words[0] = destination;
  }
}

/** So many seconds (signed, as sysctls are) in ticks; less than 0 counts as 0. */
export function ticksOf(seconds: u32): u64 {
  const limit = seconds | 0;
  return limit <= 0 ? 0n : (BigInt(limit) * SECOND) >> TICK_SHIFT;
}

/** Whether more than `seconds` have passed at tick `now` since tick `then`. */
export function isOver(then: u32, now: u32, seconds: u32): boolean {
  return BigInt((now - then) >>> 0) > ticksOf(seconds);
}

/**
 * Whether something that was last used at tick `usedAt` has been forgotten at tick `now`: what has not been used for `seconds` goes when the
 * run is tidied up, every half hour from its beginning.
 */
export function isForgotten(service: Service, usedAt: u32, now: u32, seconds: u32): boolean {
  const age = (now - Number(cursorOf(service) >> START_SHIFT)) >>> 0;
  const sinceTidying = age < TIDYING ? 0 : age % TIDYING;
  const tidiedAt = (now - sinceTidying) >>> 0;
  return age >= TIDYING && isBefore(usedAt, tidiedAt) && isOver(usedAt, tidiedAt, seconds);
}

/** Whether one tick comes before another, which is less than 9 years away. */
function isBefore(one: u32, other: u32): boolean {
  return ((one - other) | 0) < 0;
}

/** The value of a sysctl. */
export function sysctl(index: u32): u32 {
  return index < 64 ? settings.at(0).sysctls[index]! : 0;
}

export const Idle = struct("Idle", { start: u32, found: u32 });
export type Idle = Infer<typeof Idle>;

function idleStep(position: u32, idle: Idle): u32 {
  const member = members.lookup((idle.start + position) >>> 0);
  if (member === null) return 1;
  const server = destinationTable.lookup(member.destination);
  if (server === null || server.active * 2 >= member.weight) return 0;
  idle.found = 1;
  return 1;
}

/**
 * Whether a server is too busy to be kept for its address: it has more active connections than its weight, while another
 * member of the pool has fewer than half its own.
 */
export function isCrowded(pool: Pool, server: Destination): boolean {
  if (server.active <= server.weight) return false;
  const idle = make(Idle, { start: pool.start, found: pool.zero });
  repeat(pool.count, idleStep, idle);
  trace("crowded", idle.found);
  return idle.found !== 0;
}
