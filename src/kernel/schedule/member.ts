// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** The members of a pool as schedulers see them. Positions count from 0 in list order. */
import { type Infer, repeat, struct, u32 } from "../../bpf/index.ts";
import { thresholds } from "../options.ts";
import { isOverloaded } from "../state/activity.ts";
import { destinationTable, type Member, members, type Pool } from "../tables.ts";

/** Before the first position. */
export const NOWHERE = 0xffff;

/** The member at a position, or null beyond the last. */
export function memberAt(pool: Pool, position: u32): Member | null {
  return position < pool.count ? members.lookup((pool.start + position) >>> 0) : null;
}

/** Whether a destination takes new connections. */
export function takesConnections(destination: u32): boolean {
  if (!thresholds.value) return true;
  const server = destinationTable.lookup(destination);
  return server !== null && !isOverloaded(server);
}

/** Whether a member is to be considered: it has at least that weight (1 or more) and is not overloaded. */
export function isUsable(member: Member, weight: u32): boolean {
  return member.weight >= weight && takesConnections(member.destination);
}

/** A search through a pool: for a member of at least `weight` (1 or more), and for the heaviest one. */
export const Search = struct("Search", {
  start: u32,
  count: u32,
  /** Position to begin at; it goes round. */
  from: u32,
  weight: u32,
  /** Position of the first found, or NOWHERE. */
  found: u32,
  /** The greatest weight among usable members (as long as none was found), and the first position with it. */
  heaviest: u32,
  heaviestAt: u32,
  reserved: u32,
});
export type Search = Infer<typeof Search>;

function searchStep(round: u32, search: Search): u32 {
  let position = (search.from + round) >>> 0;
  if (position >= search.count) position = (position - search.count) >>> 0;
  const member = members.lookup((search.start + position) >>> 0);
  if (member === null) return 1;
  const weight = member.weight;
  if (weight === 0 || !takesConnections(member.destination)) return 0;
  if (weight >= search.weight) {
    search.found = position;
    return 1;
  }
  if (weight > search.heaviest) {
    search.heaviest = weight;
    search.heaviestAt = position;
  }
  return 0;
}

/** Looks at up to `rounds` members, from position `from` on, for one of at least that weight. */
export function search(pool: Pool, from: u32, rounds: u32, weight: u32, result: Search): void {
  result.start = pool.start;
  result.count = pool.count;
  result.from = from;
  result.weight = weight;
  result.found = NOWHERE;
  result.heaviest = pool.zero;
  result.heaviestAt = NOWHERE;
  repeat(rounds, searchStep, result);
}

/**
 * The choice of a scheduler with a cursor, made again when another CPU was first. Callbacks take numbers, so it names its
 * service and pool by slot.
 */
export const Turn = struct("Turn", { service: u32, pool: u32, chosen: u32, reserved: u32 });
export type Turn = Infer<typeof Turn>;

/** How often a choice is made before it stands although another CPU was first. */
export const TRIES = 8;
