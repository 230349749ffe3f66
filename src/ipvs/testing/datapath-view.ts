/** The configuration as the datapath sees it: through the map of services and the pools they name, nothing else. */
import assert from "node:assert/strict";
import { ServerKey, servers, services as serviceMap } from "../../kernel/tables.ts";
import { addressText, serviceKeyOf } from "../configuration/identity.ts";
import { schedulerName } from "../configuration/schedulers.ts";
import { DirectorMemory } from "../memory/director-memory.ts";
import { decodeServices } from "../memory/hash-entries.ts";
import { serviceId } from "../model.ts";
import type { Plane } from "../plane.ts";

/** A service by its id: scheduler and list, as text. */
export type DatapathView = ReadonlyMap<string, string>;

/** Reads it. Throws AssertionError if something a packet would meet is not as it must be. */
export function datapathView(plane: Plane, options: { readonly thresholds: boolean }): DatapathView {
  const memory = new DirectorMemory(plane);
  const { services, pools, members, destinations, settings } = memory;
  const view = new Map<string, string>();
  for (const { identity, row } of decodeServices(plane.map(serviceMap).readAll(), settings.epoch.get(0))) {
    const id = serviceId(serviceKeyOf(identity));
    assert.equal(services.address.get(row), identity.address, `${id}: slot ${row} has another address`);
    assert.equal(services.port.get(row), identity.port, `${id}: slot ${row} has another port`);
    const pool = services.pool.get(row);
    assert.equal(pool >> 1, row, `${id} uses a pool of another service`);
    const list: string[] = [];
    let maximum = 0;
    for (let index = pools.start.get(pool); index < pools.start.get(pool) + pools.count.get(pool); index++) {
      const server = members.destination.get(index);
      const weight = members.weight.get(index);
      maximum = Math.max(maximum, weight);
      assert.equal(destinations.available.get(server), 1, `${id}: server in slot ${server} is not available`);
      assert.equal(destinations.inUse.get(server), 1, `${id}: server in slot ${server} is not in use`);
      assert.equal(destinations.service.get(server), row, `${id}: server in slot ${server} is another's`);
      assert.ok(
        server < settings.destinationEnd.get(0),
        `${id}: the estimator does not reach slot ${server}`,
      );
      const thresholds = options.thresholds
        ? ` ${destinations.upper.get(server)} ${destinations.lower.get(server)}`
        : "";
      list.push(
        `${addressText(destinations.address.get(server))}:${destinations.port.get(server)} ${weight}${thresholds}`,
      );
    }
    assert.equal(pools.maximumWeight.get(pool), maximum, `${id}: wrong maximum weight`);
    view.set(id, [schedulerName(pools.scheduler.get(pool)), pools.flags.get(pool), ...list].join(", "));
  }
  return view;
}

/** Checks that the tables that follow from the configuration do so. */
export function checkSecondaryTables(plane: Plane): void {
  const memory = new DirectorMemory(plane);
  const { services, pools, members, destinations, settings } = memory;
  assert.equal(settings.dirty.get(0), 0, "marked as dirty");
  const elements = plane.map(serviceMap).readAll();
  const live = decodeServices(elements, settings.epoch.get(0));
  assert.equal(elements.count, live.length, "services of a former epoch");
  const rows = new Set(live.map((each) => each.row));
  const used = new Set<number>();
  const endpoints = new Set<string>();
  for (let row = 1; row < services.capacity; row++) {
    assert.equal(services.inUse.get(row) !== 0, rows.has(row), `service slot ${row}`);
    if (!rows.has(row)) continue;
    const pool = services.pool.get(row);
    for (let index = pools.start.get(pool); index < pools.start.get(pool) + pools.count.get(pool); index++) {
      const server = members.destination.get(index);
      assert.ok(!used.has(server), `server slot ${server} is in two lists`);
      used.add(server);
      const port = destinations.port.get(server) || services.port.get(row);
      endpoints.add(`${destinations.address.get(server)}:${port}/${services.protocol.get(row)}`);
    }
  }
  for (let row = 1; row < destinations.capacity; row++) {
    assert.equal(destinations.available.get(row) !== 0, used.has(row), `server slot ${row}`);
  }
  const { keys, count } = plane.map(servers).readAll();
  const found = new Set<string>();
  const view = new DataView(keys.buffer, keys.byteOffset);
  for (let index = 0; index < count; index++) {
    const at = index * ServerKey.size;
    found.add(`${view.getUint32(at)}:${view.getUint16(at + 16)}/${view.getUint8(at + 18)}`);
  }
  assert.deepEqual([...found].sort(), [...endpoints].sort(), "the map of servers");
}
