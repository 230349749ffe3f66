import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine } from "../bpf/index.ts";
import { destinationTable } from "../kernel/tables.ts";
import type { Command } from "./administration.ts";
import type { Destination, ServiceKey } from "./model.ts";
import { serviceId } from "./model.ts";
import { SimulatedPlane } from "./simulated-plane.ts";
import { TableAdministration } from "./table-administration.ts";
import { checkSecondaryTables, datapathView } from "./testing/datapath-view.ts";
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
  connections: 8,
  due: 8,
};

const SCHEDULERS = ["rr", "wrr", "lc", "wlc"];

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
  const key = (): ServiceKey => ({
    kind: "address",
    family: 4,
    protocol: random(2) === 0 ? "tcp" : "udp",
    address: "192.0.2.1",
    port: 80 + random(3),
  });
  const service = () => ({
    key: key(),
    scheduler: SCHEDULERS[random(4)]!,
    schedulerFlags: random(8),
    persistence: null,
    engine: null,
    onePacket: false,
    clientAddress: "hidden" as const,
  });
  const destination = (): Destination => ({
    family: 4,
    address: `10.0.0.${1 + random(5)}`,
    port: random(8) === 0 ? 8080 : 80,
    method: "masquerade",
    tunnel: null,
    weight: random(6),
    upperThreshold: random(3) * 10,
    lowerThreshold: random(3) * 5,
  });
  switch (random(16)) {
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
    default:
      return { kind: "add-destination", service: key(), destination: destination() };
  }
}

function seen(director: TableAdministration): Map<string, unknown> {
  return new Map(
    director
      .services()
      .map(({ service, destinations }) => [
        serviceId(service.key),
        { service, list: destinations.map((each) => each.destination) },
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
      datapathView(plane, { thresholds: true });
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
      datapathView(plane, { thresholds: false });
      new TableAdministration(plane).services();
      datapathView(plane, { thresholds: true });
      checkSecondaryTables(plane);
    }
  }
});
