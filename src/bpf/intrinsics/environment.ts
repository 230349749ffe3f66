import { intrinsic } from "../intrinsic.ts";
import type { Packet } from "../packet.ts";
import type { u32, u64 } from "../schema/types.ts";
import { machine } from "../simulator/current.ts";
import { hashOf } from "../simulator/flow-hash.ts";
import { simulated } from "../simulator/packet.ts";
import { helper, packet } from "./lower.ts";

/** Nanoseconds since boot, without the time asleep (CLOCK_MONOTONIC). */
export const monotonicTime = intrinsic(helper(5, "ktime_get_ns", [], "u64"), (): u64 => machine().now());

/** The same clock as of the last timer tick (1 to 10 ms ago at most): cheaper to read. */
export const coarseTime = intrinsic(
  helper(160, "ktime_get_coarse_ns", [], "u64"),
  (): u64 => machine().now(),
);

/** A random number, 0 … 2³²−1; not for secrets. */
export const random = intrinsic(helper(7, "get_prandom_u32", [], "u32"), (): u32 => machine().random());

/** The packet's flow hash; computed (and then in `packet.hash`) if nobody has. The same for all packets of a flow. */
export const flowHash = intrinsic(
  helper(34, "get_hash_recalc", [packet(0)], "u32"),
  (target: Packet): u32 => hashOf(simulated(target)),
);

/** The number of this CPU. */
export const cpu = intrinsic(
  helper(8, "get_smp_processor_id", [], "u32", { pure: true }),
  (): u32 => machine().cpu,
);
