/**
 * Changes that take more than one store in places the datapath reads: written down first, so that a command that is
 * killed between them is finished by the next one.
 *
 * The journal lies in a free range of the members table; slot 0 of the pools (which no service owns) says where.
 * `Settings.dirty` = FINISH is what makes it valid.
 */
import type { DirectorMemory } from "../memory/director-memory.ts";

/** Values of `Settings.dirty`. */
export const CLEAN = 0;
/** Tables that follow from others may be out of step. */
export const REPAIR = 1;
/** As REPAIR, and the journal is to be carried out. */
export const FINISH = 2;

const JOURNAL_POOL = 0;

/** In the order of their numbers in the journal. */
const FIELDS = [
  "pool",
  "upper",
  "lower",
  "timeout",
  "sysctl",
  "forward",
  "tunnelType",
  "tunnelChecksum",
  "tunnelPort",
  "weight",
  "lastWeight",
] as const;

/** One store: a new value for a field of a slot. */
export interface Change {
  readonly field: (typeof FIELDS)[number];
  /** Slot of a service or destination; of a timeout, the state; of a sysctl, its index. */
  readonly row: number;
  readonly value: number;
}

/** An entry's first word holds the field's number above these bits, and the row in them. */
const ROW_BITS = 28;

/** How many of the changes have to be written down: one is a single store. */
export function journalLength(changes: readonly Change[]): number {
  return changes.length > 1 ? changes.length : 0;
}

/**
 * Carries out all changes, or, after a kill, lets the next command do it. Leaves `dirty` at REPAIR. `start`: of a free range of the
 * members table, `journalLength` long.
 */
export function carryOut(memory: DirectorMemory, changes: readonly Change[], start: number): void {
  if (changes.length === 0) return;
  if (changes.length === 1) {
    carry(memory, changes[0]!);
    return;
  }
  const { members, pools, settings } = memory;
  for (const [index, { field, row, value }] of changes.entries()) {
    members.destination.set(start + index, ((FIELDS.indexOf(field) << ROW_BITS) | row) >>> 0);
    members.weight.set(start + index, value);
  }
  pools.start.set(JOURNAL_POOL, start);
  pools.count.set(JOURNAL_POOL, changes.length);
  settings.dirty.set(0, FINISH);
  for (const change of changes) carry(memory, change);
  settings.dirty.set(0, REPAIR);
}

/** Carries out what a killed command wrote down. */
export function finish(memory: DirectorMemory): void {
  const { members, pools, settings } = memory;
  const start = pools.start.get(JOURNAL_POOL);
  for (let index = start; index < start + pools.count.get(JOURNAL_POOL); index++) {
    const entry = members.destination.get(index);
    const field = FIELDS[entry >>> ROW_BITS];
    if (field === undefined) continue;
    carry(memory, { field, row: entry & ((1 << ROW_BITS) - 1), value: members.weight.get(index) });
  }
  settings.dirty.set(0, REPAIR);
}

function carry({ services, destinations, settings }: DirectorMemory, { field, row, value }: Change): void {
  switch (field) {
    case "pool":
      services.pool.set(row, value);
      break;
    case "timeout":
      settings.timeouts[row]!.set(0, value);
      break;
    case "sysctl":
      settings.sysctls[row]!.set(0, value);
      break;
    default:
      destinations[field].set(row, value);
  }
}
