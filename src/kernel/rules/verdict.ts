// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Where rules may drop packets, those of known connections respect them, too: what became of a connection's first packet under the present
 * rules, in each direction, is remembered and holds for the others.
 */
import { readOnce, type u32, type u64 } from "../../bpf/index.ts";
import { generationOf } from "../fragment/remember.ts";
import { family } from "../options.ts";
import { type Connection, connectionTable, FROM_CLIENT, ruleSets, ruleVerdicts } from "../tables.ts";

/** Answers of `verdictFor`. */
export const PASSES = 0;
export const IS_DROPPED = 1;
export const IS_UNKNOWN = 2;

/** The sets of rules of a family, in `ruleSets`. */
export function setsOfFamily(): u32 {
  return family.value === 6 ? 1 : 0;
}

function wordOf(connection: Connection, generation: u32, isDropped: u32): u64 {
  const own = BigInt(generationOf(readOnce(connection, "state"))) << 1n;
  return (BigInt(generation) << 32n) | own | BigInt(isDropped & 1);
}

/** What the rules say of the packets of the connection in that slot, in that direction. @separate */
export function verdictFor(index: u32, direction: u32): u32 {
  const sets = ruleSets.lookup(setsOfFamily());
  const connection = connectionTable.lookup(index);
  if (sets === null || connection === null) return PASSES;
  const generation = sets.generation;
  if (sets.places[generation & 1]!.drops === 0) return PASSES;
  const known = ruleVerdicts.lookup(index);
  if (known === null) return PASSES;
  const word = known.ways[direction & 1]!.word;
  if (word >> 1n !== wordOf(connection, generation, 0) >> 1n) return IS_UNKNOWN;
  return (word & 1n) === 0n ? PASSES : IS_DROPPED;
}

/** Notes what the rules of that generation said. */
export function noteVerdict(index: u32, direction: u32, generation: u32, isDropped: u32): void {
  const connection = connectionTable.lookup(index);
  const known = ruleVerdicts.lookup(index);
  if (connection === null || known === null) return;
  known.ways[direction & 1]!.word = wordOf(connection, generation, isDropped);
}

/** Notes that the rules of that generation (0: none) let a packet pass that then opened a connection. */
export function noteAdmitted(index: u32, generation: u32): void {
  if (generation !== 0) noteVerdict(index, FROM_CLIENT, generation, 0);
}
