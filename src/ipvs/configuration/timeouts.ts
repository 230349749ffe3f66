/** Timeouts in seconds, as people set them, and in ticks, as the datapath counts. */
import { STATE_ESTABLISHED, STATE_FIN_WAIT, STATE_UDP, TICK_SHIFT } from "../../kernel/tables.ts";

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

/** The states whose timeouts people set, in the order of `ipvsadm --set`. */
export const SETTABLE_STATES = [STATE_ESTABLISHED, STATE_FIN_WAIT, STATE_UDP] as const;
