/** Timeouts in seconds, as people set them, and in ticks, as the datapath counts. */
import {
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
  STATE_UDP,
  STATES,
  TICK_SHIFT,
} from "../../kernel/tables.ts";

const TICKS_PER_SECOND = 1e9 / 2 ** Number(TICK_SHIFT);

/** The nearest number of ticks, at least 1. */
export function ticksOf(seconds: number): number {
  return Math.min(Math.max(Math.round(seconds * TICKS_PER_SECOND), 1), 0xffffffff);
}

/** The nearest number of seconds: a tick is less than half a second, so what was set is read back exactly. */
export function secondsOf(ticks: number): number {
  return Math.round(ticks / TICKS_PER_SECOND);
}

/** Whole seconds in that many ticks, rounded down. */
export function wholeSeconds(ticks: number): number {
  return Math.floor(ticks / TICKS_PER_SECOND);
}

/** IPVS's timeouts for each state, s (Linux 6.1; recordings: states/nat.json). */
export const DEFAULT_TIMEOUTS: readonly number[] = Array.from({ length: STATES }, (_, state) => {
  switch (state) {
    case STATE_NONE:
      return 2;
    case STATE_ESTABLISHED:
      return 900;
    case STATE_SYN_SENT:
    case STATE_FIN_WAIT:
    case STATE_TIME_WAIT:
    case STATE_LISTEN:
    case STATE_SYNACK:
      return 120;
    case STATE_SYN_RECV:
    case STATE_CLOSE_WAIT:
      return 60;
    case STATE_CLOSE:
      return 10;
    case STATE_LAST_ACK:
      return 30;
    case STATE_UDP:
      return 300;
    default:
      throw new RangeError(`no default timeout for state ${state}`);
  }
});

/** The states whose timeouts people set, in the order of `ipvsadm --set`. */
export const SETTABLE_STATES = [STATE_ESTABLISHED, STATE_FIN_WAIT, STATE_UDP] as const;
