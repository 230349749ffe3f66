import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecordedServer } from "../../director/recorded.ts";
import { type Destination, IPIP } from "../../model.ts";
import { examine } from "../examine.ts";
import { directorFacts, hostFacts, linkFacts, serviceWith, summary, wayBy } from "../testing/hosts.ts";

/** What is said of a server that the datapath reaches from `source` and the kernel from 10.0.0.254. */
function said(
  { source = "10.0.0.254", local = false }: Partial<RecordedServer>,
  server: Partial<Destination>,
  {
    way = wayBy("inside", { mtu: 1600 }),
    localAddresses = [] as string[],
    up = true,
    addresses = hostFacts().addresses,
  } = {},
): string[] {
  const service = { ...serviceWith(server), localAddresses };
  const key = service.service.key;
  const at = { family: 4, address: "10.0.0.1", port: 80 } as const;
  const director = directorFacts({
    services: [service],
    ways: new Map([["10.0.0.1", way]]),
    own: new Set(["192.0.2.1", "10.0.0.253", ...localAddresses]),
    recorded: new Map([["tcp/192.0.2.1:80 10.0.0.1:80", { ...at, service: key, source, local }]]),
  });
  const host = hostFacts({
    links: [linkFacts("lo"), linkFacts("outside"), linkFacts("inside", { up })],
    ...{ director, addresses },
  });
  return examine(host).map(summary);
}

const FULLNAT = { method: "fullnat" } as const;
const TUNNEL = { method: "tunnel", tunnel: IPIP } as const;
const ERROR = ["error | addresses-stale | 10.0.0.1 | lvs attach"];
const WARNING = ["warning | addresses-stale | 10.0.0.1 | lvs attach"];

test("an address that is still the right one", () => {
  for (const method of [FULLNAT, TUNNEL]) assert.deepEqual(said({}, method), []);
});

test("an address that the host has lost", () => {
  assert.deepEqual(said({ source: "10.0.0.252" }, FULLNAT), ERROR);
  assert.deepEqual(said({ source: "10.0.0.252" }, TUNNEL), WARNING);
});

test("an address that the host still has, but that routes no longer say", () => {
  for (const method of [FULLNAT, TUNNEL]) assert.deepEqual(said({ source: "10.0.0.253" }, method), WARNING);
});

test("no address, as there was no way to the server", () => {
  for (const method of [FULLNAT, TUNNEL]) assert.deepEqual(said({ source: null }, method), ERROR);
});

test("who does not ask for the address", () => {
  assert.deepEqual(said({ source: null }, { method: "masquerade" }), []);
  assert.deepEqual(said({ source: "10.0.0.252" }, FULLNAT, { localAddresses: ["10.0.0.253"] }), []);
});

test("nothing is known of addresses by an interface that is down", () => {
  assert.deepEqual(said({ source: "10.0.0.252" }, FULLNAT, { up: false }), [
    "error | interface-down | inside | ip link set inside up",
  ]);
});

test("a server that came to be, or is no longer, the director itself", () => {
  const masquerade = { method: "masquerade" } as const;
  assert.deepEqual(said({ local: true }, masquerade), ERROR);
  assert.deepEqual(said({ local: false }, masquerade, { way: wayBy("lo", { local: true }) }), ERROR);
  assert.deepEqual(said({ local: true }, masquerade, { way: wayBy("lo", { local: true }) }), []);
});

test("a network's mask on loopback is no reason to take servers for the director itself", () => {
  const whole = {
    link: "lo",
    address: "10.0.0.9",
    family: 4,
    length: 24,
    duplicate: false,
    scope: "global",
  } as const;
  const addresses = [...hostFacts().addresses, whole];
  assert.deepEqual(said({}, FULLNAT, { way: wayBy("lo", { local: true }), addresses }), []);
});
