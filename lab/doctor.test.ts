/** `lvs doctor` in real networks: nothing where all is well, and each fault that is made. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { ConnectOutcome } from "../src/linux/index.ts";
import type { Fault } from "./doctor/fault.ts";
import { HOST_FAULTS } from "./doctor/host-faults.ts";
import { DIRECTOR, FAMILIES, lan, METHODS, virtual, wire } from "./doctor/plan.ts";
import { RULE_FAULTS } from "./doctor/rule-faults.ts";
import { SERVER_FAULTS } from "./doctor/server-faults.ts";
import { SERVICE_FAULTS } from "./doctor/service-faults.ts";
import { Ward } from "./doctor/ward.ts";
import { ownPrefix } from "./network.ts";

const skip = process.getuid?.() === 0 ? false : "needs root: makes network namespaces";

describe("lvs doctor", { skip, timeout: 600_000 }, () => {
  let ward: Ward;

  before(() => {
    ward = new Ward(ownPrefix("lvs-doctor"));
  });

  after(() => ward?.close());

  test("finds nothing where all is well", () => {
    for (const family of FAMILIES) {
      for (const method of METHODS)
        assert.equal(ward.connect(family, method), "accepted", `${method} ${family}`);
    }
    assert.deepEqual(ward.examine("director", "director", { probe: true }), []);
    const directors = FAMILIES.map((family) => wire(family, DIRECTOR));
    assert.deepEqual(ward.examine("nat", "realserver", { directors }), []);
    assert.deepEqual(ward.examine("full"), []);
    for (const method of ["dr", "tun"] as const) {
      const virtualAddresses = FAMILIES.map((family) => virtual(family, method));
      assert.deepEqual(ward.examine(method), []);
      assert.deepEqual(ward.examine(method, "realserver", { virtualAddresses, directors }), []);
    }
  });

  describe("on the director", () => {
    for (const fault of [...HOST_FAULTS, ...SERVICE_FAULTS, ...RULE_FAULTS])
      test(fault.name, () => tryFault(ward, fault));
  });

  describe("on a real server", () => {
    for (const fault of SERVER_FAULTS) test(fault.name, () => tryFault(ward, fault));
  });

  test("the command says so, mends what is safe, and its exit status tells", () => {
    const healthy = ward.start("director", "lvs", ["doctor"]);
    assert.deepEqual(
      [healthy.stdout, healthy.stderr, healthy.status],
      ["As a director: nothing found.\n", "", 0],
    );
    const server = ward.start("dr", "lvs", ["doctor", "--json"]);
    assert.deepEqual([server.stdout, server.status], ["[]\n", 0]);
    const neither = ward.start("nat", "lvs", ["doctor", "--json"]);
    const notes = JSON.parse(neither.stdout) as Record<string, unknown>[];
    assert.deepEqual([notes.map(({ code }) => code), neither.status], [["nothing-to-look-at"], 0]);
    ward.system("director", "sysctl", "-qw", "net.ipv4.ip_forward=0");
    const found = ward.start("director", "lvs", ["doctor", "--json", "--no-probe"]);
    assert.equal(found.status, 1);
    const [first] = JSON.parse(found.stdout) as Record<string, unknown>[];
    assert.deepEqual(
      Object.keys(first!).sort(),
      [..."code severity where what why command safe fixed".split(" ")].sort(),
    );
    assert.equal(first!.command, "sysctl -w net.ipv4.ip_forward=1");
    const fixed = ward.start("director", "lvs", ["doctor", "--fix", "--no-probe"]);
    assert.equal(fixed.status, 0, fixed.stderr);
    assert.match(fixed.stdout, /^fixed: net\.ipv4\.ip_forward \[forwarding-off\]$/m);
    assert.match(fixed.stdout, /^As a director: 2 fixed\.$/m);
    assert.equal(ward.connect(4, "nat"), "accepted");
    const told = ward.start("dr", "lvs", ["doctor", "--vip", "203.0.113.7", "--director", lan(4, 3)]);
    assert.equal(told.status, 1);
    assert.match(told.stdout, /^error: 203\.0\.113\.7 \[vip-missing\]$/m);
    assert.equal(ward.start("director", "lvs", ["doctor", "--role", "router"]).status, 2);
  });
});

/** It is found, and nothing else; what is safe mends it; and when it is taken back all is well. */
function tryFault(ward: Ward, { node, seed, findings, visit, mended, breaks }: Fault): void {
  const look = () =>
    ward.examine(node, node === "director" ? "director" : "realserver", { probe: false, ...visit });
  const takeBack = seed(ward);
  try {
    if (breaks !== undefined) {
      const outcome = ward.connectUntil((each) => each !== "accepted", ...breaks);
      assert.notEqual(outcome, "accepted", "the fault is none");
    }
    const found = look();
    assert.deepEqual(found.map(({ code, where }) => `${code} ${where}`).sort(), [...findings].sort());
    if (mended !== undefined) {
      assert.deepEqual(ward.mend(node, found), mended);
      assert.deepEqual(look(), [], "after --fix");
      if (breaks !== undefined)
        assert.equal(ward.connectUntil(isAccepted, ...breaks), "accepted", "after --fix");
    }
  } finally {
    takeBack();
  }
  assert.deepEqual(look(), [], "without the fault");
  if (breaks !== undefined)
    assert.equal(ward.connectUntil(isAccepted, ...breaks), "accepted", "without the fault");
}

function isAccepted(outcome: ConnectOutcome): boolean {
  return outcome === "accepted";
}
