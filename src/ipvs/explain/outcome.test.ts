import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine, SimulatedPacket } from "../../bpf/index.ts";
import { ingress } from "../../kernel/ingress.ts";
import { installPrograms } from "../../kernel/install.ts";
import { tcpFrame } from "../../kernel/testing/frames.ts";
import { TestNetwork } from "../../kernel/testing/network.ts";
import { inNetworkNamespace, type Link, listLinks, withRouteSocket, writeSysctl } from "../../linux/index.ts";
import type { ForwardingMethod, ServiceKey } from "../model.ts";
import { NO_COUNTERS } from "../rules/model.ts";
import { TableRules } from "../rules/table-rules.ts";
import { SimulatedPlane } from "../simulated-plane.ts";
import { TableAdministration } from "../table-administration.ts";
import { fateOf, outcomeOf } from "./outcome.ts";
import type { Fact } from "./simulation.ts";

const [CLIENT, VIP] = ["198.18.0.1:40000", "192.0.2.1"];
const KEY: ServiceKey = { kind: "address", family: 4, protocol: "tcp", address: VIP, port: 80 };

/** A director in the simulator with one server, whose connection table has room for `connections`. */
function startDirector(connections: number, method: ForwardingMethod) {
  const facts: Fact[] = [];
  const machine = createMachine({
    entries: { connections, due: 16, flows: 16 },
    trace: (what, values) => facts.push({ what, values }),
  });
  installPrograms(machine);
  const plane = new SimulatedPlane(machine, { addresses: ["10.0.0.254"] });
  const administration = new TableAdministration(plane);
  administration.addService({
    ...{ key: KEY, scheduler: "rr", schedulerFlags: 0, persistence: null, engine: null },
    ...{ onePacket: false, clientAddress: "hidden" },
  });
  const server = { family: 4, address: "10.0.0.1", port: 80, method, tunnel: null } as const;
  administration.addDestination(KEY, { ...server, weight: 1, upperThreshold: 0, lowerThreshold: 0 });
  const send = (flags: string, from = CLIENT) => {
    facts.length = 0;
    const frame = tcpFrame("client", from, `${VIP}:80`, flags);
    const packet = new SimulatedPacket(frame.slice());
    const verdict = machine.execute(ingress, packet);
    const run = { verdict, packet, facts: [...facts], inquiries: [] };
    const link = { name: "eth0", loopback: false } as Link;
    const about = { links: [], link, server, method, keptMtu: 0 };
    return { run, outcome: () => outcomeOf({ ...about, frame, run }) };
  };
  return { plane, send };
}

test("what rules drop is said to be dropped by them, be it a connection's first packet or one that they are remembered for", () => {
  const { plane, send } = startDirector(16, "masquerade");
  send("S");
  new TableRules(plane).change(4, (present) => ({
    ...present,
    chains: present.chains.map((chain) => ({
      ...chain,
      rules: [
        {
          ...{ source: null, destination: null, input: null, fragment: null, counters: NO_COUNTERS },
          ...{ protocol: { negated: false, number: 6 }, matches: [], target: { kind: "drop" } },
        },
      ],
    })),
  }));
  for (const [flags, from, isEvaluated] of [
    ["S", "198.18.0.2:40000", true],
    ["A", CLIENT, true],
    ["A", CLIENT, false],
  ] as const) {
    const { run, outcome } = send(flags, from);
    assert.equal(
      run.facts.some(({ what }) => what === "rules-begin"),
      isEvaluated,
    );
    assert.deepEqual(outcome().verdict, { kind: "dropped", why: "rules drop it" });
  }
});

test("with a full connection table, FullNAT's flows are said to be dropped for that", () => {
  const { send } = startDirector(4, "fullnat");
  const verdicts = Array.from(
    { length: 8 },
    (_, i) => send("S", `198.18.0.2:${41000 + i}`).outcome().verdict,
  );
  const dropped = verdicts.filter((verdict) => verdict.kind === "dropped");
  assert.ok(dropped.length > 0 && dropped.length < verdicts.length);
  for (const { why } of dropped) assert.match(why, /^FullNAT needs a connection.*full$/);
});

test("a way onwards is none where the host does not forward", {
  skip: process.getuid?.() !== 0 && "namespaces need root",
}, () => {
  const network = new TestNetwork(`fate-${process.pid}`);
  try {
    inNetworkNamespace(network.name, () => {
      assert.ok(withRouteSocket(listLinks).some(({ name }) => name === "d0"));
      const fates = () => [
        fateOf(tcpFrame("client", CLIENT, "10.0.0.1:80", "S"), "d0"),
        fateOf(tcpFrame("client", CLIENT, `${VIP}:80`, "S"), "d0"),
        fateOf(tcpFrame("client", "[2001:db8:1::1]:40000", "[2001:db8:a::1]:80", "S"), "d0"),
      ];
      assert.deepEqual(fates(), ["forwarded", "delivered here", "forwarded"]);
      writeSysctl("net.ipv4.conf.d0.forwarding", 0);
      assert.deepEqual(fates(), ["not forwarded", "delivered here", "forwarded"]);
      writeSysctl("net.ipv4.conf.d0.forwarding", 1);
      writeSysctl("net.ipv6.conf.all.forwarding", 0);
      assert.deepEqual(fates(), ["forwarded", "delivered here", "not forwarded"]);
    });
  } finally {
    network.close();
  }
});
