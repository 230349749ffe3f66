import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createMap, feature, openMap, unpin } from "../../bpf/loader/index.ts";
import { members, settings } from "../../kernel/tables.ts";
import {
  createNetworkNamespace,
  currentNetworkNamespace,
  deleteNetworkNamespace,
  inNetworkNamespace,
  spawnInNamespace,
} from "../../linux/index.ts";
import { IpvsError } from "../errors.ts";
import { openAdministration } from "./kernel-administration.ts";
import { directorStatus, unload } from "./status.ts";
import {
  inFreshNamespace,
  KEY,
  namespaceName,
  options,
  pins,
  server,
  service,
  skip,
  useOwnPlace,
} from "./testing/own-place.ts";

describe("a director whose state is broken, or whose makers were killed", { skip }, () => {
  useOwnPlace();

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
    const name = namespaceName("dead");
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

  test("survives processes killed while they make and change it", { timeout: 120_000 }, async () => {
    const name = namespaceName("kill");
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
