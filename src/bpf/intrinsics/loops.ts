import { intrinsic } from "../intrinsic.ts";
import type { ArrayMap, PerCpuArrayMap } from "../maps/array.ts";
import type { HashMap, PerCpuHashMap } from "../maps/hash.ts";
import { storageOf } from "../maps/kernel-map.ts";
import type { Infer, Schema, u32 } from "../schema/types.ts";
import { callback, constant, helper, map, reference, value } from "./lower.ts";

const MAX_ROUNDS = 1 << 23;
const E2BIG = 7;

/**
 * Calls `body(0, context)`, `body(1, context)` and so on, up to `count` times (at most 2²³), until one returns 1.
 * Returns how many calls there were, or -7 (E2BIG: count too large).
 */
export const repeat = intrinsic(
  helper(181, "loop", [value(0), callback(1, ["value", "reference"]), reference(2), constant(0)], "s32"),
  <C extends object>(count: u32, body: (i: u32, context: C) => u32, context: C): number => {
    if (count > MAX_ROUNDS) return -E2BIG;
    for (let i = 0; i < count; i++) if (body(i, context) !== 0) return i + 1;
    return count;
  },
);

/** The maps that `forEach` walks. */
export type WalkableMap<K extends Schema, V extends Schema> =
  | HashMap<K, V>
  | PerCpuHashMap<K, V>
  | ArrayMap<V>
  | PerCpuArrayMap<V>;

/** Calls `body(key, value, context)` for each element, until one returns 1. Returns how many calls there were. */
export const forEach = intrinsic(
  helper(
    164,
    "for_each_map_elem",
    [map(0), callback(1, ["ignored", "key", "reference", "reference"]), reference(2), constant(0)],
    "s32",
  ),
  <K extends Schema, V extends Schema, C extends object>(
    walked: WalkableMap<K, V>,
    body: (key: Infer<K>, value: Infer<V>, context: C) => u32,
    context: C,
  ): number => storageOf(walked).walk((key, element) => body(key as Infer<K>, element as Infer<V>, context)),
);
