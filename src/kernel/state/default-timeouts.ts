// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** How long connections live in each state without a packet. Plain data, not part of any program. */
import { SECURE_TIMEOUTS, STATE_ESTABLISHED, STATE_SCTP, STATE_UDP } from "../tables.ts";

/** TCP's eleven states, s (Linux 6.1; recordings: states/nat.json). */
const TCP = [2, 900, 120, 60, 120, 120, 10, 60, 30, 120, 120];

/** By index of `Settings.timeouts`, s; what no state uses is 60. */
export const DEFAULT_TIMEOUTS: readonly number[] = Array.from(
  { length: SECURE_TIMEOUTS + 16 },
  (_, index) => {
    if (index < TCP.length) return TCP[index]!;
    if (index === STATE_UDP) return 300;
    if (index === STATE_SCTP + 8) return TCP[STATE_ESTABLISHED]!;
    return 60;
  },
);
