// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * How a server's connections count: those that are open or opening as active, all others as inactive (recordings:
 * transitions/activity.json; SYN_RECV is active). Schedulers and thresholds go by these numbers, so each change is made exactly once: by
 * whoever changed the connection's state word.
 */
import { atomicAdd, type u32 } from "../../bpf/index.ts";
import { thresholds } from "../options.ts";
import { type Destination, STATE_INACTIVE } from "../tables.ts";
import { MINUS_ONE } from "../words.ts";

/** Bit n: state n is active: ESTABLISHED, SYN_SENT, SYN_RECV, SYNACK; of SCTP's states ESTABLISHED (24) alone. */
export const ACTIVE_STATES = 0x100040e;

/** STATE_INACTIVE or 0: how a connection in `state` (0 … 31) counts. */
export function activityOf(state: u32): u32 {
  return ((ACTIVE_STATES >>> state) & 1) === 0 ? STATE_INACTIVE : 0;
}

/** A new connection with that state word. At the upper threshold the server is overloaded. */
export function countIn(destination: Destination, word: u32): void {
  if ((word & STATE_INACTIVE) === 0) atomicAdd(destination, "active", 1);
  else atomicAdd(destination, "inactive", 1);
  if (thresholds.value) {
    const upper = destination.upper;
    if (upper !== 0 && destination.active + destination.inactive >= upper) destination.overloaded = upper;
  }
}

/** The state word of a connection changed. */
export function recount(destination: Destination, before: u32, after: u32): void {
  if (((before ^ after) & STATE_INACTIVE) === 0) return;
  if ((after & STATE_INACTIVE) === 0) {
    atomicAdd(destination, "active", 1);
    atomicAdd(destination, "inactive", MINUS_ONE);
  } else {
    atomicAdd(destination, "inactive", 1);
    atomicAdd(destination, "active", MINUS_ONE);
  }
}

/** A connection ended. An overloaded server takes new ones again below its lower threshold, or 3/4 of the upper one. */
export function countOut(destination: Destination, word: u32): void {
  if ((word & STATE_INACTIVE) === 0) atomicAdd(destination, "active", MINUS_ONE);
  else atomicAdd(destination, "inactive", MINUS_ONE);
  if (thresholds.value && destination.overloaded !== 0 && hasRoomAgain(destination))
    destination.overloaded = 0;
}

/** Whether a server that was overloaded has so few connections that it is no more. */
function hasRoomAgain(destination: Destination): boolean {
  const total = destination.active + destination.inactive;
  const lower = destination.lower;
  return lower !== 0 ? total < lower : total * 4 < destination.upper * 3;
}

/**
 * Whether a server has reached its threshold and takes no new connections. The mark may be an old one: while there was no
 * threshold, nobody took it away.
 */
export function isOverloaded(destination: Destination): boolean {
  const reached = destination.overloaded;
  const upper = destination.upper;
  return reached !== 0 && upper !== 0 && upper <= reached && !hasRoomAgain(destination);
}
