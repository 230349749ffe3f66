import assert from "node:assert/strict";
import { test } from "node:test";
import { formatIp, ip } from "./address.ts";
import {
  endpoint,
  formatEndpoint,
  parseEndpoint,
  parsePort,
  parsePortRange,
  splitHostPort,
} from "./endpoint.ts";
import {
  formatPrefix,
  lastAddressOf,
  maskLength,
  maskOfLength,
  networkOf,
  parsePrefix,
  prefix,
  prefixContains,
} from "./prefix.ts";

test("prefixes are read and written", () => {
  assert.equal(formatPrefix(prefix("10.1.2.3/8")), "10.1.2.3/8");
  assert.equal(formatPrefix(prefix("10.0.0.0/255.255.240.0")), "10.0.0.0/20");
  assert.equal(formatPrefix(prefix("10.0.0.1")), "10.0.0.1/32");
  assert.equal(formatPrefix(prefix("2001:db8::/32")), "2001:db8::/32");
  for (const text of ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/255.0.255.0", "x/8"]) {
    assert.equal(parsePrefix(text), undefined, text);
  }
});

test("prefixes have a network, a last address and members", () => {
  assert.equal(formatPrefix(networkOf(prefix("10.1.2.3/12"))), "10.0.0.0/12");
  assert.equal(formatIp(lastAddressOf(prefix("10.1.2.3/12"))), "10.15.255.255");
  assert.ok(prefixContains(prefix("10.0.0.0/12"), ip("10.15.0.1")));
  assert.ok(!prefixContains(prefix("10.0.0.0/12"), ip("10.16.0.1")));
  assert.ok(prefixContains(prefix("0.0.0.0/0"), ip("1.2.3.4")));
  assert.ok(!prefixContains(prefix("0.0.0.0/0"), ip("::1")));
  assert.ok(prefixContains(prefix("2001:db8::/33"), ip("2001:db8:7fff::1")));
});

test("masks and lengths are each other's inverse", () => {
  for (const size of [4, 16]) {
    for (let length = 0; length <= 8 * size; length++) {
      assert.equal(maskLength(maskOfLength(length, size)), length);
    }
  }
  assert.equal(maskLength(ip("255.0.255.0")), undefined);
});

test("ports", () => {
  assert.equal(parsePort("0"), 0);
  assert.equal(parsePort("65535"), 65535);
  for (const text of ["", "65536", "-1", "80x", " 80", "0x50", "999999"])
    assert.equal(parsePort(text), undefined);
  assert.deepEqual(parsePortRange("80-90"), { first: 80, last: 90 });
  assert.deepEqual(parsePortRange("80"), { first: 80, last: 80 });
  for (const text of ["90-80", "80-", "-80", "1-2-3"]) assert.equal(parsePortRange(text), undefined);
});

test("endpoints", () => {
  assert.equal(formatEndpoint(endpoint("10.0.0.1:80")), "10.0.0.1:80");
  assert.equal(formatEndpoint(endpoint("[2001:DB8::1]:443")), "[2001:db8::1]:443");
  for (const text of ["10.0.0.1", "10.0.0.1:", "::1:80", "[::1]", "[::1]80", "[10.0.0.1]:80", "host:80"]) {
    assert.equal(parseEndpoint(text), undefined, text);
  }
  assert.deepEqual(splitHostPort("www:http"), { host: "www", port: "http" });
  assert.deepEqual(splitHostPort("www"), { host: "www", port: undefined });
  assert.deepEqual(splitHostPort("::1"), { host: "::1", port: undefined });
  assert.deepEqual(splitHostPort("[::1]"), { host: "::1", port: undefined });
  assert.equal(splitHostPort("[::1"), undefined);
});
