import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIptablesSave } from "./iptables-save.ts";
import { type FirewallQuestion, findDrop } from "./judge.ts";
import { parseNftRuleset } from "./nft-json.ts";

const WEB: FirewallQuestion = { family: 4, protocol: "tcp", destination: "192.0.2.1", port: 80, input: null };

function saved(policy: string, ...rules: readonly string[]): string {
  const chains = [":FORWARD ACCEPT [0:0]", `:INPUT ${policy} [0:0]`, ":web - [0:0]", ":other - [0:0]"];
  return ["# by iptables-save", "*filter", ...chains, ...rules, "COMMIT", ""].join("\n");
}

/** The rule that certainly drops the packet, "policy", or null. */
function verdict(text: string, question = WEB): string | null {
  const dropped = findDrop({ chains: parseIptablesSave(text, 4) }, ["prerouting", "input"], question);
  return dropped === null ? null : (dropped.rule?.text.replace("iptables -t filter ", "") ?? "policy");
}

for (const [name, policy, rules, expected] of [
  ["nothing", "ACCEPT", [], null],
  ["a policy", "DROP", [], "policy"],
  [
    "a rule",
    "ACCEPT",
    ["-A INPUT -p tcp -m tcp --dport 80 -j DROP"],
    "-A INPUT -p tcp -m tcp --dport 80 -j DROP",
  ],
  [
    "a rejection of all",
    "ACCEPT",
    ["-A INPUT -j REJECT --reject-with icmp-port-unreachable"],
    "-A INPUT -j REJECT --reject-with icmp-port-unreachable",
  ],
  ["another port", "ACCEPT", ["-A INPUT -p tcp -m tcp --dport 81:90 -j DROP"], null],
  ["another address", "ACCEPT", ["-A INPUT -d 192.0.2.2/32 -j DROP"], null],
  ["a network", "ACCEPT", ["-A INPUT -d 192.0.2.0/24 -j DROP"], "-A INPUT -d 192.0.2.0/24 -j DROP"],
  ["accepted before", "DROP", ["-A INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT"], null],
  [
    "only what is established is accepted",
    "DROP",
    ["-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"],
    "policy",
  ],
  ["only loopback is accepted", "DROP", ["-A INPUT -i lo -j ACCEPT"], "policy"],
  ["an interface that may be the one", "DROP", ["-A INPUT -i eth0 -j ACCEPT"], null],
  ["some sources only are dropped", "ACCEPT", ["-A INPUT -s 10.0.0.0/8 -j DROP"], null],
  ["some sources are accepted", "DROP", ["-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 80 -j ACCEPT"], null],
  ["the contrary of something", "ACCEPT", ["-A INPUT ! -d 192.0.2.9/32 -j DROP"], null],
  ["a match that is not known", "DROP", ["-A INPUT -m recent --rcheck --name a -j ACCEPT"], null],
  ["a target that is not known", "DROP", ["-A INPUT -p tcp -j NFQUEUE --queue-num 0"], null],
  [
    "a chain that drops",
    "ACCEPT",
    ["-A INPUT -j web", "-A web -p tcp -m tcp --dport 80 -j DROP"],
    "-A web -p tcp -m tcp --dport 80 -j DROP",
  ],
  ["a chain that returns", "DROP", ["-A INPUT -j web", "-A web -j RETURN", "-A web -j ACCEPT"], "policy"],
  ["a chain that accepts", "DROP", ["-A INPUT -g web", "-A web -j ACCEPT"], null],
  ["going to a chain that ends", "ACCEPT", ["-A INPUT -g web", "-A INPUT -j DROP"], null],
  [
    "a comment with blanks",
    "ACCEPT",
    ['-A INPUT -m comment --comment "-j ACCEPT \\"x\\"" -j DROP'],
    '-A INPUT -m comment --comment "-j ACCEPT \\"x\\"" -j DROP',
  ],
] as const) {
  test(`a firewall with ${name}`, () => assert.equal(verdict(saved(policy, ...rules)), expected));
}

test("a packet whose port is not known is dropped only by what drops all ports", () => {
  const question = { ...WEB, port: null };
  assert.equal(verdict(saved("ACCEPT", "-A INPUT -p tcp -m tcp --dport 80 -j DROP"), question), null);
  assert.equal(verdict(saved("ACCEPT", "-A INPUT -p tcp -j DROP"), question), "-A INPUT -p tcp -j DROP");
  assert.equal(verdict(saved("DROP", "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"), question), null);
});

test("a server's answer is dropped by its source, its port, and its state", () => {
  const answer = {
    ...{ ...WEB, port: null, input: "eth1" },
    ...{ source: { address: "10.0.0.1", port: 80 }, state: "established" as const },
  };
  const drop = "-A INPUT -s 10.0.0.0/24 -i eth1 -p tcp -m tcp --sport 80 -j DROP";
  assert.equal(verdict(saved("ACCEPT", drop), answer), drop);
  assert.equal(verdict(saved("ACCEPT", drop), { ...answer, input: "eth0" }), null);
  for (const source of [
    { address: "10.0.1.1", port: 80 },
    { address: "10.0.0.1", port: 81 },
  ])
    assert.equal(verdict(saved("ACCEPT", drop), { ...answer, source }), null);
  const asked = "-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT";
  assert.equal(verdict(saved("DROP", asked), answer), null);
  assert.equal(verdict(saved("DROP", "-A INPUT -m state --state NEW -j ACCEPT"), answer), "policy");
});

test("marks that iptables gives", () => {
  const text =
    "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 21 -j MARK --set-xmark 0x12c/0xffff\nCOMMIT\n";
  assert.deepEqual(parseIptablesSave(text, 4)[0]?.rules[0]?.mark, { value: 300, mask: 0xffff });
});

test("nftables: sets, ranges, prefixes, families, marks", () => {
  const rule = (handle: number, ...expr: readonly unknown[]) => ({
    rule: { family: "inet", table: "f", chain: "in", handle, expr },
  });
  const match = (left: unknown, right: unknown, op = "==") => ({ match: { op, left, right } });
  const payload = (protocol: string, field: string) => ({ payload: { protocol, field } });
  const ruleset = (...rules: readonly unknown[]): string =>
    JSON.stringify({
      nftables: [
        { metainfo: {} },
        { table: { family: "inet", name: "f" } },
        { chain: { family: "inet", table: "f", name: "in", hook: "input", policy: "accept" } },
        ...rules,
      ],
    });
  const dropped = (question: FirewallQuestion, ...rules: readonly unknown[]): boolean =>
    findDrop({ chains: parseNftRuleset(ruleset(...rules)) }, ["input"], question) !== null;
  const ports = match(payload("tcp", "dport"), { set: [22, { range: [80, 88] }] });
  const network = match(payload("ip", "daddr"), { prefix: { addr: "192.0.2.0", len: 24 } });
  assert.equal(dropped(WEB, rule(1, ports, network, { counter: {} }, { drop: null })), true);
  assert.equal(dropped({ ...WEB, port: 23 }, rule(1, ports, { drop: null })), false);
  assert.equal(
    dropped({ ...WEB, family: 6, destination: "2001:db8::1" }, rule(1, network, { drop: null })),
    false,
  );
  assert.equal(dropped(WEB, rule(1, match(payload("ip", "saddr"), "10.0.0.1"), { drop: null })), false);
  const answer = { ...WEB, port: null, source: { address: "10.0.0.1", port: 80 } };
  const source = [match(payload("ip", "saddr"), "10.0.0.1"), match(payload("tcp", "sport"), 80)];
  assert.equal(dropped(answer, rule(1, ...source, { drop: null })), true);
  assert.equal(
    dropped({ ...answer, source: { address: "10.0.0.1", port: 81 } }, rule(1, ...source, { drop: null })),
    false,
  );
  assert.equal(dropped(WEB, rule(1, match(payload("tcp", "dport"), 80, "!="), { drop: null })), false);
  assert.equal(
    dropped(
      WEB,
      rule(1, match({ ct: { key: "state" } }, ["established"], "in"), { accept: null }),
      rule(2, { reject: {} }),
    ),
    true,
  );
  assert.equal(dropped(WEB, rule(1, { vmap: {} }), rule(2, { drop: null })), false);
  const marking = rule(1, { mangle: { key: { meta: { key: "mark" } }, value: 7 } });
  assert.deepEqual(parseNftRuleset(ruleset(marking))[0]?.rules[0]?.mark, { value: 7, mask: 0xffff_ffff });
  assert.deepEqual(parseNftRuleset(ruleset(marking), new Set(["inet f"])), []);
});
