// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The TCP states of a connection as its director sees them: a segment moves the state by who sent it and by its flags. There
 * are two sets of rules for each of three views: the client's segments and the server's, where both pass (NAT), and the client's
 * alone, where the server answers directly (direct routing, tunnels). The second set is that of secure_tcp: it believes in a
 * handshake only when both ends took part.
 *
 * Written down from recordings of IPVS (recordings/transitions/tcp.json). No segments lead to LAST_ACK and LISTEN; what is
 * said of them is what the same segment does in the state next to them.
 *
 * This is ordinary JavaScript that computes a table; the datapath reads only the table.
 */
import {
  STATE_BEGUN,
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
import { follow, ROW_INPUT_ONLY, ROW_SECURE, ROW_SERVER, type Rule, type Rules } from "./rules.ts";

/** What a segment is to the state machine: the first of the flags RST, SYN, FIN, ACK that it has, or none of them. */
export type Segment = "reset" | "open" | "close" | "acknowledge" | "nothing";

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

/** A segment without any of the flags belongs to no conversation. */
const NOTHING: readonly Rule[] = [[EVERY, STATE_CLOSE]];

const CLIENT: Rules<Segment> = {
  // A SYN opens the connection anew, unless data may be flowing.
  open: [
    [[STATE_SYN_SENT], STATE_ESTABLISHED],
    [allBut(STATE_ESTABLISHED), STATE_SYN_RECV],
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
    [allBut(STATE_SYN_RECV, STATE_LAST_ACK, STATE_LISTEN), STATE_CLOSE],
  ],
  nothing: NOTHING,
};

const SERVER: Rules<Segment> = {
  // The server's SYN with ACK answers the client's. Elsewhere the server opens a connection of its own.
  open: [
    [[STATE_SYNACK], STATE_SYN_RECV],
    [allBut(STATE_ESTABLISHED, STATE_SYN_RECV, STATE_LISTEN), STATE_SYN_SENT],
  ],
  close: [
    [[STATE_ESTABLISHED], STATE_FIN_WAIT],
    [[...OPENING, STATE_CLOSE_WAIT], STATE_TIME_WAIT],
  ],
  acknowledge: [[[...OPENING, STATE_LISTEN], STATE_ESTABLISHED]],
  reset: [[allBut(STATE_SYN_SENT, STATE_TIME_WAIT), STATE_CLOSE]],
  nothing: NOTHING,
};

/** The client's segments alone: its FIN is the last that is seen of a connection, so it counts like the server's. */
const CLIENT_ALONE: Rules<Segment> = {
  open: [[allBut(STATE_ESTABLISHED), STATE_SYN_RECV]],
  close: [
    [[STATE_ESTABLISHED], STATE_FIN_WAIT],
    [[STATE_SYN_RECV, STATE_SYNACK], STATE_TIME_WAIT],
    [[STATE_NONE], STATE_CLOSE],
  ],
  acknowledge: CLIENT.acknowledge,
  reset: [[allBut(STATE_SYN_RECV), STATE_CLOSE]],
  nothing: NOTHING,
};

const SECURE_CLIENT: Rules<Segment> = {
  open: [
    [[STATE_SYN_SENT], STATE_ESTABLISHED],
    [allBut(STATE_ESTABLISHED, STATE_SYNACK), STATE_SYN_RECV],
  ],
  close: [
    [[STATE_ESTABLISHED], STATE_CLOSE_WAIT],
    [[STATE_SYN_RECV, STATE_FIN_WAIT], STATE_TIME_WAIT],
    [[STATE_NONE], STATE_CLOSE],
  ],
  // The client cannot establish a connection by itself: the server's next acknowledgement does.
  acknowledge: [
    [[STATE_NONE], STATE_ESTABLISHED],
    [[STATE_LAST_ACK], STATE_CLOSE],
  ],
  reset: [[allBut(STATE_SYN_RECV, STATE_LAST_ACK, STATE_LISTEN), STATE_CLOSE]],
  nothing: NOTHING,
};

const SECURE_SERVER: Rules<Segment> = {
  ...SERVER,
  open: [
    [[STATE_SYN_RECV], STATE_SYNACK],
    [allBut(STATE_ESTABLISHED, STATE_SYNACK, STATE_LISTEN), STATE_SYN_SENT],
  ],
};

const SECURE_CLIENT_ALONE: Rules<Segment> = {
  ...CLIENT_ALONE,
  open: [[allBut(STATE_ESTABLISHED, STATE_SYN_RECV), STATE_SYNACK]],
};

/** By row; no server's packet is one of a connection whose replies are not seen. */
const ROWS: readonly Rules<Segment>[] = [
  CLIENT,
  SERVER,
  CLIENT_ALONE,
  SERVER,
  SECURE_CLIENT,
  SECURE_SERVER,
  SECURE_CLIENT_ALONE,
  SECURE_SERVER,
];

/** How many rows the table has. */
export const TCP_ROWS = (ROW_SERVER | ROW_INPUT_ONLY | ROW_SECURE) + 1;

/** Which segment the low five flags (FIN 1, SYN 2, RST 4, PSH 8, ACK 16) make. */
export function segmentOf(flags: number): Segment {
  if ((flags & 4) !== 0) return "reset";
  if ((flags & 2) !== 0) return "open";
  if ((flags & 1) !== 0) return "close";
  return (flags & 16) !== 0 ? "acknowledge" : "nothing";
}

/** The state after a segment; `row`: ROW_* bits. */
export function stateAfter(state: number, row: number, flags: number): number {
  return follow(ROWS[row]![segmentOf(flags)], state);
}

/** `stateAfter` for all rows, low five flags and states: at row × 512 + flags × 16 + state. */
export function tcpStateTable(): number[] {
  return Array.from({ length: TCP_ROWS * 512 }, (_, index) =>
    stateAfter((index & 15) === STATE_BEGUN ? STATE_NONE : index & 15, index >> 9, (index >> 4) & 31),
  );
}
