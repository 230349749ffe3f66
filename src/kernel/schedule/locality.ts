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
  u32,
} from "../../bpf/index.ts";
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
/** Set in the cursor as soon as the run is drawn. */
const RUN_DRAWN = 1n << 32n;
const SECOND = 1_000_000_000n;

/** The run of the service's scheduler (`LocalityKey.run`). */
function runOf(service: Service): u32 {
  const cursor = readOnce(service, "cursor");
  if (cursor !== 0n) return Number(cursor & RUN_MASK);
  const drawn = BigInt(random()) | RUN_DRAWN;
  const before = atomicCompareExchange(service, "cursor", 0n, drawn);
  return Number((before === 0n ? drawn : before) & RUN_MASK);
}

/** Fills in a key: the service's memory of the address that the packet in hand goes to (IPv6: the one looked for). */
export function setLocalityKey(key: LocalityKey, index: u32, service: Service, destination: u32): void {
  key.service = index;
  key.run = runOf(service);
  if (family.value === 6) {
    const mine = scratch.lookup(0);
    if (mine !== null) copy(key.address, mine.destination);
  } else {
    key.address.words[0] = destination;
  }
}

/** Whether more than `seconds` (signed, as sysctls are) have passed at tick `now` since tick `then`. */
export function isOver(then: u32, now: u32, seconds: u32): boolean {
  const limit = seconds | 0;
  if (limit < 0) return true;
  return BigInt((now - then) >>> 0) > (BigInt(limit) * SECOND) >> TICK_SHIFT;
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
  return idle.found !== 0;
}
