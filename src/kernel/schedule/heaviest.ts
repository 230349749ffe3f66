// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The usable member of a pool with the greatest weight, which fo and ovf take for a priority. The first in list order wins a
 * tie. (Recordings: scheduling/fo, ovf.)
 */
import { type Infer, make, repeat, struct, trace, u32 } from "../../bpf/index.ts";
import { thresholds } from "../options.ts";
import { isOverloaded } from "../state/activity.ts";
import { destinationTable, members, pools } from "../tables.ts";

export const Heaviest = struct("Heaviest", {
  start: u32,
  /** Not 0: only members with no more active connections than their weight. */
  limited: u32,
  /** The best so far; 0: none. */
  weight: u32,
  chosen: u32,
});
export type Heaviest = Infer<typeof Heaviest>;

function heaviestStep(position: u32, heaviest: Heaviest): u32 {
  const member = members.lookup((heaviest.start + position) >>> 0);
  if (member === null) return 1;
  const weight = member.weight;
  if (weight <= heaviest.weight) return 0;
  const server = destinationTable.lookup(member.destination);
  if (server === null) return 0;
  if (thresholds.value && isOverloaded(server)) return 0;
  if (heaviest.limited !== 0 && server.active > weight) {
    trace("full", member.destination, server.active);
    return 0;
  }
  heaviest.weight = weight;
  heaviest.chosen = member.destination;
  return 0;
}

/**
 * Chooses a destination of the pool in that slot; 0: none is usable. `limited` 1: of those whose active connections do not exceed
 * their weight. @separate
 */
export function chooseHeaviest(poolIndex: u32, limited: u32): u32 {
  const pool = pools.lookup(poolIndex);
  if (pool === null) return 0;
  const unknown = pool.zero;
  const heaviest = make(Heaviest, { start: pool.start, limited, weight: unknown, chosen: unknown });
  repeat(pool.count, heaviestStep, heaviest);
  return heaviest.chosen;
}
