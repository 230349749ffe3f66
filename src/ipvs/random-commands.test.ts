import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine } from "../bpf/index.ts";
import { destinationTable } from "../kernel/tables.ts";
import type { Command } from "./administration.ts";
import type { Destination, ServiceKey, VirtualService } from "./model.ts";
import { serviceId } from "./model.ts";
import { SimulatedPlane } from "./simulated-plane.ts";
import { TableAdministration } from "./table-administration.ts";
import { checkSecondaryTables, datapathView } from "./testing/datapath-view.ts";
import { expectedView } from "./testing/expected-view.ts";
import { KillablePlane, Killed } from "./testing/killable-plane.ts";
import { ModelDirector } from "./testing/model-director.ts";

const ENTRIES = {
  services: 16,
  service_table: 12,
  pools: 24,
  members: 160,
  destinations: 40,
  counters: 40,
  estimates: 40,
  dest_baseline: 40,
  service_retired: 12,
  servers: 40,
  buckets: 65536,
  local_addresses: 64,
  connections: 8,
  due: 8,
  wide: 8,
  call_ids: 8,
};

const SCHEDULERS = "rr wrr lc wlc lblc lblcr dh sh mh sed nq fo ovf twos".split(" ");

const KEYS: readonly ServiceKey[] = [
  { kind: "address", family: 4, protocol: "tcp", address: "192.0.2.1", port: 80 },
  { kind: "address", family: 4, protocol: "udp", address: "192.0.2.1", port: 80 },
  { kind: "address", family: 4, protocol: "sctp", address: "192.0.2.1", port: 80 },
  { kind: "address", family: 4, protocol: "tcp", address: "192.0.2.1", port: 0 },
  { kind: "address", family: 6, protocol: "tcp", address: "2001:db8::1", port: 80 },
  { kind: "address", family: 6, protocol: "udp", address: "::192.0.2.1", port: 80 },
  { kind: "mark", family: 4, mark: 0xc0000201 },
  { kind: "mark", family: 6, mark: 0xc0000201 },
];

const METHODS = ["masquerade", "route", "tunnel", "fullnat", "local"] as const;
const TUNNELS = [
  { type: "ipip", port: 0, checksum: "none" },
  { type: "gue", port: 6080, checksum: "remote" },
  { type: "gre", port: 0, checksum: "full" },
] as const;

/** Numbers from 0 below `limit`, the same for the same seed. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed >>> 0 || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

function randomCommand(random: (limit: number) => number): Command {
  const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
  const key = (): ServiceKey => pick(KEYS);
  const service = (): VirtualService => {
    const named = key();
    const mask = named.family === 4 ? pick([0xffffffff, 0xffffff00, 0xff00ff00]) : pick([1, 64, 77, 128]);
    return {
      key: named,
      scheduler: pick(SCHEDULERS),
      schedulerFlags: random(8),
      persistence: random(3) === 0 ? { timeout: 1 + random(5000), mask } : null,
      engine: random(4) === 0 ? "sip" : null,
      onePacket: random(4) === 0,
      clientAddress: pick(["hidden", "toa", "proxy-v2"] as const),
    };
  };
  const destination = (): Destination => {
    const family = random(2) === 0 ? 4 : 6;
    const method = pick(METHODS);
    return {
      family,
      address: family === 4 ? `10.0.0.${1 + random(5)}` : `2001:db8::${1 + random(3)}`,
      port: pick([80, 80, 80, 8080, 0]),
      method,
      tunnel: method === "tunnel" ? pick(TUNNELS) : null,
      weight: random(6),
      upperThreshold: random(3) * 10,
      lowerThreshold: random(3) * 5,
    };
  };
  const localAddress = (): string => pick(["10.0.0.200", "10.0.0.201", "2001:db8::200", "2001:db8::201"]);
  switch (random(18)) {
    case 0:
    case 1:
    case 2:
      return { kind: "add-service", service: service() };
    case 3:
      return { kind: "edit-service", service: service() };
    case 4:
      return { kind: "delete-service", key: key() };
    case 5:
      return random(8) === 0 ? { kind: "flush" } : { kind: "zero", service: random(3) === 0 ? null : key() };
    case 6:
    case 7:
    case 8:
      return { kind: "edit-destination", service: key(), destination: destination() };
    case 9:
    case 10:
      return { kind: "delete-destination", service: key(), destination: destination() };
    case 11:
      return {
        kind: random(3) === 0 ? "delete-local-address" : "add-local-address",
        service: key(),
        address: localAddress(),
      };
    default:
      return { kind: "add-destination", service: key(), destination: destination() };
  }
}

function seen(director: TableAdministration): Map<string, unknown> {
  return new Map(
    director
      .services()
      .map(({ service, destinations, localAddresses }) => [
        serviceId(service.key),
        { service, list: destinations.map((each) => each.destination), localAddresses },
      ]),
  );
}

test("random batches of commands do what they do to plain lists", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = randomNumbers(seed * 7919);
    const plane = new SimulatedPlane(createMachine({ entries: ENTRIES }));
    const model = new ModelDirector();
    const active = new Uint32Array(plane.map(destinationTable).memory());
    const step = plane.map(destinationTable).stride / 4;
    const field = destinationTable.value.field.active.offset / 4;
    for (let round = 0; round < 25; round++) {
      const batch = Array.from({ length: 1 + random(6) }, () => randomCommand(random));
      const expected = batch.map((command) => model.apply(command));
      const director = new TableAdministration(plane);
      const answers = director.apply(batch).map((answer) => answer?.code ?? null);
      assert.deepEqual(answers, expected, `seed ${seed}, round ${round}: ${JSON.stringify(batch)}`);
      assert.deepEqual(seen(director), new Map(model.services), `seed ${seed}, round ${round}`);
      assert.deepEqual(
        datapathView(plane, { inPlace: true }),
        expectedView(model.services.values()),
        `seed ${seed}, round ${round}: ${JSON.stringify(batch)}`,
      );
      checkSecondaryTables(plane);
      // Connections come and go, so that removed servers keep their slots or lose them.
      active[(1 + random(20)) * step + field] = random(2);
    }
  }
});

test("random batches killed at random stores leave tables that work", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = randomNumbers(seed * 104729);
    const plane = new KillablePlane(new SimulatedPlane(createMachine({ entries: ENTRIES })));
    for (let round = 0; round < 20; round++) {
      const batch = Array.from({ length: 1 + random(5) }, () => randomCommand(random));
      plane.left = random(120);
      try {
        new TableAdministration(plane).apply(batch);
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      }
      plane.left = undefined;
      datapathView(plane, { inPlace: false });
      new TableAdministration(plane).services();
      datapathView(plane, { inPlace: true });
      checkSecondaryTables(plane);
    }
  }
});
