/** The configuration as the tables have it. */
import { SCHEDULER_RR, SCHEDULER_WRR } from "../../kernel/tables.ts";
import type { DirectorMemory } from "../memory/director-memory.ts";
import { hasWideAddress } from "../memory/hash-entries.ts";
import type { AddressNumber, NumberKey } from "./address.ts";
import { type DraftDestination, DraftService, type SchedulerPosition } from "./draft-service.ts";
import { familyOfService, type ServiceIdentity, serviceNumber } from "./identity.ts";
import type { ServiceSettings } from "./settings.ts";

/** Slots of serviceTable by the service in them. */
export interface ServiceSlots {
  /** Services that exist. */
  readonly live: Map<NumberKey, number>;
  /** Free slots that still name the service they last had. */
  readonly former: Map<NumberKey, number>;
}

export function readServiceSlots(memory: DirectorMemory): ServiceSlots {
  const live = new Map<NumberKey, number>();
  const former = new Map<NumberKey, number>();
  const { capacity, inUse, kind } = memory.services;
  for (let row = 1; row < capacity; row++) {
    if (kind.get(row) === 0) continue;
    (inUse.get(row) === 0 ? former : live).set(serviceNumber(identityAt(memory, row)), row);
  }
  return { live, former };
}

export function identityAt(memory: DirectorMemory, row: number): ServiceIdentity {
  const { address, port, protocol } = memory.services;
  const kind = memory.services.kind.get(row);
  return {
    kind,
    address: address.get(row, hasWideAddress(kind)),
    port: port.get(row),
    protocol: protocol.get(row),
  };
}

/** The service in slot `row`, ready to be changed. */
export function readService(memory: DirectorMemory, row: number): DraftService {
  const pool = memory.services.pool.get(row);
  const { generation } = memory.pools;
  const identity = identityAt(memory, row);
  const list = readList(memory, pool);
  return new DraftService(identity, readSettings(memory, pool, identity), {
    row,
    pool,
    generation: generation.get(pool),
    list,
    localAddresses: readLocalAddresses(memory, pool, identity),
    position: readPosition(memory, row, pool, list),
  });
}

/** The settings in a pool of that service. */
export function readSettings(
  { pools }: DirectorMemory,
  pool: number,
  { kind }: ServiceIdentity,
): ServiceSettings {
  return {
    scheduler: pools.scheduler.get(pool),
    flags: pools.flags.get(pool),
    persistence: pools.persistence.get(pool),
    mask: pools.mask.get(pool, familyOfService(kind) === 6),
  };
}

/** FullNAT's local addresses in a pool of that service. */
export function readLocalAddresses(
  memory: DirectorMemory,
  pool: number,
  { kind }: ServiceIdentity,
): AddressNumber[] {
  const { localStart, localCount } = memory.pools;
  const count = localCount.get(pool);
  if (count === 0) return [];
  const start = localStart.get(pool);
  const ipv6 = familyOfService(kind) === 6;
  return Array.from({ length: count }, (_, index) => memory.localAddresses.address.get(start + index, ipv6));
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
  const { destinations } = memory;
  return {
    address: destinations.address.get(row, destinations.family.get(row) === 6),
    port: destinations.port.get(row),
    row,
    settings: {
      forward: destinations.forward.get(row),
      tunnelType: destinations.tunnelType.get(row),
      tunnelChecksum: destinations.tunnelChecksum.get(row),
      tunnelPort: destinations.tunnelPort.get(row),
      weight,
      upper: destinations.upper.get(row),
      lower: destinations.lower.get(row),
    },
    lastWeight: destinations.lastWeight.get(row),
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
