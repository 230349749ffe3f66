import assert from "node:assert/strict";
import { test } from "node:test";
import { TC_NEXT, TC_REDIRECT, TC_SHOT } from "../../bpf/index.ts";
import { CLIENT_SIDE, type Outcome, SERVER_SIDE, TestDirector } from "../../kernel/testing/director.ts";
import { frame, interfaceOf, type Side, tcpFrame, udpFrame } from "../../kernel/testing/frames.ts";
import type { Family } from "../model.ts";
import type { Chain, RuleSet } from "./model.ts";
import {
  ACCEPT,
  DROP,
  goTo,
  jump,
  mark,
  nameInterface,
  protocol,
  RETURN,
  rule,
  ruleSet,
  rulesOf,
  toPort,
  within,
} from "./testing/rules.ts";

const CLIENT = "198.18.0.10:40001";
const VIRTUAL = "192.0.2.1:80";
const SERVER = "10.0.0.1:80";

/** A director with a service by mark 7. */
function marked(set: RuleSet): { director: TestDirector; rules: ReturnType<typeof rulesOf> } {
  const director = new TestDirector();
  director.configuration.addService("mark", "7", "rr");
  director.configuration.addServer("mark", "7", SERVER);
  nameInterface(director, CLIENT_SIDE, "eth0");
  nameInterface(director, SERVER_SIDE, "lan1");
  const rules = rulesOf(director);
  rules.change(set.family, () => set);
  return { director, rules };
}

function segment(director: TestDirector, side: Side, flags: string, mark = 0): Outcome {
  const [from, to] = side === "client" ? [CLIENT, VIRTUAL] : [SERVER, CLIENT];
  return director.receive(tcpFrame(side, from, to, flags), { ifindex: interfaceOf(side), mark });
}

/** How many packets came to each rule of a chain, and then to its policy. */
function counted(rules: ReturnType<typeof rulesOf>, family: Family = 4, chain = 0): number[] {
  const { rules: list, counters } = rules.ruleSet(family).chains[chain]! as Chain;
  return [...list.map((each) => each.counters), counters].map(({ packets }) => Number(packets));
}

test("a rule's mark makes a packet one of a service by mark; known connections pay for no rules", () => {
  const { director, rules } = marked(
    ruleSet([
      rule({ ...toPort(81), target: mark(8) }),
      rule({ ...toPort(80), destination: within("192.0.2.1/32"), target: mark(7) }),
    ]),
  );
  assert.equal(segment(director, "client", "S").verdict, TC_REDIRECT);
  assert.equal(segment(director, "server", "SA").verdict, TC_REDIRECT);
  for (let i = 0; i < 3; i++) assert.equal(segment(director, "client", "A").verdict, TC_REDIRECT);
  assert.deepEqual(counted(rules), [0, 1, 1]);
  assert.deepEqual(
    director.connections().map(({ destination }) => destination),
    [SERVER],
  );
});

test("what is not ours goes up the stack with its mark, having met the rules once", () => {
  const { director, rules } = marked(ruleSet([rule({ target: mark(5) })]));
  const ping = frame(
    "client",
    Uint8Array.from(
      Buffer.from("4500001c00010000400112deC612000AC0000201080000000001ffff".toLowerCase(), "hex"),
    ),
  );
  const ospf = Uint8Array.from(ping);
  ospf[23] = 89;
  const packets = {
    "a datagram": [udpFrame("client", CLIENT, VIRTUAL), {}],
    "a segment that opens nothing": [tcpFrame("client", CLIENT, VIRTUAL, "A"), {}],
    "an ICMP message": [ping, {}],
    "another protocol": [ospf, {}],
    "a broadcast": [udpFrame("client", CLIENT, "255.255.255.255:67"), { type: 1 }],
    "a multicast": [udpFrame("client", CLIENT, "224.0.0.9:520"), { type: 2 }],
  } as const;
  let times = 0;
  for (const [what, [bytes, options]] of Object.entries(packets)) {
    const { verdict, packet } = director.receive(bytes, { ifindex: CLIENT_SIDE, ...options });
    times += 1;
    assert.equal(verdict, TC_NEXT, what);
    assert.equal(packet.mark, 5, what);
    assert.deepEqual(counted(rules), [times, times], what);
  }
});

test("packets for other hosts, of another VLAN, and malformed ones meet no rules", () => {
  const { director, rules } = marked(ruleSet([rule({ target: mark(5) })]));
  const syn = tcpFrame("client", CLIENT, VIRTUAL, "S");
  director.receive(syn, { type: 3 });
  director.receive(syn, { vlanPresent: 1 });
  const long = Uint8Array.from(syn);
  long[16] = 0xff;
  director.receive(long);
  assert.deepEqual(counted(rules), [0, 0]);
});

test("chains are called, left and gone to as netfilter does", () => {
  const step = (value: number) => rule({ target: { kind: "mark", value, mask: 0 } });
  const outcomes: [string, RuleSet, number | null][] = [
    ["a jump comes back", ruleSet([rule({ target: jump("a") }), step(1)], { a: [step(2)] }), 3],
    ["a goto does not", ruleSet([rule({ target: goTo("a") }), step(1)], { a: [step(2)] }), 2],
    [
      "a goto comes back to where the chain before was called from",
      ruleSet([rule({ target: jump("a") }), step(1)], {
        a: [rule({ target: goTo("b") }), step(2)],
        b: [step(4)],
      }),
      5,
    ],
    [
      "RETURN leaves a chain",
      ruleSet([rule({ target: jump("a") }), step(1)], { a: [rule({ target: RETURN }), step(2)] }),
      1,
    ],
    [
      "RETURN in the built-in chain: the policy",
      ruleSet([rule({ target: RETURN }), step(1)], {}, { policy: "drop" }),
      null,
    ],
    [
      "ACCEPT ends all",
      ruleSet([rule({ target: jump("a") }), step(1)], { a: [rule({ target: ACCEPT })] }, { policy: "drop" }),
      0,
    ],
    ["DROP", ruleSet([step(1), rule({ target: DROP })]), null],
    ["the policy", ruleSet([step(1)], {}, { policy: "drop" }), null],
    ["an empty chain", ruleSet([rule({ target: jump("a") }), step(1)], { a: [] }), 1],
  ];
  for (const [what, set, expected] of outcomes) {
    const { director } = marked(set);
    const { verdict, packet } = director.receive(udpFrame("client", CLIENT, VIRTUAL));
    assert.equal(verdict, expected === null ? TC_SHOT : TC_NEXT, what);
    if (expected !== null) assert.equal(packet.mark, expected, what);
  }
});

test("interfaces go by their names", () => {
  const on = (name: string, isPrefix: boolean, negated = false) =>
    rule({ input: { name, isPrefix, negated }, target: null });
  const { director, rules } = marked(
    ruleSet([
      on("eth0", false),
      on("eth", false),
      on("eth", true),
      on("eth", true, true),
      on("", true),
      on("", true, true),
    ]),
  );
  director.receive(udpFrame("client", CLIENT, VIRTUAL), { ifindex: CLIENT_SIDE });
  assert.deepEqual(counted(rules), [1, 0, 1, 0, 1, 0, 1]);
  director.receive(udpFrame("server", SERVER, VIRTUAL), { ifindex: SERVER_SIDE });
  assert.deepEqual(counted(rules), [1, 0, 1, 1, 2, 0, 2]);
});

test("where rules drop, known connections respect them; each is asked about once in each direction", () => {
  const { director, rules } = marked(ruleSet([rule({ ...toPort(80), target: mark(7) })]));
  for (const [side, flags] of [
    ["client", "S"],
    ["server", "SA"],
    ["client", "A"],
  ] as const)
    assert.equal(segment(director, side, flags).verdict, TC_REDIRECT);
  const dropping = ruleSet([rule({ source: within("198.18.0.10/32"), target: DROP }), rule()]);
  rules.change(4, () => dropping);
  for (let i = 0; i < 3; i++) {
    assert.equal(segment(director, "client", "A").verdict, TC_SHOT);
    assert.equal(segment(director, "server", "A").verdict, TC_REDIRECT);
  }
  assert.deepEqual(counted(rules), [1, 1, 1]);
  // Rules that say otherwise hold at once.
  rules.change(4, () => ruleSet([rule({ source: within("10.0.0.0/8"), target: DROP })]));
  assert.equal(segment(director, "client", "A").verdict, TC_REDIRECT);
  assert.equal(segment(director, "server", "A").verdict, TC_SHOT);
  rules.change(4, () => ruleSet([rule()]));
  assert.equal(segment(director, "server", "A").verdict, TC_REDIRECT);
  assert.deepEqual(counted(rules), [0, 0], "rules that drop nothing are not asked");
});

test("a new flow meets rules that may drop it once", () => {
  const { director, rules } = marked(
    ruleSet([
      rule({ source: within("203.0.113.0/24"), target: DROP }),
      rule({ ...toPort(80), target: mark(7) }),
    ]),
  );
  for (const flags of ["S", "A", "A"]) assert.equal(segment(director, "client", flags).verdict, TC_REDIRECT);
  assert.deepEqual(counted(rules), [0, 1, 1]);
  for (let i = 0; i < 3; i++) assert.equal(segment(director, "server", "A").verdict, TC_REDIRECT);
  assert.deepEqual(counted(rules), [0, 1, 2], "and once for the answers");
  // Another connection in the same slot is another matter.
  director.wait(3600);
  assert.equal(segment(director, "client", "S").verdict, TC_REDIRECT);
  assert.deepEqual(counted(rules), [0, 2, 3]);
});

test("marks that packets come with count, and a mark without a service is no reason to stop", () => {
  const { director, rules } = marked(
    ruleSet([rule({ matches: [{ kind: "mark", negated: false, value: 3, mask: 0xff }], target: mark(7) })]),
  );
  assert.equal(segment(director, "client", "S", 0x103).verdict, TC_REDIRECT);
  assert.equal(director.receive(udpFrame("client", CLIENT, VIRTUAL), { mark: 4 }).packet.mark, 4);
  assert.deepEqual(counted(rules), [1, 2]);
});

test("IPv6 has rules of its own", () => {
  const director = new TestDirector();
  director.configuration.addService("mark6", "7", "rr");
  director.configuration.addServer("mark6", "7", "[2001:db8:a::1]:80");
  const rules = rulesOf(director);
  const to = within("2001:db8:f::1/128");
  const list = [
    rule({ destination: to, protocol: protocol(58) }),
    rule({ ...toPort(80), destination: to, target: mark(7) }),
  ];
  rules.change(6, () => ruleSet(list, {}, { family: 6 }));
  rules.change(4, () => ruleSet([rule({ target: DROP })]));
  const [client, virtual] = ["[2001:db8:1::10]:40001", "[2001:db8:f::1]:80"];
  for (const flags of ["S", "A"])
    assert.equal(director.receive(tcpFrame("client", client, virtual, flags)).verdict, TC_REDIRECT);
  assert.deepEqual(counted(rules, 6), [0, 1, 1]);
  assert.equal(director.receive(tcpFrame("client", CLIENT, VIRTUAL, "S")).verdict, TC_SHOT);
});
