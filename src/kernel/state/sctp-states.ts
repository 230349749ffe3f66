// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** SCTP's states as numbers of `Connection.state`, and what packets are to them. */
import { STATE_SCTP } from "../tables.ts";

export const SCTP_NONE = STATE_SCTP;
export const SCTP_INIT1 = STATE_SCTP + 1;
export const SCTP_INIT = STATE_SCTP + 2;
export const SCTP_COOKIE_SENT = STATE_SCTP + 3;
export const SCTP_COOKIE_REPLIED = STATE_SCTP + 4;
export const SCTP_COOKIE_WAIT = STATE_SCTP + 5;
export const SCTP_COOKIE = STATE_SCTP + 6;
export const SCTP_COOKIE_ECHOED = STATE_SCTP + 7;
export const SCTP_ESTABLISHED = STATE_SCTP + 8;
export const SCTP_SHUTDOWN_SENT = STATE_SCTP + 9;
export const SCTP_SHUTDOWN_RECEIVED = STATE_SCTP + 10;
export const SCTP_SHUTDOWN_ACK_SENT = STATE_SCTP + 11;
export const SCTP_REJECTED = STATE_SCTP + 12;
export const SCTP_CLOSED = STATE_SCTP + 13;

/**
 * Events: what a packet is to the state machine, in four bits. Those that say something are the types of their first chunk (RFC 9260);
 * all others are EVENT_DATA. A cookie with an ABORT behind it is one of its own: it ends a connection, but may begin one.
 */
export const EVENT_DATA = 0;
export const EVENT_INIT = 1;
export const EVENT_INIT_ACK = 2;
export const EVENT_COOKIE_ABORT = 3;
export const EVENT_ABORT = 6;
export const EVENT_SHUTDOWN = 7;
export const EVENT_SHUTDOWN_ACK = 8;
export const EVENT_ERROR = 9;
export const EVENT_COOKIE_ECHO = 10;
export const EVENT_COOKIE_ACK = 11;
export const EVENT_SHUTDOWN_COMPLETE = 14;
