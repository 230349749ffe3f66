import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMachine } from "../bpf/index.ts";
import {
  counters as counterMap,
  destinationTable,
  estimates,
  servers,
  services as serviceMap,
} from "../kernel/tables.ts";
import type { Administration, Command } from "./administration.ts";
import { IpvsError, NotSupportedError } from "./errors.ts";
import type { Destination, ServiceKey, VirtualService } from "./model.ts";
import { simulatedAdministration } from "./simulated-plane.ts";
import { plainServer, plainService } from "./testing/plain.ts";

const KEY: ServiceKey = { kind: "address", family: 4, protocol: "tcp", address: "192.0.2.1", port: 80 };

function service(key: ServiceKey, scheduler = "wrr"): VirtualService {
  return plainService(key, { scheduler });
}

function server(address: string, settings: Partial<Destination> = {}): Destination {
  return plainServer(address, settings);
}

function refused(code: string, body: () => void): void {
  assert.throws(body, (error) => error instanceof IpvsError && error.code === code);
}

function addresses(administration: Administration): string[] {
  return administration.service(KEY)!.destinations.map((each) => each.destination.address);
}

describe("a director's tables", () => {
  test("are empty at first, with IPVS's timeouts", () => {
    const director = simulatedAdministration(createMachine());
    assert.deepEqual(director.services(), []);
    assert.equal(director.service(KEY), null);
    assert.deepEqual(director.timeouts(), { tcp: 900, tcpFin: 120, udp: 300 });
    assert.deepEqual([...director.connections()], []);
    assert.deepEqual(director.daemons(), []);
    assert.deepEqual(director.info(), { version: "1.2.1", connectionTableSize: 4096 });
  });

  test("list services with their servers, the newest first", () => {
    const director = simulatedAdministration(createMachine());
    director.addService(service(KEY));
    director.addDestination(KEY, server("10.0.0.1", { weight: 3, upperThreshold: 9, lowerThreshold: 4 }));
    director.addDestination(KEY, server("10.0.0.2", { port: 8080 }));
    const [only] = director.services();
    assert.deepEqual(only!.service, service(KEY));
    assert.deepEqual(
      only!.destinations.map((each) => each.destination),
      [
        server("10.0.0.2", { port: 8080 }),
        server("10.0.0.1", { weight: 3, upperThreshold: 9, lowerThreshold: 4 }),
      ],
    );
    assert.deepEqual(director.service(KEY), only);
  });

  test("keep a server's place when it is edited, and put it first when it is added again", () => {
    const director = simulatedAdministration(createMachine());
    director.addService(service(KEY));
    for (const address of ["10.0.0.1", "10.0.0.2", "10.0.0.3"]) director.addDestination(KEY, server(address));
    director.editDestination(KEY, server("10.0.0.2", { weight: 7, upperThreshold: 5 }));
    assert.deepEqual(addresses(director), ["10.0.0.3", "10.0.0.2", "10.0.0.1"]);
    assert.deepEqual(
      director.service(KEY)!.destinations[1]!.destination,
      server("10.0.0.2", { weight: 7, upperThreshold: 5 }),
    );
    director.deleteDestination(KEY, server("10.0.0.2"));
    assert.deepEqual(addresses(director), ["10.0.0.3", "10.0.0.1"]);
    director.addDestination(KEY, server("10.0.0.2"));
    assert.deepEqual(addresses(director), ["10.0.0.2", "10.0.0.3", "10.0.0.1"]);
  });

  test("keep servers when the service is edited, and lose them with it", () => {
    const director = simulatedAdministration(createMachine());
    director.addService(service(KEY, "rr"));
    director.addDestination(KEY, server("10.0.0.1"));
    director.editService({ ...service(KEY, "wlc"), schedulerFlags: 3 });
    assert.deepEqual(director.service(KEY)!.service, { ...service(KEY, "wlc"), schedulerFlags: 3 });
    assert.deepEqual(addresses(director), ["10.0.0.1"]);
    director.deleteService(KEY);
    assert.deepEqual(director.services(), []);
    director.addService(service(KEY));
    assert.deepEqual(addresses(director), []);
  });

  test("refuse as the kernel does", () => {
    const director = simulatedAdministration(createMachine());
    const other: ServiceKey = { ...KEY, protocol: "udp" };
    director.addService(service(KEY));
    director.addDestination(KEY, server("10.0.0.1"));
    refused("EEXIST", () => director.addService(service(KEY)));
    refused("EEXIST", () => director.addService(service(KEY, "nosuch")));
    refused("ENOENT", () => director.addService(service(other, "nosuch")));
    refused("ENOENT", () => director.editService(service(KEY, "nosuch")));
    refused("ENOENT", () => director.addService({ ...service(other), engine: "nosuch" }));
    refused("ESRCH", () => director.editService(service(other, "nosuch")));
    refused("ESRCH", () => director.deleteService(other));
    refused("ESRCH", () => director.zero(other));
    refused("ESRCH", () => director.addDestination(other, server("10.0.0.1")));
    refused("EEXIST", () => director.addDestination(KEY, server("10.0.0.1", { method: "tunnel" })));
    refused("ENOENT", () => director.editDestination(KEY, server("10.0.0.2")));
    refused("ENOENT", () => director.deleteDestination(KEY, server("10.0.0.1", { port: 81 })));
    refused("ERANGE", () => director.addDestination(KEY, server("10.0.0.1", { lowerThreshold: 1 })));
    refused("ERANGE", () => director.editDestination(KEY, server("10.0.0.9", { weight: 2 ** 31 })));
    refused("EINVAL", () => director.addDestination(KEY, server("224.0.0.1")));
    refused("EINVAL", () => director.addDestination(KEY, server("0.0.0.0")));
    refused("EINVAL", () => director.addDestination(KEY, server("2001:db8::1", { family: 6 })));
    assert.equal(director.services().length, 1);
    assert.deepEqual(addresses(director), ["10.0.0.1"]);
  });

  test("say what is not supported yet", () => {
    const director = simulatedAdministration(createMachine());
    const [answer] = director.apply([{ kind: "start-daemon", daemon: { role: "master", syncId: 1 } }]);
    assert.ok(answer instanceof NotSupportedError);
    assert.deepEqual(director.services(), []);
  });

  test("carry out a batch as if one by one, and go on behind a refused command", () => {
    const director = simulatedAdministration(createMachine());
    const udp: ServiceKey = { ...KEY, protocol: "udp" };
    const commands: Command[] = [
      { kind: "add-service", service: service(KEY) },
      { kind: "add-destination", service: KEY, destination: server("10.0.0.1") },
      { kind: "add-destination", service: KEY, destination: server("10.0.0.1") },
      { kind: "add-destination", service: udp, destination: server("10.0.0.1") },
      { kind: "add-destination", service: KEY, destination: server("10.0.0.2") },
      { kind: "delete-destination", service: KEY, destination: server("10.0.0.1") },
      { kind: "delete-service", key: KEY },
      { kind: "add-service", service: service(KEY, "rr") },
      { kind: "add-destination", service: KEY, destination: server("10.0.0.3") },
      { kind: "add-service", service: service(udp) },
      { kind: "flush" },
      { kind: "add-service", service: service(KEY, "lc") },
      { kind: "add-destination", service: KEY, destination: server("10.0.0.4") },
      { kind: "set-timeouts", timeouts: { tcp: 10, tcpFin: 0, udp: 30 } },
    ];
    const codes = director.apply(commands).map((answer) => answer?.code ?? null);
    assert.deepEqual(codes, [null, null, "EEXIST", "ESRCH", ...Array(10).fill(null)]);
    assert.deepEqual(
      director.services().map((each) => each.service),
      [service(KEY, "lc")],
    );
    assert.deepEqual(addresses(director), ["10.0.0.4"]);
    assert.deepEqual(director.timeouts(), { tcp: 10, tcpFin: 120, udp: 30 });
  });

  test("read timeouts back as they were set", () => {
    const director = simulatedAdministration(createMachine());
    for (let seconds = 1; seconds < 4_000_000; seconds = Math.ceil(seconds * 1.07)) {
      director.setTimeouts({ tcp: seconds, tcpFin: seconds + 1, udp: seconds + 2 });
      assert.deepEqual(director.timeouts(), { tcp: seconds, tcpFin: seconds + 1, udp: seconds + 2 });
    }
    refused("EINVAL", () => director.setTimeouts({ tcp: -1, tcpFin: 0, udp: 0 }));
  });

  test("keep the map of servers in step", () => {
    const machine = createMachine();
    const director = simulatedAdministration(machine);
    const second: ServiceKey = { ...KEY, port: 81 };
    director.addService(service(KEY));
    director.addService(service(second));
    director.addDestination(KEY, server("10.0.0.1"));
    director.addDestination(second, server("10.0.0.1"));
    director.addDestination(second, server("10.0.0.2"));
    const handle = machine.map(servers);
    assert.equal(handle.readAll().count, 2);
    director.deleteDestination(second, server("10.0.0.1"));
    assert.equal(handle.readAll().count, 2);
    const [entry] = [...handle.keys()].map((key) => new DataView(handle.lookup(key)!.buffer));
    assert.equal(entry!.getUint16(16), 80);
    director.deleteService(KEY);
    assert.equal(handle.readAll().count, 1);
    director.flush();
    assert.equal(handle.readAll().count, 0);
    assert.equal(machine.map(serviceMap).readAll().count, 0);
  });

  test("name the table that is full", () => {
    const machine = createMachine({ entries: { destinations: 4, service_table: 3 } });
    const director = simulatedAdministration(machine);
    director.addService(service(KEY));
    director.addService(service({ ...KEY, port: 81 }));
    assert.throws(() => director.addService(service({ ...KEY, port: 82 })), /virtual services is full \(2\)/);
    for (const address of ["10.0.0.1", "10.0.0.2", "10.0.0.3"]) director.addDestination(KEY, server(address));
    assert.throws(() => director.addDestination(KEY, server("10.0.0.4")), /real servers is full \(3/);
    const answers = director.apply([
      { kind: "delete-destination", service: KEY, destination: server("10.0.0.1") },
      { kind: "add-destination", service: KEY, destination: server("10.0.0.5") },
      { kind: "delete-service", key: KEY },
      { kind: "add-service", service: service({ ...KEY, port: 82 }) },
    ]);
    assert.deepEqual(answers, [null, null, null, null]);
  });
});

describe("removed servers", () => {
  /** A director with one server that has a connection and has counted. */
  function withTraffic() {
    const machine = createMachine();
    const director = simulatedAdministration(machine);
    director.addService(service(KEY, "rr"));
    director.addDestination(KEY, server("10.0.0.1"));
    const view = new DataView(machine.map(destinationTable).memory());
    const { stride } = machine.map(destinationTable);
    const active = destinationTable.value.field.active.offset;
    return {
      machine,
      director,
      setActive: (row: number, n: number) => view.setUint32(row * stride + active, n, true),
    };
  }

  test("keep their slot while they have connections, and come back to it", () => {
    const { director, setActive } = withTraffic();
    setActive(1, 5);
    director.deleteDestination(KEY, server("10.0.0.1"));
    director.addDestination(KEY, server("10.0.0.2"));
    assert.equal(director.service(KEY)!.destinations[0]!.active, 0);
    director.addDestination(KEY, server("10.0.0.1", { weight: 4 }));
    const [first] = director.service(KEY)!.destinations;
    assert.equal(first!.active, 5);
    assert.equal(first!.destination.weight, 4);
  });

  test("come back to a service of the same name, even after another took its slot", () => {
    const { director, setActive } = withTraffic();
    setActive(1, 5);
    director.deleteService(KEY);
    director.addService(service({ ...KEY, port: 81 }));
    director.addDestination({ ...KEY, port: 81 }, server("10.0.0.1"));
    assert.equal(director.service({ ...KEY, port: 81 })!.destinations[0]!.active, 0);
    director.addService(service(KEY));
    director.addDestination(KEY, server("10.0.0.1"));
    assert.equal(director.service(KEY)!.destinations[0]!.active, 5);
  });

  test("free their slot when the last connection is gone", () => {
    const machine = createMachine({ entries: { destinations: 2 } });
    const director = simulatedAdministration(machine);
    director.addService(service(KEY));
    director.addDestination(KEY, server("10.0.0.1"));
    director.deleteDestination(KEY, server("10.0.0.1"));
    director.addDestination(KEY, server("10.0.0.2"));
    assert.deepEqual(addresses(director), ["10.0.0.2"]);
  });
});

describe("counters", () => {
  function counting() {
    const machine = createMachine({ cpus: 2 });
    const director = simulatedAdministration(machine);
    director.addService(service(KEY, "rr"));
    director.addDestination(KEY, server("10.0.0.1"));
    director.addDestination(KEY, server("10.0.0.2"));
    return { machine, director };
  }

  function count(machine: ReturnType<typeof createMachine>, row: number, values: bigint[]): void {
    // Raw per-CPU values: the same on each CPU.
    const handle = machine.map(counterMap);
    const bytes = new Uint8Array(handle.valueSize);
    const view = new DataView(bytes.buffer);
    for (let cpu = 0; cpu < handle.cpus; cpu++) {
      for (const [index, value] of values.entries())
        view.setBigUint64(cpu * handle.stride + 8 * index, value, true);
    }
    handle.update(new Uint8Array(Uint32Array.of(row).buffer), bytes);
  }

  test("are summed over CPUs, servers and servers that left, and begin at zero when zeroed", () => {
    const { machine, director } = counting();
    count(machine, 1, [1n, 2n, 200n, 3n, 300n]);
    count(machine, 2, [10n, 20n, 2n ** 40n, 30n, 2n ** 60n]);
    const shown = director.service(KEY)!;
    const first = { connections: 2n, inPackets: 4n, outPackets: 6n, inBytes: 400n, outBytes: 600n };
    const second = {
      connections: 20n,
      inPackets: 40n,
      outPackets: 60n,
      inBytes: 2n ** 41n,
      outBytes: 2n ** 61n,
    };
    assert.deepEqual(
      shown.destinations.map((each) => each.statistics),
      [second, first],
    );
    assert.deepEqual(shown.statistics, {
      connections: 22n,
      inPackets: 44n,
      outPackets: 66n,
      inBytes: 2n ** 41n + 400n,
      outBytes: 2n ** 61n + 600n,
    });
    director.deleteDestination(KEY, server("10.0.0.2"));
    assert.deepEqual(director.service(KEY)!.statistics, shown.statistics);
    director.addDestination(KEY, server("10.0.0.2"));
    assert.deepEqual(director.service(KEY)!.statistics, shown.statistics);
    assert.deepEqual(director.service(KEY)!.destinations[0]!.statistics, second);
    director.zero();
    assert.equal(director.service(KEY)!.statistics.inBytes, 0n);
    count(machine, 1, [2n, 3n, 201n, 3n, 300n]);
    assert.deepEqual(director.service(KEY)!.statistics, {
      connections: 2n,
      inPackets: 2n,
      outPackets: 0n,
      inBytes: 2n,
      outBytes: 0n,
    });
  });

  test("begin at zero in a new service, also where the old one had counted", () => {
    const { machine, director } = counting();
    count(machine, 1, [1n, 2n, 200n, 3n, 300n]);
    director.deleteService(KEY);
    director.addService(service(KEY, "rr"));
    director.addDestination(KEY, server("10.0.0.1"));
    assert.equal(director.service(KEY)!.statistics.inBytes, 0n);
    assert.equal(director.service(KEY)!.destinations[0]!.statistics.inBytes, 0n);
  });

  test("give rates as IPVS rounds them, and none after zeroing", () => {
    const { machine, director } = counting();
    const handle = machine.map(estimates);
    const view = new DataView(handle.memory());
    const at = (row: number, name: keyof typeof estimates.value.field) =>
      row * handle.stride + estimates.value.field[name].offset;
    view.setBigUint64(at(1, "connectionRate"), 7n * 1024n + 513n, true);
    view.setBigUint64(at(1, "outByteRate"), 100n * 32n + 16n, true);
    view.setBigUint64(at(2, "connectionRate"), 512n, true);
    const { rates, destinations } = director.service(KEY)!;
    assert.deepEqual(destinations[1]!.rates, {
      connections: 8,
      inPackets: 0,
      outPackets: 0,
      inBytes: 0,
      outBytes: 100,
    });
    assert.equal(destinations[0]!.rates.connections, 0);
    assert.equal(rates.connections, 8);
    director.zero(KEY);
    assert.equal(director.service(KEY)!.rates.connections, 0);
  });
});

describe("large tables", () => {
  test("10,000 services of 5 servers are written and read quickly", (context) => {
    const director = simulatedAdministration(createMachine());
    const commands: Command[] = [];
    for (let index = 0; index < 10_000; index++) {
      const key: ServiceKey = { ...KEY, address: `10.1.${index >> 8}.${index & 255}` };
      commands.push({ kind: "add-service", service: service(key, "wlc") });
      for (let each = 1; each <= 5; each++) {
        commands.push({
          kind: "add-destination",
          service: key,
          destination: server(`10.2.0.${each}`, { weight: each }),
        });
      }
    }
    const start = performance.now();
    assert.ok(director.apply(commands).every((answer) => answer === null));
    const written = performance.now();
    const all = director.services();
    const read = performance.now();
    assert.equal(all.length, 10_000);
    assert.equal(all[9999]!.destinations.length, 5);
    director.editDestination({ ...KEY, address: "10.1.0.0" }, server("10.2.0.1", { weight: 9 }));
    const edited = performance.now();
    const took = [written - start, read - written, edited - read].map((each) => `${each.toFixed(0)} ms`);
    context.diagnostic(`written in ${took[0]}, read in ${took[1]}, one server edited in ${took[2]}`);
  });
});
