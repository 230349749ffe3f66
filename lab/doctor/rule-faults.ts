/** What can be wrong around a director: offloads, marks, firewalls. */
import {
  emptyRuleSet,
  NO_COUNTERS,
  openRules,
  type Rule,
  type RuleSet,
  type ServiceKey,
} from "../../src/ipvs/index.ts";
import { createVeth, deleteLink, setLink, setLinkFeature } from "../../src/linux/index.ts";
import { namespaceOf } from "../network.ts";
import { another, key, routed, text, to } from "./configure.ts";
import { type Fault, running, setting, together } from "./fault.ts";
import { DIRECTOR, lan, PORT, SERVER_PORT, server, virtual, wire } from "./plan.ts";
import type { Ward } from "./ward.ts";

export const RULE_FAULTS: readonly Fault[] = [
  {
    name: "an interface merges datagrams that each need a header",
    node: "director",
    seed: together(
      another(
        { ...key("full"), protocol: "udp" } as ServiceKey,
        [to(server(4, "full"), PORT, { method: "fullnat" })],
        {
          clientAddress: "proxy-v2",
        },
      ),
      (ward) => {
        const set = (on: boolean): void =>
          ward.inside("director", () => setLinkFeature("outside", "rx-udp-gro-forwarding", on));
        set(true);
        return () => set(false);
      },
    ),
    findings: ["datagrams-merged outside"],
    mended: ["ethtool -K outside rx-udp-gro-forwarding off"],
  },
  {
    name: "nothing gives a service's mark",
    node: "director",
    seed: another({ kind: "mark", family: 4, mark: 300 }, [to(server(4, "nat"), SERVER_PORT)]),
    findings: ["mark-without-rule FWM 300"],
  },
  {
    name: "none: a rule of ours gives a service's mark",
    node: "director",
    seed: together(
      another({ kind: "mark", family: 4, mark: 300 }, [to(server(4, "nat"), SERVER_PORT)]),
      ruling(21, { kind: "mark", value: 300, mask: 0xffff_ffff }),
    ),
    findings: [],
  },
  {
    name: "a rule of ours drops a service's packets",
    node: "director",
    seed: ruling(PORT, { kind: "drop" }),
    findings: [
      `rules-drop ${text("dr")}`,
      `rules-drop ${text("full")}`,
      `rules-drop ${text("nat")}`,
      `rules-drop ${text("tun")}`,
    ],
    breaks: [4, "nat"],
  },
  {
    name: "an interface that a rule of ours asks for has got another name",
    node: "director",
    seed: together(
      interfaceOf("early"),
      ruling(21, { kind: "mark", value: 300, mask: 0xffff_ffff }, "early"),
      renamed("early", "later"),
    ),
    findings: ["interface-renamed later"],
    mended: ["lvs attach"],
  },
  {
    name: "none: an interface that no rule of ours tells from others has got another name",
    node: "director",
    seed: together(
      interfaceOf("early"),
      ruling(21, { kind: "mark", value: 300, mask: 0xffff_ffff }, "outside"),
      renamed("early", "later"),
    ),
    findings: [],
  },
  {
    name: "netfilter gives a service's mark",
    node: "director",
    seed: together(
      another({ kind: "mark", family: 4, mark: 300 }, [to(server(4, "nat"), SERVER_PORT)]),
      running(
        "director",
        `iptables -t mangle -A PREROUTING -p tcp -d ${virtual(4, "nat")} --dport 21 -j MARK --set-mark 300`.split(
          " ",
        ),
        "iptables -t mangle -F PREROUTING".split(" "),
      ),
    ),
    findings: ["mark-too-late FWM 300"],
  },
  {
    name: "the host's firewall swallows packets for a server on the director",
    node: "director",
    seed: together(
      another(key("nat", 4, 82), [to(lan(4, DIRECTOR), 82, { method: "route" })]),
      running("director", "iptables -P INPUT DROP".split(" "), "iptables -P INPUT ACCEPT".split(" ")),
    ),
    findings: [`firewall-input TCP ${virtual(4, "nat")}:82 -> ${lan(4, DIRECTOR)}:82`],
  },
  {
    name: "the reverse path of a server on the director is another interface",
    node: "director",
    seed: together(
      another(key("nat", 4, 82), [to(lan(4, DIRECTOR), 82, { method: "route" })]),
      routed("0.0.0.0/0", wire(4, 14)),
      setting("director", ["net.ipv4.conf.outside.rp_filter", 1]),
    ),
    findings: ["reverse-path-filter outside", "send-redirects inside"],
    mended: [
      "sysctl -w net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.inside.send_redirects=0",
      "sysctl -w net.ipv4.conf.outside.rp_filter=2",
    ],
  },
];

/** One more interface of the director. */
function interfaceOf(name: string) {
  return (ward: Ward) => {
    ward.network("director", (socket) =>
      createVeth(
        socket,
        { name, up: true },
        { name: "peer", up: true, namespace: namespaceOf(ward.plan, "client") },
      ),
    );
    return () => ward.network("client", (socket) => deleteLink(socket, "peer"));
  };
}

function renamed(name: string, other: string) {
  return (ward: Ward) => {
    ward.network("director", (socket) => {
      setLink(socket, name, { up: false });
      setLink(socket, name, { name: other });
      setLink(socket, other, { up: true });
    });
    // It is deleted under whatever name.
    return () => {};
  };
}

/** A rule of our own about all packets of TCP over IPv4 to a port, of one interface, or of any. */
function ruling(port: number, target: Rule["target"], link: string | null = null) {
  return (ward: Ward) => {
    const change = (make: (present: RuleSet) => RuleSet): void =>
      ward.inside("director", () => {
        const rules = openRules();
        try {
          rules.change(4, make);
        } finally {
          rules.close();
        }
      });
    const input = link === null ? null : { negated: false, name: link, isPrefix: false };
    const rule: Rule = {
      ...{ source: null, destination: null, input, protocol: { negated: false, number: 6 } },
      ...{ fragment: null, counters: NO_COUNTERS, target },
      matches: [
        {
          ...{ kind: "tcp", source: null, flags: null },
          destination: { negated: false, first: port, last: port },
        },
      ],
    };
    change(({ family, chains: [first, ...more] }) => ({
      family,
      chains: [{ ...first!, rules: [rule] }, ...more],
    }));
    return () => change(({ family }) => emptyRuleSet(family));
  };
}
