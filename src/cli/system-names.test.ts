import assert from "node:assert/strict";
import { test } from "node:test";
import { systemNames } from "./system-names.ts";

test("this machine's names", () => {
  const names = systemNames();
  assert.equal(names.hostAddress("localhost", 4), "127.0.0.1");
  assert.equal(names.hostAddress("127.0.0.1", 4), "127.0.0.1");
  assert.equal(names.hostAddress("no.such.name.invalid", 4), null);
  assert.equal(typeof names.hostName("127.0.0.1", 4), "string");
  assert.equal(names.hostName("0.0.0.1", 4), null);
  assert.equal(names.servicePort("no-such-service", "tcp"), null);
  const http = names.servicePort("http", "tcp");
  if (http !== null) assert.equal(names.serviceName(http, "tcp"), "http");
});
