// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** Connection states. */

/**
 * Connection states: TCP's eleven as numbered by IPVS (and by `Settings.timeouts`), UDP's one, two of templates: one that a
 * connection proved right, and one that none did yet; and from 16 on SCTP's fourteen, as numbered by IPVS.
 */
export const STATE_NONE = 0;
export const STATE_ESTABLISHED = 1;
export const STATE_SYN_SENT = 2;
export const STATE_SYN_RECV = 3;
export const STATE_FIN_WAIT = 4;
export const STATE_TIME_WAIT = 5;
export const STATE_CLOSE = 6;
export const STATE_CLOSE_WAIT = 7;
export const STATE_LAST_ACK = 8;
export const STATE_LISTEN = 9;
export const STATE_SYNACK = 10;
export const STATE_UDP = 11;
export const STATE_ASSURED = 12;
export const STATE_UNASSURED = 13;
/** TCP: what IPVS calls NONE: no segment has been seen yet, only an ICMP error (sysctl schedule_icmp). */
export const STATE_BEGUN = 14;
export const STATE_SCTP = 16;
export const STATE_SCTP_ESTABLISHED = 24;
export const STATES = 32;
/** As listings print them, by number. */
export const STATE_NAMES = [
  "NONE",
  "ESTABLISHED",
  "SYN_SENT",
  "SYN_RECV",
  "FIN_WAIT",
  "TIME_WAIT",
  "CLOSE",
  "CLOSE_WAIT",
  "LAST_ACK",
  "LISTEN",
  "SYNACK",
  "UDP",
  "ASSURED",
  "NONE",
  "NONE",
  "",
  "NONE",
  "INIT1",
  "INIT",
  "C-SENT",
  "C-REPLIED",
  "C-WAIT",
  "COOKIE",
  "C-ECHOED",
  "ESTABLISHED",
  "S-SENT",
  "S-RECEIVED",
  "S-ACK-SENT",
  "REJECTED",
  "CLOSED",
] as const;

/** Parts of `Connection.state`: the STATE_*; counted as inactive; being removed; to be ended; where the slot's generation begins. */
export const STATE_MASK = 0xff;
export const STATE_INACTIVE = 0x100;
export const STATE_REMOVED = 0x200;
/** The connection is to end whatever its time; no packet finds it any more. Set by the administration, and where a connection has lost its flows. */
export const STATE_ENDED = 0x400;
/** A control connection, whose data connections are followed (ftp/). It is so from its beginning. */
export const STATE_HELPED = 0x800;
export const STATE_GENERATION_SHIFT = 16;
