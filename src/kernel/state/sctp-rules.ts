// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The SCTP states of a connection as its director sees them, from recordings of IPVS (recordings/transitions/sctp.json). As
 * for TCP there are three views: the client's packets and the server's, where both pass, and the client's alone.
 *
 * This is ordinary JavaScript that computes a table; the datapath reads only the table.
 */
import { STATE_SCTP } from "../tables.ts";
import { follow, ROW_INPUT_ONLY, ROW_SERVER, type Rule, type Rules } from "./rules.ts";
import {
  EVENT_ABORT,
  EVENT_COOKIE_ABORT,
  EVENT_COOKIE_ACK,
  EVENT_COOKIE_ECHO,
  EVENT_ERROR,
  EVENT_INIT,
  EVENT_INIT_ACK,
  EVENT_SHUTDOWN,
  EVENT_SHUTDOWN_ACK,
  EVENT_SHUTDOWN_COMPLETE,
  SCTP_CLOSED,
  SCTP_COOKIE,
  SCTP_COOKIE_ECHOED,
  SCTP_COOKIE_REPLIED,
  SCTP_COOKIE_SENT,
  SCTP_COOKIE_WAIT,
  SCTP_ESTABLISHED,
  SCTP_INIT,
  SCTP_INIT1,
  SCTP_NONE,
  SCTP_REJECTED,
  SCTP_SHUTDOWN_ACK_SENT,
  SCTP_SHUTDOWN_RECEIVED,
  SCTP_SHUTDOWN_SENT,
} from "./sctp-states.ts";

/** What a packet is to the state machine: its first chunk, or data. */
export type Chunk =
  | "data"
  | "init"
  | "initAck"
  | "cookieEcho"
  | "cookieAck"
  | "shutdown"
  | "shutdownAck"
  | "shutdownComplete"
  | "error"
  | "abort";

const EVERY = Array.from({ length: 14 }, (_, i) => STATE_SCTP + i);

function allBut(...states: number[]): readonly number[] {
  return EVERY.filter((state) => !states.includes(state));
}

/** The two states of a connection that has only seen INIT. */
const BEGUN = [SCTP_INIT1, SCTP_INIT];
/** States on the way to ESTABLISHED in which the server may take any further step. */
const OPENING = [...BEGUN, SCTP_COOKIE_SENT, SCTP_COOKIE_REPLIED];
/** And those in which both sides have sent INIT. */
const CROSSING = [SCTP_COOKIE_WAIT, SCTP_COOKIE];

const CLOSING: readonly Rule[] = [[EVERY, SCTP_CLOSED]];

const CLIENT: Rules<Chunk> = {
  data: [[[SCTP_NONE], SCTP_ESTABLISHED]],
  init: [
    [[SCTP_NONE], SCTP_INIT1],
    [[SCTP_INIT1, SCTP_CLOSED, SCTP_REJECTED], SCTP_INIT],
  ],
  initAck: [
    [[SCTP_NONE, ...BEGUN], SCTP_COOKIE_WAIT],
    [[SCTP_COOKIE_WAIT], SCTP_COOKIE],
  ],
  cookieEcho: [
    [[SCTP_NONE, SCTP_COOKIE_SENT], SCTP_COOKIE_REPLIED],
    [[SCTP_INIT1], SCTP_INIT],
  ],
  cookieAck: [[[SCTP_NONE, SCTP_COOKIE_ECHOED], SCTP_ESTABLISHED]],
  shutdown: [[[SCTP_NONE, SCTP_ESTABLISHED], SCTP_SHUTDOWN_RECEIVED]],
  shutdownAck: [
    [[SCTP_NONE, SCTP_SHUTDOWN_SENT, SCTP_SHUTDOWN_ACK_SENT], SCTP_CLOSED],
    [[SCTP_INIT1], SCTP_INIT],
  ],
  shutdownComplete: [[[SCTP_NONE, ...BEGUN, SCTP_SHUTDOWN_ACK_SENT], SCTP_CLOSED]],
  error: [[[SCTP_NONE, SCTP_COOKIE_ECHOED], SCTP_CLOSED]],
  abort: [[[SCTP_COOKIE_WAIT], SCTP_REJECTED], ...CLOSING],
};

const SERVER: Rules<Chunk> = {
  data: CLIENT.data,
  init: [[allBut(SCTP_ESTABLISHED), SCTP_COOKIE_WAIT]],
  initAck: [[[SCTP_NONE, ...BEGUN], SCTP_COOKIE_SENT]],
  cookieEcho: [[[SCTP_NONE, ...OPENING, ...CROSSING], SCTP_COOKIE_ECHOED]],
  cookieAck: [[[SCTP_NONE, ...OPENING, ...CROSSING, SCTP_COOKIE_ECHOED], SCTP_ESTABLISHED]],
  shutdown: [
    [[SCTP_NONE, ...OPENING, ...CROSSING, SCTP_COOKIE_ECHOED, SCTP_ESTABLISHED], SCTP_SHUTDOWN_SENT],
  ],
  shutdownAck: [
    [[SCTP_NONE, ...OPENING, SCTP_SHUTDOWN_SENT, SCTP_SHUTDOWN_RECEIVED], SCTP_SHUTDOWN_ACK_SENT],
  ],
  shutdownComplete: [[[SCTP_NONE], SCTP_CLOSED]],
  error: [[[SCTP_NONE, ...OPENING], SCTP_CLOSED]],
  abort: [[[SCTP_INIT1], SCTP_REJECTED], ...CLOSING],
};

/** The client's packets alone: each counts as answered. */
const CLIENT_ALONE: Rules<Chunk> = {
  data: CLIENT.data,
  init: CLIENT.init,
  initAck: [[[SCTP_NONE, ...BEGUN], SCTP_COOKIE_ECHOED]],
  cookieEcho: [[[SCTP_NONE, ...BEGUN], SCTP_ESTABLISHED]],
  cookieAck: CLIENT.cookieAck,
  shutdown: CLIENT.shutdown,
  shutdownAck: [
    [[SCTP_NONE, SCTP_ESTABLISHED], SCTP_CLOSED],
    [[SCTP_INIT1], SCTP_INIT],
  ],
  shutdownComplete: [[[SCTP_NONE, ...BEGUN, SCTP_SHUTDOWN_RECEIVED], SCTP_CLOSED]],
  error: [[[SCTP_NONE], SCTP_CLOSED]],
  abort: CLOSING,
};

/** By row; no server's packet is one of a connection whose replies are not seen. */
const ROWS: readonly Rules<Chunk>[] = [CLIENT, SERVER, CLIENT_ALONE, SERVER];

/** How many rows the table has. */
export const SCTP_ROWS = (ROW_SERVER | ROW_INPUT_ONLY) + 1;

const CHUNKS: Readonly<Record<number, Chunk>> = {
  [EVENT_INIT]: "init",
  [EVENT_INIT_ACK]: "initAck",
  [EVENT_COOKIE_ABORT]: "abort",
  [EVENT_ABORT]: "abort",
  [EVENT_SHUTDOWN]: "shutdown",
  [EVENT_SHUTDOWN_ACK]: "shutdownAck",
  [EVENT_ERROR]: "error",
  [EVENT_COOKIE_ECHO]: "cookieEcho",
  [EVENT_COOKIE_ACK]: "cookieAck",
  [EVENT_SHUTDOWN_COMPLETE]: "shutdownComplete",
};

/** The state after a packet: EVENT_*; `row`: ROW_* bits. */
export function sctpStateAfter(state: number, row: number, event: number): number {
  return follow(ROWS[row]![CHUNKS[event] ?? "data"], state);
}

/** `sctpStateAfter` for all rows, events and states: at row × 256 + event × 16 + state − STATE_SCTP. */
export function sctpStateTable(): number[] {
  return Array.from({ length: SCTP_ROWS * 256 }, (_, index) =>
    sctpStateAfter(STATE_SCTP + (index & 15), index >> 8, (index >> 4) & 15),
  );
}
