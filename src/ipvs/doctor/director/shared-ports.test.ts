import assert from "node:assert/strict";
import { test } from "node:test";
import type { Destination } from "../../model.ts";
import { examine } from "../examine.ts";
import { directorFacts, hostFacts, serviceWith, summary, wayBy } from "../testing/hosts.ts";

/** What is said of a server to which the host's own address is 10.0.0.254. */
function said(
  [first, last]: readonly [number, number],
  localAddresses: readonly string[] = [],
  method: Destination["method"] = "fullnat",
): string[] {
  const director = directorFacts({
    services: [{ ...serviceWith({ method }), localAddresses }],
    ways: new Map([["10.0.0.1", wayBy("inside")]]),
    own: new Set(["192.0.2.1", ...localAddresses]),
  });
  return examine(hostFacts({ director, localPorts: { first, last } })).map(summary);
}

const DEFAULT = [32768, 60999] as const;
const WIDE = [1024, 65535] as const;
const RANGE = [
  'warning | ports-shared | net.ipv4.ip_local_port_range | sysctl -w net.ipv4.ip_local_port_range="32768 60999"',
];

test("the host's own address", () => {
  assert.deepEqual(said(DEFAULT), []);
  assert.deepEqual(said([32767, 60999]), RANGE);
  assert.deepEqual(said(WIDE), RANGE);
  assert.deepEqual(said([1000, 1023]), []);
});

test("local addresses for FullNAT alone", () => {
  assert.deepEqual(said(WIDE, ["10.0.0.253"]), []);
});

test("a local address that is the host's own towards the server", () => {
  assert.deepEqual(said(DEFAULT, ["10.0.0.254"]), []);
  assert.deepEqual(said(WIDE, ["10.0.0.253", "10.0.0.254"]), RANGE);
});

test("other methods have no ports of their own", () => {
  for (const method of ["route", "masquerade"] as const) assert.deepEqual(said(WIDE, [], method), []);
});

test("each address is told once, and nothing if the range is not known", () => {
  const services = [serviceWith({ method: "fullnat" }), serviceWith({ method: "fullnat", port: 81 })];
  const director = directorFacts({ services });
  const found = examine(hostFacts({ director, localPorts: { first: 1024, last: 65535 } }));
  assert.deepEqual(found.map(summary), RANGE);
  assert.match(
    found[0]!.what,
    /is 1024 … 65535, .* ports 1024 … 32767 of the host's own address 10\.0\.0\.254\.$/,
  );
  assert.deepEqual(examine(hostFacts({ director, localPorts: null })), []);
});
