import assert from "node:assert/strict";
import { test } from "node:test";
import * as options from "../../kernel/options.ts";
import { FEATURES, type Feature, type Needs } from "../plane.ts";
import { satisfies } from "../writing/needs.ts";
import { LADDER, suitable } from "./program-ladder.ts";
import { isOfSource, optionsOf, parseProgramName, programName } from "./program-options.ts";
import { datapathRequests } from "./program-requests.ts";

/** Options that say which program it is, not what it can do. */
const ROLES = new Set(["family", "admission", "outgoing", "aside", "ruling", "payload", "cpus"]);

test("each option of the datapath is a feature, and each feature an option", () => {
  const names = Object.values(options).map(({ name }) => name);
  assert.deepEqual(names.filter((name) => !ROLES.has(name)).sort(), Object.keys(optionsOf(new Set())).sort());
});

test("a program's name tells what it was made for, and from which source", () => {
  const source = "0123456789abcdef";
  const sets: Needs[] = [
    new Set(),
    new Set(FEATURES),
    ...FEATURES.map((feature) => new Set([feature])),
    ...LADDER,
  ];
  const names = new Set<string>();
  for (const needs of sets) {
    const name = programName("lva6", needs, source);
    assert.match(name, /^[A-Za-z0-9_]{1,15}$/);
    const identity = parseProgramName(name)!;
    assert.deepEqual(
      [...identity.needs],
      [...FEATURES].filter((feature) => needs.has(feature)),
    );
    assert.ok(isOfSource(identity, source));
    assert.ok(!isOfSource(identity, "f123456789abcdef"));
    names.add([...identity.needs].join());
  }
  for (const name of ["lvs_1f_0123abcd", "lvs_alive", "lvs_arm_01234", "other"]) {
    assert.equal(parseProgramName(name), undefined);
  }
});

test("every configuration has a rung, and common ones a low one", () => {
  const all = new Set<Feature>(FEATURES);
  assert.deepEqual(suitable(all), all);
  for (const feature of FEATURES) {
    const needs = new Set<Feature>(["tcp", "leastConnection", feature]);
    const rung = suitable(needs);
    assert.ok(satisfies(rung, needs), feature);
    assert.equal(rung.has("localServers"), feature === "localServers", feature);
    assert.equal(rung.has("ipv6"), feature === "ipv6", feature);
  }
  assert.deepEqual(suitable(new Set(["tcp", "roundRobin"])), new Set(["tcp", "roundRobin"]));
});

test("programs for IPv6 and for what goes out are made where they are needed", () => {
  const count = (...needs: Feature[]) => datapathRequests(new Set(needs)).length;
  assert.equal(count("tcp"), 3);
  assert.equal(count("tcp", "ipv6"), 6);
  assert.equal(count("tcp", "localServers"), 4);
  assert.equal(count("tcp", "ipv6", "localServers"), 8);
  assert.equal(count("rules"), 2);
  assert.equal(count("rules", "ipv6"), 4);
  assert.equal(count("rules", "tcp"), 4);
  const requests = LADDER.flatMap((needs) => datapathRequests(needs)).map(({ request }) => request.name);
  assert.equal(new Set(requests).size, requests.length);
});
