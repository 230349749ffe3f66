/** Services with what is going on at them, read from the tables. */

import { addressText } from "./configuration/address.ts";
import { serviceKeyOf } from "./configuration/identity.ts";
import { identityAt, readDestination, readLocalAddresses, readSettings } from "./configuration/published.ts";
import { methodOf, tunnelOf, virtualServiceOf } from "./configuration/settings.ts";
import type { DirectorMemory } from "./memory/director-memory.ts";
import type { Destination, DestinationStatus, ServiceStatus } from "./model.ts";
import {
  addCounters,
  type Counted,
  type CounterValues,
  NOTHING_COUNTED,
  ratesOf,
  readAverages,
  readCounted,
  retiredCounters,
  shownCounters,
  statisticsOf,
} from "./statistics.ts";

/** The services in these slots of serviceTable. */
export function readStatuses(memory: DirectorMemory, rows: readonly number[]): ServiceStatus[] {
  const { services, pools, members } = memory;
  const servers: number[] = [];
  for (const row of rows) {
    const start = pools.start.get(services.pool.get(row));
    const end = start + pools.count.get(services.pool.get(row));
    for (let index = start; index < end; index++) servers.push(members.destination.get(index));
  }
  const counted = readCounted(memory, servers);
  return rows.map((row) => readStatus(memory, row, counted));
}

/** The slots of the services that exist. */
export function liveRows(memory: DirectorMemory): number[] {
  const rows: number[] = [];
  const { capacity, inUse } = memory.services;
  for (let row = 1; row < capacity; row++) if (inUse.get(row) !== 0) rows.push(row);
  return rows;
}

function readStatus(memory: DirectorMemory, row: number, counted: Counted): ServiceStatus {
  const { pools, members } = memory;
  const pool = memory.services.pool.get(row);
  const identity = identityAt(memory, row);
  const start = pools.start.get(pool);
  const end = start + pools.count.get(pool);
  let total = retiredCounters(memory, row);
  let averages = NOTHING_COUNTED;
  const destinations: DestinationStatus[] = [];
  for (let index = start; index < end; index++) {
    const server = members.destination.get(index);
    const shown = shownCounters(memory, server, counted(server));
    const itsAverages = readAverages(memory, server);
    total = addCounters(total, shown);
    averages = addCounters(averages, itsAverages);
    destinations.push(destinationStatus(memory, server, members.weight.get(index), shown, itsAverages));
  }
  return {
    service: virtualServiceOf(serviceKeyOf(identity), readSettings(memory, pool, identity)),
    destinations,
    localAddresses: readLocalAddresses(memory, pool, identity).map(addressText),
    statistics: statisticsOf(total),
    rates: ratesOf(averages),
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
  const { address, port, settings } = readDestination(memory, row, weight);
  const destination: Destination = {
    family: typeof address === "bigint" ? 6 : 4,
    address: addressText(address),
    port,
    method: methodOf(settings.forward),
    tunnel: tunnelOf(settings),
    weight,
    upperThreshold: settings.upper,
    lowerThreshold: settings.lower,
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
