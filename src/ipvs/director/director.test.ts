import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { feature, queryTcx } from "../../bpf/loader/index.ts";
import { findLink, lockFile, withRouteSocket } from "../../linux/index.ts";
import type { Command } from "../administration.ts";
import { IpvsError, NotSupportedError } from "../errors.ts";
import type { ServiceKey } from "../model.ts";
import { openAdministration } from "./kernel-administration.ts";
import { directorStatus, unload } from "./status.ts";
import {
  folder,
  inFreshNamespace,
  KEY,
  OURS,
  options,
  pins,
  server,
  service,
  skip,
  useOwnPlace,
} from "./testing/own-place.ts";

describe("a director in the kernel", { skip }, () => {
  useOwnPlace();

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
        [file, /not-a-directory is no directory$/],
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
});
