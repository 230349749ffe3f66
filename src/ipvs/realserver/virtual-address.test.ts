import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualAddress } from "./virtual-address.ts";

for (const [text, canonical] of [
  ["192.0.2.1", "192.0.2.1"],
  ["10.0.0.0", "10.0.0.0"],
  ["2001:DB8:0:0::1", "2001:db8::1"],
  ["fd00::1", "fd00::1"],
] as const) {
  test(`${text} can be a virtual address`, () => assert.equal(virtualAddress(text), canonical));
}

for (const [text, why] of [
  ["", /no IP address: say 192.0.2.1 or 2001:db8::1$/],
  ["example.org", /no IP address/],
  ["192.0.2", /no IP address/],
  ["192.0.2.1/32", /without a prefix length/],
  ["192.0.2.1:80", /without a port/],
  ["[2001:db8::1]:80", /without a port/],
  ["0.0.0.0", /not an address of a host/],
  ["0.0.0.1", /not an address of a host/],
  ["::", /not an address of a host/],
  ["127.0.0.2", /loopback address/],
  ["::1", /loopback address/],
  ["224.0.0.1", /multicast/],
  ["ff02::1", /multicast/],
  ["255.255.255.255", /the broadcast address/],
  ["240.0.0.1", /reserved/],
  ["fe80::1", /link-local/],
  ["::ffff:192.0.2.1", /an IPv4 address: say 192.0.2.1/],
] as const) {
  test(`"${text}" cannot`, () => {
    assert.throws(() => virtualAddress(text), { code: "INVALID_VIP", message: why });
  });
}
