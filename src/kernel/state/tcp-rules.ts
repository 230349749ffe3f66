// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The TCP states of a connection as its director sees them: both directions pass under NAT, so a segment moves the state
 * by who sent it and by its flags. Written down from recordings of IPVS (recordings/states, recordings/packets); what no
 * recording shows keeps the state, or is what the same segment does in the state next to it.
 *
 * This is ordinary JavaScript that computes a table; the datapath reads only the table.
 */
import {
  FROM_CLIENT,
  FROM_SERVER,
  STATE_CLOSE,
  STATE_CLOSE_WAIT,
  STATE_ESTABLISHED,
  STATE_FIN_WAIT,
  STATE_LAST_ACK,
  STATE_LISTEN,
  STATE_NONE,
  STATE_SYN_RECV,
  STATE_SYN_SENT,
  STATE_SYNACK,
  STATE_TIME_WAIT,
} from "../tables.ts";

/** What a segment is to the state machine: the first of these flags that it has. */
export type Segment = "reset" | "open" | "close" | "acknowledge";

/** From these states to that one; states that no line names stay. */
type Rule = readonly [from: readonly number[], to: number];

const EVERY = [
  STATE_NONE,
  STATE_ESTABLISHED,
  STATE_SYN_SENT,
  STATE_SYN_RECV,
  STATE_FIN_WAIT,
  STATE_TIME_WAIT,
  STATE_CLOSE,
  STATE_CLOSE_WAIT,
  STATE_LAST_ACK,
  STATE_LISTEN,
  STATE_SYNACK,
];

function allBut(...states: number[]): readonly number[] {
  return EVERY.filter((state) => !states.includes(state));
}

const OPENING = [STATE_NONE, STATE_SYN_RECV, STATE_SYNACK];

const FROM_CLIENT_RULES: Readonly<Record<Segment, readonly Rule[]>> = {
  // A SYN opens the connection anew, unless data may be flowing.
  open: [
    [[STATE_SYN_SENT], STATE_ESTABLISHED],
    [allBut(STATE_ESTABLISHED, STATE_SYN_SENT), STATE_SYN_RECV],
  ],
  close: [
    [[STATE_ESTABLISHED], STATE_CLOSE_WAIT],
    [[STATE_SYN_RECV, STATE_FIN_WAIT, STATE_SYNACK], STATE_TIME_WAIT],
    [[STATE_NONE], STATE_CLOSE],
  ],
  acknowledge: [
    [OPENING, STATE_ESTABLISHED],
    [[STATE_LAST_ACK], STATE_CLOSE],
  ],
  // Half-open connections outlive a reset: anyone can forge one, and the server would still answer the SYN.
  reset: [
    [[STATE_SYNACK], STATE_SYN_RECV],
    [allBut(STATE_SYN_RECV, STATE_SYNACK, STATE_LAST_ACK, STATE_LISTEN), STATE_CLOSE],
  ],
};

const FROM_SERVER_RULES: Readonly<Record<Segment, readonly Rule[]>> = {
  // The server's SYN with ACK answers the client's. Elsewhere the server opens a connection of its own.
  open: [
    [[STATE_SYNACK], STATE_SYN_RECV],
    [allBut(STATE_ESTABLISHED, STATE_SYN_RECV, STATE_SYNACK, STATE_LISTEN), STATE_SYN_SENT],
  ],
  close: [
    [[STATE_ESTABLISHED], STATE_FIN_WAIT],
    [[...OPENING, STATE_CLOSE_WAIT], STATE_TIME_WAIT],
  ],
  acknowledge: [[[...OPENING, STATE_LISTEN], STATE_ESTABLISHED]],
  reset: [[allBut(STATE_SYN_SENT, STATE_TIME_WAIT), STATE_CLOSE]],
};

/** Which segment the low five flags (FIN 1, SYN 2, RST 4, PSH 8, ACK 16) make; null: none that says anything. */
export function segmentOf(flags: number): Segment | null {
  if ((flags & 4) !== 0) return "reset";
  if ((flags & 2) !== 0) return "open";
  if ((flags & 1) !== 0) return "close";
  return (flags & 16) !== 0 ? "acknowledge" : null;
}

/** The state after a segment. */
export function stateAfter(state: number, direction: number, flags: number): number {
  const segment = segmentOf(flags);
  if (segment === null) return state;
  const rules = direction === FROM_CLIENT ? FROM_CLIENT_RULES : FROM_SERVER_RULES;
  return rules[segment].find(([from]) => from.includes(state))?.[1] ?? state;
}

/** `stateAfter` for all directions, low five flags and states: at direction × 512 + flags × 16 + state. */
export function tcpStateTable(): number[] {
  return [FROM_CLIENT, FROM_SERVER].flatMap((direction) =>
    Array.from({ length: 512 }, (_, index) => stateAfter(index & 15, direction, index >> 4)),
  );
}
