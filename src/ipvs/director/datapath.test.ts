import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ServiceKey } from "../model.ts";
import { openAdministration } from "./kernel-administration.ts";
import { directorStatus } from "./status.ts";
import {
  attachedTo,
  inFreshNamespace,
  KEY,
  options,
  server,
  service,
  skip,
  useOwnPlace,
} from "./testing/own-place.ts";

function programId(): number | undefined {
  return directorStatus(options).program?.id;
}

describe("programs and maps of a director", { skip }, () => {
  useOwnPlace();

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
});
