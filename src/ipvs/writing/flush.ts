/** Deletes all services, in one store. */

import type { MapDefinition } from "../../bpf/index.ts";
import { servers, services as serviceMap } from "../../kernel/tables.ts";
import { endOrphans } from "../connections.ts";
import type { DirectorMemory } from "../memory/director-memory.ts";
import { CLEAN, REPAIR } from "./journal.ts";

/** The new epoch is what makes all services cease to exist; the rest is tidying. */
export function flush(memory: DirectorMemory): void {
  const { settings, services, destinations } = memory;
  settings.dirty.set(0, REPAIR);
  settings.epoch.set(0, (settings.epoch.get(0) + 1) >>> 0);
  const end = settings.destinationEnd.get(0);
  for (let row = 1; row < end; row++) {
    if (destinations.available.get(row) === 0) continue;
    destinations.available.set(row, 0);
    if (memory.connectionsOf(row) === 0) destinations.inUse.set(row, 0);
  }
  for (let row = 1; row < services.capacity; row++) {
    if (services.inUse.get(row) !== 0) services.inUse.set(row, 0);
  }
  deleteAll(memory, serviceMap);
  deleteAll(memory, servers);
  endOrphans(memory);
  settings.dirty.set(0, CLEAN);
}

function deleteAll(memory: DirectorMemory, definition: MapDefinition): void {
  const handle = memory.plane.map(definition);
  const { count, keys } = handle.readAll();
  if (count > 0) handle.deleteMany(keys);
}
