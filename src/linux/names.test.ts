import assert from "node:assert/strict";
import { test } from "node:test";
import { formatIp, ip } from "../net/index.ts";
import { effectiveCapabilities, missingCapabilities, PrivilegeError } from "./capabilities.ts";
import { HostLookupError, lookUpAddress, lookUpHost } from "./host-names.ts";
import { kernelAtLeast, parseKernelRelease } from "./kernel-release.ts";
import { parseServices, serviceNames } from "./services.ts";
import { decodeSocketAddress, encodeSocketAddress } from "./socket-address.ts";

test("names of services", () => {
  const names = parseServices(
    "# services\nhttp\t80/tcp  www # the web\ndomain 53/tcp\ndomain 53/udp\nbad line\nodd x/tcp\n",
  );
  assert.equal(names.port("http", "tcp"), 80);
  assert.equal(names.port("www"), 80);
  assert.equal(names.port("http", "udp"), undefined);
  assert.equal(names.name(53, "udp"), "domain");
  assert.equal(names.name(80), "http");
  assert.equal(names.name(81), undefined);
  assert.equal(serviceNames(), serviceNames());
});

test("names of hosts, forward and back", () => {
  assert.deepEqual(lookUpHost("127.0.0.1").map(formatIp), ["127.0.0.1"]);
  assert.deepEqual(lookUpHost("::1", 6).map(formatIp), ["::1"]);
  assert.deepEqual(lookUpHost("::1", 4), []);
  assert.ok(lookUpHost("localhost", 4).map(formatIp).includes("127.0.0.1"));
  assert.equal(typeof lookUpAddress(ip("127.0.0.1")), "string");
  assert.equal(lookUpAddress(ip("0.0.0.1")), undefined);
  try {
    assert.deepEqual(lookUpHost("name.invalid"), []);
  } catch (error) {
    assert.ok(error instanceof HostLookupError && error.code.startsWith("EAI_"), String(error));
  }
});

test("socket addresses", () => {
  const six = encodeSocketAddress({ address: ip("2001:db8::1"), port: 0x1234 }, 3);
  assert.equal(Buffer.from(six).toString("hex"), "0a0012340000000020010db800000000000000000000000103000000");
  assert.deepEqual(decodeSocketAddress(six), { address: ip("2001:db8::1"), port: 0x1234 });
  const four = encodeSocketAddress({ address: ip("10.0.0.1"), port: 80 });
  assert.deepEqual(decodeSocketAddress(four), { address: ip("10.0.0.1"), port: 80 });
  assert.throws(() => decodeSocketAddress(Uint8Array.of(1, 0)), RangeError);
});

test("kernel releases compare by version", () => {
  const debian = parseKernelRelease("6.1.0-56-amd64");
  assert.ok(kernelAtLeast(6, 1, debian) && kernelAtLeast(5, 19, debian));
  assert.ok(!kernelAtLeast(6, 6, debian) && !kernelAtLeast(7, 0, debian));
  assert.throws(() => parseKernelRelease("what"), RangeError);
});

test("capabilities", () => {
  assert.equal(effectiveCapabilities("Name:\tx\nCapEff:\t0000000000003000\n"), 0x3000n);
  const missing = missingCapabilities(["CAP_NET_ADMIN"]);
  assert.ok(missing.length === 0 || missing[0] === "CAP_NET_ADMIN");
  assert.match(
    new PrivilegeError("adding a service", ["CAP_BPF"]).message,
    /^adding a service needs root; this process lacks CAP_BPF: run it as root/,
  );
});
