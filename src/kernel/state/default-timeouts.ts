// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** How long connections live in each state without a packet. Plain data, not part of any program. */
import { STATE_ESTABLISHED, STATE_SCTP, STATE_UDP, STATES } from "../tables.ts";
import { SCTP_ESTABLISHED, SCTP_INIT1, SCTP_REJECTED } from "./sctp-states.ts";

/** TCP's eleven states, s (Linux 6.1; recordings: transitions/timeouts.json). They are the same under secure_tcp. */
const TCP = [2, 900, 120, 60, 120, 120, 10, 60, 30, 120, 120];

/** SCTP's states but those below, s: a minute, and a second for what is on its way. */
const SCTP = 61;

/** By index of `Settings.timeouts`, s; what no state uses is 60. */
export const DEFAULT_TIMEOUTS: readonly number[] = Array.from({ length: STATES }, (_, state) => {
  if (state < TCP.length) return TCP[state]!;
  if (state === STATE_UDP) return 300;
  if (state === SCTP_INIT1 || state === SCTP_REJECTED) return 4;
  if (state === SCTP_ESTABLISHED) return TCP[STATE_ESTABLISHED]!;
  return state >= STATE_SCTP ? SCTP : 60;
});
