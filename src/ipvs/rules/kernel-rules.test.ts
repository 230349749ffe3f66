import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { CLIENT_SIDE, SERVER_SIDE } from "../../kernel/testing/director.ts";
import { tcpFrame, udpFrame } from "../../kernel/testing/frames.ts";
import { TestNetwork } from "../../kernel/testing/network.ts";
import { inNetworkNamespace, MNT_DETACH, setLink, umount, withRouteSocket } from "../../linux/index.ts";
import { parseIpPacket } from "../../net/index.ts";
import { openAdministration } from "../director/kernel-administration.ts";
import { attach, directorStatus, unload } from "../director/status.ts";
import type { RuleAdministration } from "./administration.ts";
import { openRules } from "./kernel-rules.ts";
import { emptyRuleSet, NO_COUNTERS, type RuleSet } from "./model.ts";
import { DROP, mark, rule, ruleSet, toPort, within } from "./testing/rules.ts";

const skip = process.getuid?.() === 0 ? false : "namespaces and a director in the kernel need root";
const folder = skip === false ? mkdtempSync(join(tmpdir(), "lvs-rules-")) : "";
const options = {
  stateDirectory: join(folder, "run"),
  cacheDirectory: join(folder, "cache"),
  connections: 1024,
};
const CLIENT = "198.18.0.10";
const VIRTUAL = "192.0.2.1:80";
/** How long to wait for packets that come, and for those that do not, ms. */
const PATIENCE = 3000;
const MOMENT = 200;

describe("rules in the kernel", { skip }, () => {
  let network: TestNetwork;
  /** Each time by others, as by commands. */
  const withRules = <T>(work: (rules: RuleAdministration) => T): T =>
    inNetworkNamespace(network.name, () => {
      const rules = openRules(options);
      try {
        return work(rules);
      } finally {
        rules.close();
      }
    });
  const status = () => inNetworkNamespace(network.name, () => directorStatus(options));
  const counted = () =>
    withRules((rules) => rules.ruleSet(4).chains[0]!.rules.map(({ counters }) => Number(counters.packets)));
  /** Waits until rules have counted that. */
  const until = (expected: readonly number[]) => {
    const deadline = Date.now() + PATIENCE;
    while (Date.now() < deadline && counted().join() !== expected.join());
    assert.deepEqual(counted(), expected);
  };

  before(() => {
    network = new TestNetwork(`rules-real-${process.pid}`);
  });

  after(() => {
    inNetworkNamespace(network.name, () => unload(options));
    network.close();
    umount(join(options.stateDirectory, "bpf"), MNT_DETACH);
    rmSync(folder, { recursive: true, force: true });
  });

  test("looking makes nothing, nor does a change that leaves nothing", () => {
    withRules((rules) => {
      assert.deepEqual(rules.ruleSet(4), emptyRuleSet(4));
      rules.change(4, (present) => present);
      rules.change(6, (present) => ({ ...present }));
      assert.throws(
        () =>
          rules.change(4, () =>
            ruleSet([rule({ matches: [{ kind: "set", negated: false, name: "x", directions: [] }] })]),
          ),
        /no set "x"/,
      );
    });
    assert.equal(status().state, "none");
  });

  test("rules hold without any service, are the same for all, and count", { timeout: 300_000 }, () => {
    const set = ruleSet([
      rule({ input: { negated: false, name: "d1", isPrefix: false } }),
      rule({ input: { negated: false, name: "d", isPrefix: true }, source: within(`${CLIENT}/32`) }),
    ]);
    let asked = 0;
    withRules((rules) =>
      rules.change(4, () => {
        asked += 1;
        return set;
      }),
    );
    assert.equal(asked, 1, "once, also where there was no director");
    assert.deepEqual(
      withRules((rules) => rules.ruleSet(4).chains.map(({ rules: list }) => list.length)),
      [2],
    );
    assert.deepEqual(status().rules, { ipv4: 2, ipv6: 0 });
    network.send(CLIENT_SIDE, udpFrame("client", `${CLIENT}:1`, VIRTUAL));
    until([0, 1]);
    network.send(SERVER_SIDE, udpFrame("server", `${CLIENT}:1`, VIRTUAL));
    until([1, 2]);
  });

  test("a mark of theirs makes packets a service's; known connections are not evaluated", {
    timeout: 300_000,
  }, () => {
    const key = { kind: "mark", family: 4, mark: 7 } as const;
    inNetworkNamespace(network.name, () => {
      const director = openAdministration(options);
      director.addService({
        ...{ key, scheduler: "rr", schedulerFlags: 0, persistence: null, engine: null },
        ...{ onePacket: false, clientAddress: "hidden" },
      });
      director.addDestination(key, {
        ...{ family: 4, address: "10.0.0.1", port: 0, method: "masquerade", tunnel: null },
        ...{ weight: 1, upperThreshold: 0, lowerThreshold: 0 },
      });
      director.close();
    });
    withRules((rules) => rules.change(4, () => ruleSet([rule({ ...toPort(80), target: mark(7) })])));
    for (const flags of ["S", "A", "A"]) {
      network.send(CLIENT_SIDE, tcpFrame("client", `${CLIENT}:40001`, VIRTUAL, flags));
      const [frame] = network.receive(SERVER_SIDE, PATIENCE, 1);
      assert.ok(frame !== undefined, flags);
      assert.deepEqual([...parseIpPacket(frame.subarray(14)).destination], [10, 0, 0, 1]);
    }
    assert.deepEqual(counted(), [1]);
  });

  test("a rule that drops is respected by known connections", { timeout: 300_000 }, () => {
    const change = (edit: (set: RuleSet) => RuleSet) => withRules((rules) => rules.change(4, edit));
    change((set) => ({
      ...set,
      chains: [
        {
          ...set.chains[0]!,
          rules: [...set.chains[0]!.rules, rule({ source: within(`${CLIENT}/32`), target: DROP })],
        },
      ],
    }));
    const segment = tcpFrame("client", `${CLIENT}:40001`, VIRTUAL, "A");
    network.send(CLIENT_SIDE, segment);
    assert.deepEqual(network.receive(SERVER_SIDE, MOMENT, 1), []);
    assert.deepEqual(counted(), [2, 1]);
    change((set) => ({
      ...set,
      chains: [{ ...set.chains[0]!, rules: [{ ...set.chains[0]!.rules[0]!, counters: NO_COUNTERS }] }],
    }));
    network.send(CLIENT_SIDE, segment);
    assert.equal(network.receive(SERVER_SIDE, PATIENCE, 1).length, 1);
    assert.deepEqual(counted(), [0]);
  });

  test("an interface goes by the name that it has when a command comes by", () => {
    const rename = (name: string) =>
      withRouteSocket((socket) => {
        const index = network.indexOf(SERVER_SIDE);
        setLink(socket, index, { up: false });
        setLink(socket, index, { name });
        setLink(socket, index, { up: true });
      }, network.name);
    const input = { negated: false, name: "d1", isPrefix: false };
    withRules((rules) => rules.change(4, () => ruleSet([rule({ input }), rule()])));
    rename("other");
    inNetworkNamespace(network.name, () => attach([], options));
    network.send(SERVER_SIDE, udpFrame("server", "10.0.0.1:1", VIRTUAL));
    network.send(CLIENT_SIDE, udpFrame("client", `${CLIENT}:1`, VIRTUAL));
    until([0, 2]);
  });

  test("`lvs unload` removes them with all else", () => {
    assert.ok(inNetworkNamespace(network.name, () => unload(options)));
    assert.deepEqual(
      withRules((rules) => rules.ruleSet(4)),
      emptyRuleSet(4),
    );
    assert.equal(status().state, "none");
  });
});
