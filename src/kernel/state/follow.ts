// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** The state of a connection moves with its packets, and with it the connection's time. */
import { atomicCompareExchange, constants, readOnce, u8, type u32 } from "../../bpf/index.ts";
import {
  type Connection,
  DEFENCE_SECURE_TCP,
  type Destination,
  due,
  KIND_NO_OUTPUT,
  pressure,
  STATE_INACTIVE,
  STATE_MASK,
  STATE_REMOVED,
  STATE_SCTP,
  STATES,
  settings,
} from "../tables.ts";
import { activityOf, recount } from "./activity.ts";
import { sctpStateTable } from "./sctp-rules.ts";
import { tcpStateTable } from "./tcp-rules.ts";

/** TCP's state after a segment, at row (rules.ts) × 512 + low five flags × 16 + state. */
export const tcpStates = constants("tcp_states", u8, tcpStateTable());

/** SCTP's state after a packet, at row × 256 + EVENT_* × 16 + state − STATE_SCTP. */
export const sctpStates = constants("sctp_states", u8, sctpStateTable());

/** How often a change is tried when another CPU was first. */
const TRIES = 2;

/** The state of a TCP connection (`kind`: KIND_*) after a segment with these flags from that direction. */
export function stateAfterSegment(state: u32, kind: u32, direction: u32, flags: u32): u32 {
  const secure = (pressure.at(0).defence & DEFENCE_SECURE_TCP) << 11;
  const row = secure | ((kind & KIND_NO_OUTPUT) >>> 4) | ((direction & 1) << 9);
  return tcpStates.at(row | ((flags & 0x1f) << 4) | (state & 15)) & 15;
}

/** The state of an SCTP connection after a packet that is this EVENT_*. */
export function stateAfterChunk(state: u32, kind: u32, direction: u32, event: u32): u32 {
  const row = ((kind & KIND_NO_OUTPUT) >>> 5) | ((direction & 1) << 8);
  return sctpStates.at(row | ((event & 15) << 4) | (state & 15)) & 31;
}

/**
 * Makes `next` the state of a connection whose state word was `before`. Answers that word: if it is another, the state changed
 * meanwhile and has not been touched.
 */
function change(connection: Connection, destination: Destination, before: u32, next: u32): u32 {
  const after = ((before & ~(STATE_MASK | STATE_INACTIVE)) | next | activityOf(next)) >>> 0;
  const found = atomicCompareExchange(connection, "state", before, after);
  if (found === before) recount(destination, before, after);
  return found;
}

/** Moves a TCP connection on by a segment; returns its state. `word` is its state word as just read. */
export function followTcp(
  connection: Connection,
  destination: Destination,
  word: u32,
  direction: u32,
  flags: u32,
): u32 {
  const kind = connection.kind;
  let before = word;
  for (let i = 0; i < TRIES; i++) {
    const state = before & 15;
    const next = stateAfterSegment(state, kind, direction, flags);
    if (next === state) return state;
    const found = change(connection, destination, before, next);
    if (found === before) return next;
    before = found;
    if ((before & STATE_REMOVED) !== 0) return before & 15;
  }
  return before & 15;
}

/** Moves an SCTP connection on by a packet; returns its state. `word` is its state word as just read. */
export function followSctp(
  connection: Connection,
  destination: Destination,
  word: u32,
  direction: u32,
  event: u32,
): u32 {
  const kind = connection.kind;
  let before = word;
  for (let i = 0; i < TRIES; i++) {
    const state = before & STATE_MASK;
    const next = stateAfterChunk(state, kind, direction, event);
    if (next === state || state < STATE_SCTP) return state;
    const found = change(connection, destination, before, next);
    if (found === before) return next;
    before = found;
    if ((before & STATE_REMOVED) !== 0) return before & STATE_MASK;
  }
  return before & STATE_MASK;
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
