import { intrinsic } from "../intrinsic.ts";
import type { ArrayMap } from "../maps/array.ts";
import type { HashMap } from "../maps/hash.ts";
import { storageOf } from "../maps/kernel-map.ts";
import type { Infer, Schema, u64 } from "../schema/types.ts";
import { machine } from "../simulator/current.ts";
import { fieldPlace, type TimerField } from "./fields.ts";
import { callback, constant, field, helper, map, value } from "./lower.ts";

const CLOCK_MONOTONIC = 1;

/** The maps whose values may hold a timer. */
export type TimedMap<K extends Schema, V extends Schema> = HashMap<K, V> | ArrayMap<V>;

/**
 * Prepares the timer in a value of `map`. Returns 0, -16 (EBUSY: it is prepared already) or -1 (EPERM: no user of the map,
 * neither descriptor nor pin, is left). The timer ends with its element.
 */
export const timerInit = intrinsic(
  helper(169, "timer_init", [field(1, 2), map(0), constant(CLOCK_MONOTONIC)], "s32"),
  <K extends Schema, V extends Schema>(
    timed: TimedMap<K, V>,
    view: Infer<V>,
    name: TimerField<Infer<V>>,
  ): number => {
    const { data, at } = fieldPlace(view, name, "timer");
    return machine().timers.init(data, at, () => storageOf(timed).elementOf(view));
  },
);

/** Names the kernel function to call when the timer runs out. Returns 0 or -22 (EINVAL: not prepared). */
export const timerCallback = intrinsic(
  helper(170, "timer_set_callback", [field(0, 1), callback(2, ["ignored", "key", "reference"])], "s32"),
  <K, V extends object>(view: V, name: TimerField<V>, run: (key: K, value: V) => void): number => {
    const { data, at } = fieldPlace(view, name, "timer");
    return machine().timers.setCallback(data, at, (key, element) => run(key as K, element as V));
  },
);

/**
 * Sets the timer to run out `nanoseconds` from now, also if it was running. It may be set again in its own callback.
 * Returns 0 or -22 (EINVAL: not prepared).
 */
export const timerStart = intrinsic(
  helper(171, "timer_start", [field(0, 1), value(2), constant(0)], "s32"),
  <V extends object>(view: V, name: TimerField<V>, nanoseconds: u64): number => {
    const { data, at } = fieldPlace(view, name, "timer");
    return machine().timers.start(data, at, nanoseconds);
  },
);

/**
 * Stops the timer. Returns 1 if it was running, 0 if not, -22 (EINVAL: not prepared), -35 (EDEADLK: called by its own
 * callback).
 */
export const timerCancel = intrinsic(
  helper(172, "timer_cancel", [field(0, 1)], "s32"),
  <V extends object>(view: V, name: TimerField<V>): number => {
    const { data, at } = fieldPlace(view, name, "timer");
    return machine().timers.cancel(data, at);
  },
);
