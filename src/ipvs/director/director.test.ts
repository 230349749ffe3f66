import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { decode, type MapDefinition } from "../../bpf/index.ts";
import { createMap, feature, type LoadedMap, openMap, queryTcx, unpin } from "../../bpf/loader/index.ts";
import {
  Destination as DestinationSchema,
  destinationTable,
  InterfaceAddresses,
  interfaceAddresses,
  members,
  settings,
} from "../../kernel/tables.ts";
import {
  addAddress,
  createNetworkNamespace,
  createVeth,
  currentNetworkNamespace,
  deleteNetworkNamespace,
  findLink,
  inNetworkNamespace,
  lockFile,
  MNT_DETACH,
  readSysctl,
  setLink,
  spawnInNamespace,
  umount,
  withRouteSocket,
  writeSysctl,
} from "../../linux/index.ts";
import { formatIp, parsePrefix } from "../../net/index.ts";
import type { Command } from "../administration.ts";
import { bytesOfNumber } from "../configuration/address.ts";
import { IpvsError, NotSupportedError } from "../errors.ts";
import type { Destination, ServiceKey, VirtualService } from "../model.ts";
import { openAdministration } from "./kernel-administration.ts";
import type { DirectorOptions } from "./places.ts";
import { attach, detach, directorStatus, unload } from "./status.ts";

const skip = process.getuid?.() === 0 ? false : "a director in the kernel needs root";
const folder = skip === false ? mkdtempSync(join(tmpdir(), "lvs-director-")) : "";
const options: DirectorOptions = {
  stateDirectory: join(folder, "run"),
  cacheDirectory: join(folder, "cache"),
  connections: 1024,
  patience: 20_000,
};
const pins = join(folder, "run", "bpf");
const KEY: ServiceKey = { kind: "address", family: 4, protocol: "tcp", address: "192.0.2.1", port: 80 };

function service(key: ServiceKey = KEY, scheduler = "wrr"): VirtualService {
  return {
    key,
    scheduler,
    schedulerFlags: 0,
    persistence: null,
    engine: null,
    onePacket: false,
    clientAddress: "hidden",
  };
}

function server(last: number, settings: Partial<Destination> = {}): Destination {
  return {
    ...{ family: 4, address: `10.0.0.${last}`, port: 80, method: "masquerade", tunnel: null, weight: 1 },
    ...{ upperThreshold: 0, lowerThreshold: 0, ...settings },
  };
}

/** Interfaces that the tests make or look at; kernels give a namespace others, such as gretap0. */
const OURS: ReadonlySet<string> = new Set(["lo", "v0", "v1", "late", "peer"]);

let count = 0;

/** Runs `work` in a fresh network namespace with a veth pair, v0 and v1. */
function inFreshNamespace(work: (cookie: bigint, name: string) => void): void {
  const name = `planetest-${process.pid}-${count++}`;
  createNetworkNamespace(name);
  try {
    inNetworkNamespace(name, () => {
      withRouteSocket((socket) => createVeth(socket, { name: "v0" }, { name: "v1" }));
      work(currentNetworkNamespace().cookie, name);
      unload(options);
    });
  } finally {
    deleteNetworkNamespace(name);
  }
}

function attachedTo(): string[] {
  return directorStatus(options)
    .interfaces.filter((each) => each.attached && OURS.has(each.name))
    .map((each) => each.name)
    .sort();
}

function programId(): number | undefined {
  return directorStatus(options).program?.id;
}

/** A table of the director of the thread's namespace, opened from its pin. */
function withTable<T>(definition: MapDefinition, work: (map: LoadedMap) => T): T {
  const { cookie } = currentNetworkNamespace();
  const map = openMap(join(pins, String(cookie), definition.name), definition)!;
  try {
    return work(map);
  } finally {
    map.close();
  }
}

/** "address source isLocal" of the servers in use. */
function sourcesAndLocality(): string[] {
  const text = (address: { readonly words: readonly number[] }) => formatIp(bytesOfNumber(address.words[0]!));
  return withTable(destinationTable, (map) =>
    Array.from({ length: 8 }, (_, row) => decode(DestinationSchema, map.memory(), row * map.stride))
      .filter((each) => each.available !== 0)
      .map(({ address, source, isLocal }) => `${text(address)} ${text(source)} ${isLocal}`)
      .sort(),
  );
}

/** The IPv4 address that the datapath sends from on an interface. */
function ownAddressOf(index: number): string {
  return withTable(interfaceAddresses, (map) => {
    const value = map.lookup(new Uint8Array(Uint32Array.of(index).buffer))!;
    return formatIp(bytesOfNumber(decode(InterfaceAddresses, value).ipv4));
  });
}

describe("a director in the kernel", { skip }, () => {
  before(() => mkdirSync(folder, { recursive: true }));
  after(() => {
    umount(pins, MNT_DETACH);
    rmSync(folder, { recursive: true, force: true });
  });

  test("is not made by looking, nor by commands that change nothing", () => {
    const fresh = { ...options, stateDirectory: join(folder, "fresh") };
    inFreshNamespace(() => {
      const director = openAdministration(fresh);
      assert.deepEqual(director.services(), []);
      assert.deepEqual(director.timeouts(), { tcp: 900, tcpFin: 120, udp: 300 });
      assert.deepEqual([...director.connections()], []);
      director.flush();
      director.zero();
      assert.throws(() => director.deleteService(KEY), /no such service/);
      const [refused] = director.apply([{ kind: "start-daemon", daemon: { role: "master", syncId: 1 } }]);
      assert.ok(refused instanceof NotSupportedError);
      assert.equal(directorStatus(fresh).state, "none");
      assert.equal(unload(fresh), false);
      director.close();
      assert.equal(existsSync(fresh.stateDirectory), false);
    });
  });

  test("is made by the first service, attached to all interfaces, and outlives its maker", () => {
    inFreshNamespace((cookie) => {
      const director = openAdministration(options);
      director.addService(service());
      director.addDestination(KEY, server(1, { weight: 3 }));
      const written = director.services();
      director.close();
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
      const { state, clock, program, tables, interfaces } = directorStatus(options);
      assert.equal(state, "ready");
      assert.equal(clock?.ticking, true);
      assert.equal(program?.current, true);
      assert.equal(program?.options.weightedRoundRobin, true);
      assert.equal(program?.options.ipv6, false);
      assert.deepEqual(
        interfaces
          .filter((each) => OURS.has(each.name))
          .map((each) => [each.name, each.attached, each.excluded])
          .sort(),
        [
          ["lo", true, null],
          ["v0", true, null],
          ["v1", true, null],
        ],
      );
      assert.deepEqual(
        tables.map(({ used, size }) => [used, size]),
        [
          [1, 16383],
          [1, 65535],
          [0, 1024],
        ],
      );
      const again = openAdministration(options);
      assert.deepEqual(again.services(), written);
      again.close();
      assert.ok(existsSync(join(pins, String(cookie))));
    });
  });

  test("swaps its program only when the configuration needs more", () => {
    inFreshNamespace(() => {
      const director = openAdministration(options);
      director.addService(service());
      const first = programId();
      director.addDestination(KEY, server(1));
      director.addService(service({ ...KEY, port: 81 }));
      assert.equal(programId(), first);
      director.addDestination(KEY, server(2, { port: 8080 }));
      const second = programId();
      assert.notEqual(second, first);
      director.deleteDestination(KEY, server(2, { port: 8080 }));
      director.editDestination(KEY, server(1, { weight: 7 }));
      assert.equal(programId(), second);
      assert.deepEqual(attachedTo(), ["lo", "v0", "v1"]);
      director.close();
    });
  });

  test("makes maps that few need when they are needed, of the size that follows", () => {
    inFreshNamespace(() => {
      const director = openAdministration(options);
      const sizes = () => new Map(directorStatus(options).maps.map(({ map, entries }) => [map, entries]));
      director.addService(service());
      assert.equal(sizes().get("wide"), undefined);
      assert.equal(sizes().get("buckets"), undefined);
      director.addService(service({ ...KEY, port: 81 }, "sh"));
      director.addDestination({ ...KEY, port: 81 }, server(1));
      assert.equal(sizes().get("wide"), undefined);
      assert.ok(sizes().has("buckets"));
      assert.deepEqual([...director.connections()], []);
      const wide: ServiceKey = { ...KEY, family: 6, address: "2001:db8::1" };
      director.addService(service(wide));
      director.addDestination(wide, { ...server(1), family: 6, address: "2001:db8::11" });
      assert.equal(sizes().get("wide"), 1024);
      assert.equal(sizes().get("call_ids"), undefined);
      const persistence = { timeout: 60, mask: 0xffffffff };
      director.addService({ ...service({ ...KEY, protocol: "udp" }), persistence, engine: "sip" });
      assert.equal(sizes().get("call_ids"), 1024);
      const written = director.services();
      director.close();
      const again = openAdministration(options);
      assert.deepEqual(again.services(), written);
      assert.deepEqual([...again.connections()], []);
      again.close();
    });
  });

  test("finds a program for all there is, and swaps all of them", () => {
    inFreshNamespace(() => {
      const director = openAdministration(options);
      const names = () =>
        directorStatus(options)
          .programs.map(({ name }) => name.slice(0, 4))
          .sort();
      director.addService(service());
      assert.deepEqual(names(), ["lva4", "lve4", "lvs4"]);
      director.addService({ ...service({ kind: "mark", family: 6, mark: 1 }, "twos"), onePacket: true });
      assert.deepEqual(names(), ["lva4", "lva6", "lve4", "lve6", "lvp4", "lvp6", "lvs4", "lvs6"]);
      const { program, programs } = directorStatus(options);
      assert.ok(programs.every(({ current }) => current));
      assert.equal(program?.options.twoChoices, true);
      director.addDestination(KEY, { ...server(1), address: "127.0.0.1" });
      assert.deepEqual(names(), [
        "lva4",
        "lva6",
        "lve4",
        "lve6",
        "lvo4",
        "lvo6",
        "lvp4",
        "lvp6",
        "lvs4",
        "lvs6",
      ]);
      director.close();
    });
  });

  test("knows its own addresses, and those it reaches others from", () => {
    inFreshNamespace(() => {
      const give = (text: string) =>
        withRouteSocket((socket) => {
          setLink(socket, "v0", { up: true });
          addAddress(socket, "v0", parsePrefix(text)!);
        });
      give("10.0.0.254/24");
      give("192.0.2.1/32");
      const director = openAdministration(options);
      director.addService(service());
      const tunnel = { type: "ipip", port: 0, checksum: "none" } as const;
      director.addDestination(KEY, server(1, { method: "tunnel", tunnel }));
      director.addDestination(KEY, server(2));
      assert.deepEqual(sourcesAndLocality(), ["10.0.0.1 10.0.0.254 0", "10.0.0.2 0.0.0.0 0"]);
      assert.equal(directorStatus(options).program?.options.localServers, false);
      give("10.0.0.2/24");
      assert.equal(attach([], options), true);
      assert.deepEqual(sourcesAndLocality(), ["10.0.0.1 10.0.0.254 0", "10.0.0.2 0.0.0.0 1"]);
      assert.equal(directorStatus(options).program?.options.localServers, true);
      assert.throws(
        () => director.addDestination(KEY, { ...server(1), address: "10.0.0.255" }),
        /invalid value/,
      );
      const { index } = withRouteSocket((socket) => findLink(socket, "v0"))!;
      assert.equal(ownAddressOf(index), "10.0.0.254");
      director.close();
    });
  });

  test("sets what it needs of loopback, and sets it back", () => {
    inFreshNamespace(() => {
      const settings = () => ({
        acceptLocal: readSysctl("net.ipv4.conf.lo.accept_local"),
        forwarding: readSysctl("net.ipv4.conf.lo.forwarding"),
      });
      writeSysctl("net.ipv4.ip_forward", 0);
      assert.deepEqual(settings(), { acceptLocal: "0", forwarding: "0" });
      const director = openAdministration(options);
      director.addService(service());
      assert.deepEqual(settings(), { acceptLocal: "1", forwarding: "1" });
      assert.equal(readSysctl("net.ipv4.ip_forward"), "0");
      assert.equal(directorStatus(options).localClients, true);
      detach(["lo"], options);
      assert.deepEqual(settings(), { acceptLocal: "0", forwarding: "1" });
      assert.equal(directorStatus(options).localClients, false);
      attach(["lo"], options);
      assert.deepEqual(settings(), { acceptLocal: "1", forwarding: "1" });
      unload(options);
      assert.deepEqual(settings(), { acceptLocal: "0", forwarding: "0" });
      director.addService(service());
      writeSysctl("net.ipv4.ip_forward", 1);
      unload(options);
      assert.deepEqual(settings(), { acceptLocal: "0", forwarding: "1" });
      director.close();
    });
  });

  test("finds interfaces that come later, and leaves alone those it was taken off", () => {
    inFreshNamespace(() => {
      const director = openAdministration(options);
      director.addService(service());
      withRouteSocket((socket) => createVeth(socket, { name: "late" }, { name: "peer" }));
      assert.deepEqual(attachedTo(), ["lo", "v0", "v1"]);
      director.addDestination(KEY, server(1));
      assert.deepEqual(attachedTo(), ["late", "lo", "peer", "v0", "v1"]);
      detach(["v0", "late"], options);
      director.editDestination(KEY, server(1, { weight: 2 }));
      assert.deepEqual(attachedTo(), ["lo", "peer", "v1"]);
      attach(["v0"], options);
      assert.deepEqual(attachedTo(), ["lo", "peer", "v0", "v1"]);
      detach([], options);
      director.zero();
      assert.deepEqual(attachedTo(), []);
      attach(["v1"], options);
      director.editDestination(KEY, server(1, { weight: 3 }));
      assert.deepEqual(attachedTo(), ["v1"]);
      attach([], options);
      assert.deepEqual(attachedTo(), ["late", "lo", "peer", "v0", "v1"]);
      assert.throws(() => attach(["nosuch"], options), /no interface "nosuch".*there are lo, /);
      assert.throws(() => detach(["nosuch"], options), /no interface "nosuch"/);
      director.close();
    });
  });

  test("goes without a trace", () => {
    inFreshNamespace((cookie) => {
      const director = openAdministration(options);
      director.addService(service());
      assert.equal(unload(options), true);
      assert.equal(existsSync(join(pins, String(cookie))), false);
      assert.equal(existsSync(join(pins, "..", `${cookie}.lock`)), false);
      if (feature("tcxLinks").available) {
        for (const name of ["lo", "v0", "v1"]) {
          const { index } = withRouteSocket((socket) => findLink(socket, name))!;
          assert.deepEqual(queryTcx(index), [], name);
        }
      }
      assert.deepEqual(director.services(), []);
      director.addService(service(KEY, "rr"));
      assert.equal(director.services().length, 1);
      director.close();
    });
  });

  test("refuses state of another version, says what to do, and can be unloaded", () => {
    inFreshNamespace((cookie) => {
      const director = openAdministration(options);
      director.addService(service());
      director.close();
      const map = openMap(join(pins, String(cookie), "settings"), settings)!;
      new Uint32Array(map.memory())[settings.value.field.layout.offset / 4] = 99;
      map.close();
      const next = openAdministration(options);
      for (const call of [() => next.services(), () => next.addService(service({ ...KEY, port: 81 }))]) {
        assert.throws(call, (error) => {
          assert.ok(error instanceof IpvsError && error.code === "EIO" && error.explained);
          return /another version \(layout 99, this is \d+\).*`lvs unload`/.test(error.message);
        });
      }
      next.close();
      const status = directorStatus(options);
      assert.equal(status.state, "unusable");
      assert.match(status.problem!, /lvs unload/);
      assert.equal(unload(options), true);
      assert.equal(directorStatus(options).state, "none");
    });
  });

  test("refuses a pin that is not its own, and one that is missing", () => {
    inFreshNamespace((cookie) => {
      const director = openAdministration(options);
      director.addService(service());
      director.close();
      const path = join(pins, String(cookie), "members");
      unpin(path);
      const refusal = (pattern: RegExp) => {
        const next = openAdministration(options);
        assert.throws(
          () => next.services(),
          (error) => error instanceof IpvsError && pattern.test(error.message),
        );
        next.close();
      };
      refusal(/the map members is missing.*lvs unload/);
      const foreign = createMap(members, { entries: 7 });
      foreign.pin(path);
      foreign.close();
      refusal(/members does not hold the map "members"/);
      assert.match(directorStatus(options).problem!, /members/);
      const link = join(pins, String(cookie), "link-9999");
      const stranger = createMap(settings);
      stranger.pin(link);
      stranger.close();
      assert.equal(directorStatus(options).state, "unusable");
      assert.equal(unload(options), true);
      assert.equal(existsSync(join(pins, String(cookie))), false);
    });
  });

  test("is made again where a process was killed while it made one", () => {
    inFreshNamespace((cookie) => {
      const director = openAdministration(options);
      director.addService(service());
      unload(options);
      const unfinished = join(pins, `${cookie}~new`);
      mkdirSync(unfinished);
      const map = createMap(settings);
      map.pin(join(unfinished, "settings"));
      map.close();
      assert.deepEqual(director.services(), []);
      director.addService(service());
      assert.equal(director.services().length, 1);
      assert.equal(existsSync(unfinished), false);
      director.close();
    });
  });

  test("is cleared away when its namespace is gone", { skip: skip || !feature("tcxLinks").available }, () => {
    const name = `planetest-${process.pid}-dead`;
    createNetworkNamespace(name);
    const cookie = inNetworkNamespace(name, () => {
      const director = openAdministration(options);
      director.addService(service());
      director.close();
      return currentNetworkNamespace().cookie;
    });
    assert.ok(readdirSync(pins).includes(String(cookie)));
    deleteNetworkNamespace(name);
    const deadline = Date.now() + 5000;
    do {
      inFreshNamespace(() => {
        const director = openAdministration(options);
        director.addService(service());
        director.close();
      });
    } while (readdirSync(pins).includes(String(cookie)) && Date.now() < deadline);
    assert.equal(readdirSync(pins).includes(String(cookie)), false);
    assert.equal(readdirSync(options.stateDirectory!).includes(`${cookie}.lock`), false);
  });

  test("makes a second command wait, and says whom it waited for in vain", () => {
    inFreshNamespace((cookie) => {
      const director = openAdministration({ ...options, patience: 60 });
      director.addService(service());
      const lock = lockFile(join(options.stateDirectory!, `${cookie}.lock`));
      assert.throws(
        () => director.services(),
        (error) =>
          error instanceof IpvsError &&
          error.code === "EBUSY" &&
          error.message.includes(`pid ${process.pid} `),
      );
      lock.release();
      assert.equal(director.services().length, 1);
      director.close();
    });
  });

  test("works without a cache that it may use, and tells", () => {
    inFreshNamespace(() => {
      const file = join(folder, "not-a-directory");
      writeFileSync(file, "");
      const open = join(folder, "open-to-all");
      mkdirSync(open, { recursive: true });
      chmodSync(open, 0o777);
      for (const [cacheDirectory, pattern] of [
        [file, /EEXIST|ENOTDIR/],
        [open, /may be written by other users/],
      ] as const) {
        const director = openAdministration({ ...options, cacheDirectory });
        director.addService(service());
        director.close();
        assert.match(directorStatus({ ...options, cacheDirectory }).cache.problem!, pattern);
        unload(options);
      }
      assert.equal(directorStatus(options).cache.problem, null);
    });
  });

  test("takes 10,000 services of 5 servers in one go", (context) => {
    inFreshNamespace(() => {
      const director = openAdministration(options);
      director.addService(service({ ...KEY, address: "10.255.255.1" }));
      const commands: Command[] = [];
      for (let index = 0; index < 10_000; index++) {
        const key: ServiceKey = { ...KEY, address: `10.1.${index >> 8}.${index & 255}` };
        commands.push({ kind: "add-service", service: service(key) });
        for (let each = 1; each <= 5; each++) {
          commands.push({ kind: "add-destination", service: key, destination: server(each) });
        }
      }
      const start = performance.now();
      assert.ok(director.apply(commands).every((answer) => answer === null));
      const written = performance.now();
      assert.equal(director.services().length, 10_001);
      const read = performance.now();
      director.editDestination({ ...KEY, address: "10.1.0.0" }, server(1, { weight: 9 }));
      const edited = performance.now();
      director.flush();
      const flushed = performance.now();
      assert.deepEqual(director.services(), []);
      director.close();
      const times = {
        written: written - start,
        read: read - written,
        edited: edited - read,
        flushed: flushed - edited,
      };
      context.diagnostic(
        Object.entries(times)
          .map(([name, time]) => `${name} in ${time.toFixed(0)} ms`)
          .join(", "),
      );
      assert.ok(times.written < 10_000, `${times.written} ms`);
    });
  });

  test("survives processes killed while they make and change it", { timeout: 120_000 }, async () => {
    const name = `planetest-${process.pid}-kill`;
    createNetworkNamespace(name);
    const script = `
      const { openAdministration, unload } = await import(${JSON.stringify(new URL("../index.js", import.meta.url).href)});
      const options = ${JSON.stringify(options)};
      const key = ${JSON.stringify(KEY)};
      const service = (port, scheduler) => ({ ...${JSON.stringify(service())}, key: { ...key, port }, scheduler });
      const server = ${JSON.stringify(server(1))};
      process.stdout.write("ready\\n");
      for (let round = 0; ; round++) {
        const director = openAdministration(options);
        director.apply([
          { kind: "add-service", service: service(80, "wrr") },
          { kind: "add-destination", service: key, destination: server },
          { kind: "edit-destination", service: key, destination: { ...server, weight: round % 100, upperThreshold: round % 2 } },
          { kind: "add-service", service: service(81, "rr") },
          { kind: "delete-service", key: { ...key, port: 80 + round % 2 } },
        ]);
        if (round % 5 === 4) unload(options);
        director.close();
      }`;
    try {
      for (let round = 0; round < 12; round++) {
        const child = spawnInNamespace(name, [process.execPath, "--input-type=module", "-e", script], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        await new Promise((resolve) => child.stdout!.once("data", resolve));
        await new Promise((resolve) => setTimeout(resolve, 20 + round * 37));
        child.kill("SIGKILL");
        await new Promise((resolve) => child.once("exit", resolve));
        inNetworkNamespace(name, () => {
          const director = openAdministration({ ...options, patience: 1000 });
          for (const each of director.services()) assert.ok(["wrr", "rr"].includes(each.service.scheduler));
          director.flush();
          director.addService(service());
          director.addDestination(KEY, server(1));
          assert.equal(director.services()[0]!.destinations.length, 1);
          director.close();
        });
      }
      inNetworkNamespace(name, () => unload(options));
    } finally {
      deleteNetworkNamespace(name);
    }
  });
});
