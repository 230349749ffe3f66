/** Rules that drop: what programs of a real server wait for, and what servers answer to a director. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ip } from "../../net/index.ts";
import {
  type AddressMatch,
  emptyRuleSet,
  type InterfaceMatch,
  NO_COUNTERS,
  type Rule,
} from "../rules/model.ts";
import { examine } from "./examine.ts";
import type { HostFacts, ServerProbe } from "./facts.ts";
import { parseIptablesSave } from "./firewall/iptables-save.ts";
import type { Firewall } from "./firewall/model.ts";
import { ownChains } from "./firewall/own-rules.ts";
import { directorFacts, hostFacts, linkFacts, probed, realServerFacts, summary } from "./testing/hosts.ts";

function inputRules(...rules: readonly string[]): Firewall {
  const text = ["*filter", ":INPUT ACCEPT [0:0]", ...rules, "COMMIT", ""].join("\n");
  return { chains: parseIptablesSave(text, 4) };
}

/** A real server with rules at INPUT, at which programs wait for TCP. */
function withFirewall(
  rules: readonly string[],
  ...programs: readonly (readonly [address: string | null, port: number])[]
): HostFacts {
  return realServerFacts({
    firewall: inputRules(...rules),
    listeners: programs.map(([address, port]) => ({ protocol: "tcp", address, port })),
  });
}

const SILENT: ServerProbe = { plain: "silent", from: null };
const SILENT_TO_VIP: ServerProbe = {
  plain: "accepted",
  from: { address: "192.0.2.1", outcome: "silent" },
};
const DEAF = "note | probes-dropped | inside";
const SERVER_SILENT = "warning | server-silent | TCP 192.0.2.1:80 -> 10.0.0.1:80 | ping -c 3 10.0.0.1";
const RULES_DROP = "error | rules-drop | TCP 192.0.2.1:80 | iptables -t mangle -L -n -v --line-numbers";

const TCP = { kind: "tcp", source: null, destination: null, flags: null } as const;
const WEB_PORT = { negated: false, first: 80, last: 80 } as const;

function single(address: string): AddressMatch {
  return { negated: false, address: ip(address), mask: ip("255.255.255.255") };
}

function named(name: string): InterfaceMatch {
  return { negated: false, name, isPrefix: false };
}

/** A director with a rule before the datapath that drops, and what a server answered. */
function withOwnRule(changes: Partial<Rule>, probe: ServerProbe): HostFacts {
  const rule: Rule = {
    ...{ source: null, destination: null, input: null, protocol: { negated: false, number: 6 } },
    ...{ fragment: null, matches: [], target: { kind: "drop" }, counters: NO_COUNTERS },
    ...changes,
  };
  const { family, chains } = emptyRuleSet(4);
  const rules = { family, chains: chains.map((chain) => ({ ...chain, rules: [rule] })) };
  return hostFacts({
    director: directorFacts({ ownRules: { chains: ownChains(rules) }, probes: probed(probe) }),
  });
}

const CASES: readonly (readonly [name: string, host: HostFacts, findings: readonly string[]])[] = [
  [
    "a firewall drops one of several ports that programs wait at",
    withFirewall(
      ["-A INPUT -p tcp -m tcp --dport 80 -j DROP"],
      [null, 21],
      [null, 80],
      [null, 80],
      [null, 8080],
    ),
    [
      "warning | firewall-input | 192.0.2.1:80 | iptables -t filter -I INPUT -p tcp -d 192.0.2.1 --dport 80 -j ACCEPT",
    ],
  ],
  [
    "a firewall drops several of more ports, one of them waited at at the virtual address itself",
    withFirewall(
      ["-A INPUT -p tcp -m tcp --dport 80:90 -j DROP"],
      [null, 21],
      [null, 80],
      [null, 81],
      ["192.0.2.1", 81],
    ),
    [
      "error | firewall-input | 192.0.2.1:81 | iptables -t filter -I INPUT -p tcp -d 192.0.2.1 --dport 81 -j ACCEPT",
      "warning | firewall-input | 192.0.2.1:80 | iptables -t filter -I INPUT -p tcp -d 192.0.2.1 --dport 80 -j ACCEPT",
    ],
  ],
  [
    "a firewall drops all that programs wait for",
    withFirewall(["-A INPUT -d 192.0.2.1/32 -j DROP"], [null, 80]),
    [
      "error | firewall-input | 192.0.2.1:80 | iptables -t filter -I INPUT -p tcp -d 192.0.2.1 --dport 80 -j ACCEPT",
    ],
  ],
  [
    "a firewall that drops what it does not let through",
    withFirewall(
      ["-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT", "-A INPUT -j DROP"],
      [null, 80],
      [null, 111],
    ),
    [
      "note | firewall-input | 192.0.2.1:111 | iptables -t filter -I INPUT -p tcp -d 192.0.2.1 --dport 111 -j ACCEPT",
    ],
  ],
  ...(
    [
      ["drops all", {}, SILENT],
      ["drops by interface", { input: named("inside") }, SILENT],
      ["drops by interfaces' names", { input: { ...named("in"), isPrefix: true } }, SILENT],
      ["drops by source", { source: single("10.0.0.1") }, SILENT],
      ["drops by port of source", { matches: [{ ...TCP, source: WEB_PORT }] }, SILENT],
      ["drops by the address that was asked from", { destination: single("10.0.0.254") }, SILENT],
      [
        "drops what is for the virtual address",
        { destination: single("192.0.2.1"), input: named("inside") },
        SILENT_TO_VIP,
      ],
    ] as const
  ).map(
    ([what, changes, probe]) =>
      [
        `a rule of ours that ${what} keeps the servers' answers away`,
        withOwnRule(changes, probe),
        what === "drops all" ? [RULES_DROP, DEAF] : [DEAF],
      ] as const,
  ),
  ...(
    [
      ["another interface's", { input: named("outside") }, SILENT],
      ["what comes by others than", { input: { ...named("outside"), negated: true } }, SILENT],
      ["another source's", { source: single("10.0.0.2") }, SILENT],
      ["another port's", { matches: [{ ...TCP, source: { ...WEB_PORT, first: 81, last: 90 } }] }, SILENT],
      [
        "what begins connections of",
        { matches: [{ ...TCP, flags: { negated: false, mask: 0x17, set: 2 } }] },
        SILENT,
      ],
      [
        "the virtual address's, by servers' interface,",
        { destination: single("192.0.2.1"), input: named("inside") },
        SILENT,
      ],
    ] as const
  ).map(
    ([what, changes, probe]) =>
      [
        `a server is silent, and a rule of ours drops ${what} packets`,
        withOwnRule(changes, probe),
        [SERVER_SILENT],
      ] as const,
  ),
  [
    "a server does not find the way back to the virtual address, and a rule of ours drops another address's packets",
    withOwnRule({ destination: single("10.0.0.254") }, SILENT_TO_VIP),
    ["error | nat-gateway | 10.0.0.1 | ip route replace default via 10.0.0.254    # on 10.0.0.1"],
  ],
  [
    "the host's firewall drops what comes in",
    hostFacts({
      director: directorFacts({ probes: probed(SILENT) }),
      firewall: inputRules("-A INPUT -j DROP"),
    }),
    [DEAF],
  ],
  [
    "the host's firewall drops what comes from servers, and they still answer",
    hostFacts({
      director: directorFacts({ probes: probed({ plain: "accepted", from: null }) }),
      firewall: inputRules("-A INPUT -s 10.0.0.0/24 -p tcp -m tcp --sport 80 -j DROP"),
    }),
    [],
  ],
  [
    "the host's firewall lets in what was asked for, and a server is silent",
    hostFacts({
      director: directorFacts({ probes: probed(SILENT) }),
      firewall: inputRules(
        "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-A INPUT -j DROP",
      ),
    }),
    [SERVER_SILENT],
  ],
  [
    "a server is silent, and rules of ours are not where its answers come in",
    {
      ...withOwnRule({ source: single("10.0.0.1") }, SILENT),
      links: [linkFacts("lo"), linkFacts("outside"), linkFacts("inside", { datapath: "forbidden" })],
    },
    ["warning | interface-not-attached | inside | lvs attach inside", SERVER_SILENT],
  ],
];

for (const [name, host, findings] of CASES) {
  test(name, () => assert.deepEqual(examine(host).map(summary), findings));
}
