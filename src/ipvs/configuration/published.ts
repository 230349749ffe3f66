/** The configuration as the tables have it. */
import { SCHEDULER_RR, SCHEDULER_WRR } from "../../kernel/tables.ts";
import type { DirectorMemory } from "../memory/director-memory.ts";
import { type DraftDestination, DraftService, type SchedulerPosition } from "./draft-service.ts";
import { type ServiceIdentity, serviceNumber } from "./identity.ts";

/** Slots of serviceTable by the service in them. */
export interface ServiceSlots {
  /** Services that exist. */
  readonly live: Map<number, number>;
  /** Free slots that still name the service they last had. */
  readonly former: Map<number, number>;
}

export function readServiceSlots(memory: DirectorMemory): ServiceSlots {
  const live = new Map<number, number>();
  const former = new Map<number, number>();
  const { capacity, inUse, protocol } = memory.services;
  for (let row = 1; row < capacity; row++) {
    if (protocol.get(row) === 0) continue;
    (inUse.get(row) === 0 ? former : live).set(serviceNumber(identityAt(memory, row)), row);
  }
  return { live, former };
}

export function identityAt(memory: DirectorMemory, row: number): ServiceIdentity {
  const { address, port, protocol } = memory.services;
  return { address: address.get(row), port: port.get(row), protocol: protocol.get(row) };
}

/** The service in slot `row`, ready to be changed. */
export function readService(memory: DirectorMemory, row: number): DraftService {
  const pool = memory.services.pool.get(row);
  const { scheduler, flags, generation } = memory.pools;
  const list = readList(memory, pool);
  return new DraftService(
    identityAt(memory, row),
    { scheduler: scheduler.get(pool), flags: flags.get(pool) },
    {
      row,
      pool,
      generation: generation.get(pool),
      list,
      position: readPosition(memory, row, pool, list),
    },
  );
}

function readList(memory: DirectorMemory, pool: number): DraftDestination[] {
  const { start, count } = memory.pools;
  const { members } = memory;
  const first = start.get(pool);
  const list: DraftDestination[] = [];
  for (let index = first; index < first + count.get(pool); index++) {
    list.push(readDestination(memory, members.destination.get(index), members.weight.get(index)));
  }
  return list;
}

/** The server in slot `row`, in a list with that weight. */
export function readDestination(memory: DirectorMemory, row: number, weight: number): DraftDestination {
  const { address, port, forward, upper, lower } = memory.destinations;
  return {
    address: address.get(row),
    port: port.get(row),
    row,
    forward: forward.get(row),
    weight,
    upper: upper.get(row),
    lower: lower.get(row),
    fresh: false,
    edited: false,
    restarted: false,
  };
}

/**
 * Where the scheduler stands: what its cursor says if it has run since the last change, else what the pool says it
 * begins with. A packet scheduled between this look and the publication of a new pool is not seen.
 */
function readPosition(
  memory: DirectorMemory,
  row: number,
  pool: number,
  list: readonly DraftDestination[],
): SchedulerPosition {
  const { scheduler, generation, initialWeight, resume } = memory.pools;
  const cursor = memory.services.cursor.get(row);
  const current = BigInt(generation.get(pool));
  switch (scheduler.get(pool)) {
    case SCHEDULER_RR: {
      const ran = cursor >> 40n === (current & 0xff_ffffn);
      const position = ran ? Number(cursor & 0xffffn) : resume.get(pool);
      return { currentWeight: 0, last: list[position] ?? null };
    }
    case SCHEDULER_WRR: {
      const ran = cursor >> 47n === (current & 0x1_ffffn);
      const weight = ran ? Number((cursor >> 16n) & 0x7fff_ffffn) : initialWeight.get(pool);
      return { currentWeight: weight, last: null };
    }
    default:
      return { currentWeight: 0, last: null };
  }
}
