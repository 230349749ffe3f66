// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Which packets open connections, and what becomes of a connection when such a packet comes for it: a client that uses a port
 * again (recordings: transitions/reuse.json). `what` is protocol × 256 + TCP flags or SCTP's EVENT_*.
 */
import type { u16, u32 } from "../../bpf/index.ts";
import { TCP_RST, TCP_SYN } from "../headers.ts";
import { sctpServices, tcpServices } from "../options.ts";
import { SYSCTL_CONN_REUSE_MODE, SYSCTL_SLOPPY_SCTP, SYSCTL_SLOPPY_TCP } from "../sysctls.ts";
import {
  KIND_NO_OUTPUT,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  STATE_CLOSE,
  STATE_FIN_WAIT,
  STATE_TIME_WAIT,
  settings,
} from "../tables.ts";
import { EVENT_ABORT, EVENT_INIT, SCTP_CLOSED } from "./sctp-states.ts";

/** Of conn_reuse_mode: also in FIN_WAIT where the replies are not seen. */
const ALSO_FIN_WAIT = 2;

/** Whether a packet without a connection may open one: SYN without RST, INIT, a datagram; if sloppy, all but RST and ABORT. */
export function mayOpen(what: u16): boolean {
  const protocol = what >>> 8;
  if (tcpServices.value && protocol === PROTOCOL_TCP) {
    if ((what & TCP_RST) !== 0) return false;
    return (what & TCP_SYN) !== 0 || settings.at(0).sysctls[SYSCTL_SLOPPY_TCP]! !== 0;
  }
  if (sctpServices.value && protocol === PROTOCOL_SCTP) {
    const event = what & 0xff;
    if (event === EVENT_INIT) return true;
    return event !== EVENT_ABORT && settings.at(0).sysctls[SYSCTL_SLOPPY_SCTP]! !== 0;
  }
  // AH and ESP only ever go with a connection that there is.
  return protocol === PROTOCOL_UDP;
}

/** Whether a client's packet begins a connection, though there may be one already: a segment with SYN (even one with RST), an INIT. */
export function beginsAnew(what: u16): boolean {
  if (sctpServices.value && what === PROTOCOL_SCTP * 256 + EVENT_INIT) return true;
  return (what & TCP_SYN) !== 0 && what >>> 8 === PROTOCOL_TCP;
}

/**
 * Whether a connection of this kind (KIND_*) and in this state makes way for another on the same port, which is scheduled anew:
 * one that is over, as conn_reuse_mode says.
 */
export function isReusable(kind: u32, state: u32): boolean {
  const mode = settings.at(0).sysctls[SYSCTL_CONN_REUSE_MODE]!;
  if (mode === 0) return false;
  if (state === STATE_TIME_WAIT || state === STATE_CLOSE || state === SCTP_CLOSED) return true;
  return state === STATE_FIN_WAIT && (mode & ALSO_FIN_WAIT) !== 0 && (kind & KIND_NO_OUTPUT) !== 0;
}
