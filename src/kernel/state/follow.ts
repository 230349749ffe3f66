// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { atomicCompareExchange, constants, readOnce, u8, type u32 } from "../../bpf/index.ts";
import {
  type Connection,
  type Destination,
  due,
  STATE_INACTIVE,
  STATE_MASK,
  STATE_REMOVED,
  STATES,
  settings,
} from "../tables.ts";
import { activityOf, recount } from "./activity.ts";
import { tcpStateTable } from "./tcp-rules.ts";

/** The state after a segment, at direction × 512 + low five flags × 16 + state. */
export const tcpStates = constants("tcp_states", u8, tcpStateTable());

/** How often a change is tried when another CPU was first. */
const TRIES = 2;

/** The state of a connection after a TCP segment with these flags from that direction. */
export function stateAfterSegment(state: u32, direction: u32, flags: u32): u32 {
  return tcpStates.at(((direction & 1) << 9) | ((flags & 0x1f) << 4) | (state & 15)) & 15;
}

/** Moves a TCP connection on by a segment; returns its state. `word` is its state word as just read. */
export function followTcp(
  connection: Connection,
  destination: Destination,
  word: u32,
  direction: u32,
  flags: u32,
): u32 {
  let before = word;
  for (let i = 0; i < TRIES; i++) {
    const state = before & 15;
    const next = stateAfterSegment(state, direction, flags);
    if (next === state) return state;
    const after = ((before & ~(STATE_MASK | STATE_INACTIVE)) | next | activityOf(next)) >>> 0;
    if (atomicCompareExchange(connection, "state", before, after) === before) {
      recount(destination, before, after);
      return next;
    }
    before = readOnce(connection, "state");
    if ((before & STATE_REMOVED) !== 0) return before & 15;
  }
  return before & 15;
}

/** The timeout of a state, in ticks. */
export function timeoutOf(state: u32): u32 {
  return state < STATES ? settings.at(0).timeouts[state]! : 0;
}

/** The connection in slot `index` lives from `now` for as long as its state lasts. */
export function renew(connection: Connection, index: u32, state: u32, now: u32): void {
  const expires = (now + timeoutOf(state)) >>> 0;
  const before = connection.expires;
  if (expires === before) return;
  connection.expires = expires;
  if (expires < before) dueNoLaterThan(index, expires);
}

/** The sweeper looks at slot `index` by that tick. */
export function dueNoLaterThan(index: u32, tick: u32): void {
  const entry = due.lookup(index);
  if (entry === null) return;
  // The sweeper puts it off by compare-and-exchange, so a sooner tick stored here wins.
  if (readOnce(entry, "tick") > tick) entry.tick = tick;
}
