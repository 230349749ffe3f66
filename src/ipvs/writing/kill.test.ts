import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMachine } from "../../bpf/index.ts";
import type { Command } from "../administration.ts";
import type { Destination, ServiceKey, ServiceStatus, VirtualService } from "../model.ts";
import { serviceId } from "../model.ts";
import { SimulatedPlane } from "../simulated-plane.ts";
import { TableAdministration } from "../table-administration.ts";
import { checkSecondaryTables, datapathView } from "../testing/datapath-view.ts";
import { expectedView } from "../testing/expected-view.ts";
import { KillablePlane, Killed } from "../testing/killable-plane.ts";
import { plainServer, plainService } from "../testing/plain.ts";

const FIRST: ServiceKey = { kind: "address", family: 4, protocol: "tcp", address: "192.0.2.1", port: 80 };
const SECOND: ServiceKey = { ...FIRST, protocol: "udp", port: 53 };
const THIRD: ServiceKey = { ...FIRST, port: 443 };

function service(key: ServiceKey, scheduler: string): VirtualService {
  return plainService(key, { scheduler });
}

function server(last: number, weight = 1, upperThreshold = 0, lowerThreshold = 0): Destination {
  return plainServer(`10.0.0.${last}`, { weight, upperThreshold, lowerThreshold });
}

const MARK: ServiceKey = { kind: "mark", family: 4, mark: 7 };
const WIDE: ServiceKey = { ...FIRST, family: 6, address: "2001:db8::1", port: 0 };
const HASHED: ServiceKey = { ...FIRST, protocol: "sctp" };

/** Its methods and addresses are of every kind. */
const TUNNELLED: Destination = {
  ...server(9, 2),
  method: "tunnel",
  tunnel: { type: "gue", port: 6080, checksum: "full" },
};
const WIDE_SERVER: Destination = { ...server(0), family: 6, address: "2001:db8::11", port: 0 };

const SETUP: Command[] = [
  { kind: "add-service", service: { ...service(MARK, "lc"), onePacket: true, clientAddress: "toa" } },
  { kind: "add-destination", service: MARK, destination: { ...server(7), method: "fullnat" } },
  { kind: "add-destination", service: MARK, destination: TUNNELLED },
  { kind: "add-local-address", service: MARK, address: "10.0.0.200" },
  { kind: "add-local-address", service: MARK, address: "10.0.0.201" },
  {
    kind: "add-service",
    service: { ...service(WIDE, "mh"), schedulerFlags: 3, persistence: { timeout: 60, mask: 64 } },
  },
  { kind: "add-destination", service: WIDE, destination: WIDE_SERVER },
  { kind: "add-service", service: service(HASHED, "sh") },
  { kind: "add-destination", service: HASHED, destination: server(1, 3) },
  { kind: "add-destination", service: HASHED, destination: server(2, 2) },
  { kind: "add-service", service: service(FIRST, "wrr") },
  { kind: "add-destination", service: FIRST, destination: server(1, 4) },
  { kind: "add-destination", service: FIRST, destination: server(2, 2) },
  { kind: "add-service", service: service(SECOND, "rr") },
  { kind: "add-destination", service: SECOND, destination: server(1) },
  { kind: "add-destination", service: SECOND, destination: server(3) },
  { kind: "delete-destination", service: SECOND, destination: server(3) },
];

const OPERATIONS: { [name: string]: Command[] } = {
  "add a service": [{ kind: "add-service", service: service(THIRD, "lc") }],
  "add a service with servers": [
    { kind: "add-service", service: service(THIRD, "lc") },
    { kind: "add-destination", service: THIRD, destination: server(1) },
    { kind: "add-destination", service: THIRD, destination: server(2) },
  ],
  "edit a service": [{ kind: "edit-service", service: service(FIRST, "wlc") }],
  "delete a service": [{ kind: "delete-service", key: FIRST }],
  flush: [{ kind: "flush" }],
  "add a server": [{ kind: "add-destination", service: FIRST, destination: server(4, 3) }],
  "bring a server back": [{ kind: "add-destination", service: SECOND, destination: server(3, 9, 8, 7) }],
  "edit a weight": [{ kind: "edit-destination", service: FIRST, destination: server(1, 7) }],
  "edit thresholds and weight": [
    { kind: "edit-destination", service: FIRST, destination: server(1, 7, 100, 50) },
  ],
  "delete a server": [{ kind: "delete-destination", service: FIRST, destination: server(2) }],
  "set all timeouts": [{ kind: "set-timeouts", timeouts: { tcp: 1, tcpFin: 2, udp: 3 } }],
  "edit how a server gets its packets": [
    {
      kind: "edit-destination",
      service: MARK,
      destination: { ...TUNNELLED, tunnel: { type: "gre", port: 0, checksum: "none" } },
    },
    { kind: "edit-destination", service: MARK, destination: { ...server(7, 5), method: "masquerade" } },
  ],
  "edit flags and persistence": [
    {
      kind: "edit-service",
      service: {
        ...service(WIDE, "mh"),
        persistence: { timeout: 300, mask: 128 },
        clientAddress: "proxy-v2",
      },
    },
  ],
  "delete and add local addresses": [
    { kind: "delete-local-address", service: MARK, address: "10.0.0.200" },
    { kind: "add-local-address", service: MARK, address: "10.0.0.202" },
    { kind: "add-local-address", service: MARK, address: "10.0.0.200" },
  ],
  "add an IPv6 server": [
    { kind: "add-destination", service: WIDE, destination: { ...WIDE_SERVER, address: "2001:db8::12" } },
  ],
  "take a server's weight in a table": [
    { kind: "edit-destination", service: HASHED, destination: server(1, 0) },
  ],
  "delete a server of a table": [{ kind: "delete-destination", service: HASHED, destination: server(1) }],
  "delete services of each kind": [
    { kind: "delete-service", key: MARK },
    { kind: "delete-service", key: WIDE },
    { kind: "delete-service", key: HASHED },
  ],
  "change several services": [
    { kind: "delete-service", key: SECOND },
    { kind: "edit-destination", service: FIRST, destination: server(1, 7, 100, 50) },
    { kind: "add-destination", service: FIRST, destination: server(5, 3) },
    { kind: "delete-destination", service: FIRST, destination: server(2) },
    { kind: "add-service", service: service(THIRD, "rr") },
    { kind: "add-destination", service: THIRD, destination: server(2) },
  ],
};

function setUp() {
  const plane = new KillablePlane(new SimulatedPlane(createMachine({ entries: SMALL })));
  assert.ok(new TableAdministration(plane).apply(SETUP).every((answer) => answer === null));
  return plane;
}

/** Small tables, so that they are quick to make and to check. */
const SMALL = {
  services: 16,
  service_table: 16,
  pools: 32,
  members: 128,
  destinations: 32,
  counters: 32,
  estimates: 32,
  dest_baseline: 32,
  service_retired: 16,
  servers: 32,
  buckets: 16384,
  local_addresses: 16,
  connections: 8,
  due: 8,
  wide: 8,
  call_ids: 8,
};

/** What people see of a service, without its counters. */
function seen(statuses: readonly ServiceStatus[]): Map<string, unknown> {
  return new Map(
    statuses.map(({ service: { key, ...rest }, destinations, localAddresses }) => [
      serviceId(key),
      { rest, list: destinations.map((each) => each.destination), localAddresses },
    ]),
  );
}

/** Whether each service is as before or as after, and none is something else. */
function oneOf<T>(
  actual: ReadonlyMap<string, T>,
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
): void {
  for (const id of new Set([...actual.keys(), ...before.keys(), ...after.keys()])) {
    const matches = [before, after].some((expected) => {
      try {
        assert.deepEqual(actual.get(id), expected.get(id));
        return true;
      } catch {
        return false;
      }
    });
    assert.ok(matches, `${id} is neither as before nor as after: ${JSON.stringify(actual.get(id))}`);
  }
}

describe("a command killed between any two stores", () => {
  for (const [name, commands] of Object.entries(OPERATIONS)) {
    test(`${name}: leaves the old or the new, and is repaired`, (context) => {
      const reference = setUp();
      const viewBefore = datapathView(reference, { inPlace: false });
      const statusesBefore = new TableAdministration(reference).services();
      const seenBefore = seen(statusesBefore);
      assert.ok(new TableAdministration(reference).apply(commands).every((answer) => answer === null));
      checkSecondaryTables(reference);
      const viewAfter = datapathView(reference, { inPlace: false });
      const timeoutsAfter = new TableAdministration(reference).timeouts();
      const statusesAfter = new TableAdministration(reference).services();
      const seenAfter = seen(statusesAfter);

      let stores = 0;
      // A table of buckets is many stores in a place that nobody reads: not each of them is tried.
      for (let finished = false; !finished; stores += stores < 200 ? 1 : 151) {
        const plane = setUp();
        const timeoutsBefore = new TableAdministration(plane).timeouts();
        plane.left = stores;
        try {
          new TableAdministration(plane).apply(commands);
          finished = true;
        } catch (error) {
          if (!(error instanceof Killed)) throw error;
        }
        plane.left = undefined;
        oneOf(datapathView(plane, { inPlace: false }), viewBefore, viewAfter);

        const next = new TableAdministration(plane);
        const after = seen(next.services());
        oneOf(after, seenBefore, seenAfter);
        checkSecondaryTables(plane);
        oneOf(datapathView(plane, { inPlace: true }), full(statusesBefore), full(statusesAfter));
        const timeouts = next.timeouts();
        const whole = [timeoutsBefore, timeoutsAfter].some(
          (each) => each.tcp === timeouts.tcp && each.udp === timeouts.udp,
        );
        assert.ok(whole, `timeouts half set: ${JSON.stringify(timeouts)}`);

        // The next command works, and the killed one can be tried again.
        next.apply([{ kind: "add-service", service: service({ ...THIRD, port: 9 }, "rr") }]);
        next.deleteService({ ...THIRD, port: 9 });
        next.apply(commands);
        checkSecondaryTables(plane);
        assert.deepEqual(seen(next.services()), seenAfter);
      }
      context.diagnostic(`about ${stores - 1} stores`);
    });
  }
});

/** What the datapath is to see of it, what is read in place included. */
function full(statuses: readonly ServiceStatus[]): ReadonlyMap<string, string> {
  return expectedView(
    statuses.map(({ service, destinations, localAddresses }) => ({
      service,
      list: destinations.map((each) => each.destination),
      localAddresses,
    })),
  );
}
