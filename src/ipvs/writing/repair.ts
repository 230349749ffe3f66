/** Brings the tables into step with what is published, after a command was killed. */
import { services as serviceMap } from "../../kernel/tables.ts";
import { serviceNumber } from "../configuration/identity.ts";
import type { DirectorMemory } from "../memory/director-memory.ts";
import { decodeServices, encodeServiceKeys } from "../memory/hash-entries.ts";
import { CLEAN, FINISH, finish } from "./journal.ts";
import { rebuildServers } from "./servers.ts";

/**
 * What is true: the services in the map `services` with the present epoch, and the pool each of them names. Everything
 * else is made to follow. Does nothing if the last command came to its end.
 */
export function repair(memory: DirectorMemory): void {
  const { settings, services, destinations, pools, members } = memory;
  if (settings.dirty.get(0) === CLEAN) return;
  if (settings.dirty.get(0) === FINISH) finish(memory);
  const live = liveServices(memory);
  for (let row = 1; row < services.capacity; row++) {
    const inUse = live.has(row) ? 1 : 0;
    if (services.inUse.get(row) !== inUse) services.inUse.set(row, inUse);
  }
  const owners = new Map<number, number>();
  for (const row of live) {
    const pool = services.pool.get(row);
    const start = pools.start.get(pool);
    for (let index = start; index < start + pools.count.get(pool); index++) {
      owners.set(members.destination.get(index), row);
    }
  }
  for (let row = 1; row < destinations.capacity; row++) {
    const owner = owners.get(row);
    if (owner === undefined) {
      if (destinations.available.get(row) !== 0) destinations.available.set(row, 0);
      if (destinations.inUse.get(row) !== 0 && memory.connectionsOf(row) === 0)
        destinations.inUse.set(row, 0);
      continue;
    }
    if (destinations.service.get(row) !== owner) destinations.service.set(row, owner);
    if (destinations.inUse.get(row) === 0) destinations.inUse.set(row, 1);
    if (destinations.available.get(row) === 0) destinations.available.set(row, 1);
  }
  rebuildServers(memory);
  settings.dirty.set(0, CLEAN);
}

/** Slots of the services that exist; takes entries of other epochs out of the map. */
function liveServices(memory: DirectorMemory): Set<number> {
  const handle = memory.plane.map(serviceMap);
  const elements = handle.readAll();
  const entries = decodeServices(elements, memory.settings.epoch.get(0));
  if (entries.length < elements.count) {
    const current = new Set(entries.map((entry) => serviceNumber(entry.identity)));
    const all = decodeServices(elements, null);
    const stale = all.filter((entry) => !current.has(serviceNumber(entry.identity)));
    handle.deleteMany(encodeServiceKeys(stale.map((entry) => entry.identity)));
  }
  return new Set(entries.map((entry) => entry.row));
}
