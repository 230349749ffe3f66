/** Services with what is going on at them, read from the tables. */

import { addressText, serviceKeyOf } from "./configuration/identity.ts";
import { identityAt } from "./configuration/published.ts";
import { schedulerName } from "./configuration/schedulers.ts";
import type { DirectorMemory } from "./memory/director-memory.ts";
import type { Destination, DestinationStatus, ServiceStatus, VirtualService } from "./model.ts";
import {
  addCounters,
  type CounterValues,
  ratesOf,
  readAverages,
  readCounted,
  retiredCounters,
  shownCounters,
  statisticsOf,
} from "./statistics.ts";

/** The services in these slots of serviceTable. */
export function readStatuses(memory: DirectorMemory, rows: readonly number[]): ServiceStatus[] {
  const lists = rows.map((row) => memberIndexes(memory, row));
  const servers = lists.flatMap((list) => list.map((index) => memory.members.destination.get(index)));
  const counted = readCounted(memory, servers);
  return rows.map((row, index) => readStatus(memory, row, lists[index]!, counted));
}

/** The slots of the services that exist. */
export function liveRows(memory: DirectorMemory): number[] {
  const rows: number[] = [];
  const { capacity, inUse } = memory.services;
  for (let row = 1; row < capacity; row++) if (inUse.get(row) !== 0) rows.push(row);
  return rows;
}

function memberIndexes(memory: DirectorMemory, row: number): number[] {
  const pool = memory.services.pool.get(row);
  const start = memory.pools.start.get(pool);
  return Array.from({ length: memory.pools.count.get(pool) }, (_, index) => start + index);
}

function readStatus(
  memory: DirectorMemory,
  row: number,
  list: readonly number[],
  counted: ReadonlyMap<number, CounterValues>,
): ServiceStatus {
  let total = retiredCounters(memory, row);
  let averages: CounterValues | null = null;
  const destinations = list.map((index) => {
    const server = memory.members.destination.get(index);
    const shown = shownCounters(memory, server, counted.get(server)!);
    const itsAverages = readAverages(memory, server);
    total = addCounters(total, shown);
    averages = averages === null ? itsAverages : addCounters(averages, itsAverages);
    return destinationStatus(memory, server, memory.members.weight.get(index), shown, itsAverages);
  });
  return {
    service: readVirtualService(memory, row),
    destinations,
    statistics: statisticsOf(total),
    rates: ratesOf(averages ?? total.map(() => 0n)),
  };
}

function readVirtualService(memory: DirectorMemory, row: number): VirtualService {
  const pool = memory.services.pool.get(row);
  return {
    key: serviceKeyOf(identityAt(memory, row)),
    scheduler: schedulerName(memory.pools.scheduler.get(pool)),
    schedulerFlags: memory.pools.flags.get(pool),
    persistence: null,
    engine: null,
    onePacket: false,
  };
}

function destinationStatus(
  memory: DirectorMemory,
  row: number,
  weight: number,
  shown: CounterValues,
  averages: CounterValues,
): DestinationStatus {
  const { destinations } = memory;
  const destination: Destination = {
    family: 4,
    address: addressText(destinations.address.get(row)),
    port: destinations.port.get(row),
    method: "masquerade",
    tunnel: null,
    weight,
    upperThreshold: destinations.upper.get(row),
    lowerThreshold: destinations.lower.get(row),
  };
  return {
    destination,
    active: destinations.active.get(row),
    inactive: destinations.inactive.get(row),
    persistent: destinations.persistent.get(row),
    statistics: statisticsOf(shown),
    rates: ratesOf(averages),
  };
}
