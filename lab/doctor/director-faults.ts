/** What can be wrong on a director. */
import {
  attach,
  type Destination,
  detach,
  emptyRuleSet,
  NO_COUNTERS,
  openRules,
  type Rule,
  type RuleSet,
  type ServiceKey,
  type VirtualService,
} from "../../src/ipvs/index.ts";
import {
  addAddress,
  addRoute,
  createVeth,
  deleteAddress,
  deleteLink,
  deleteRoute,
  listAddresses,
  setLink,
  setLinkFeature,
} from "../../src/linux/index.ts";
import { formatIp, ip, prefix } from "../../src/net/index.ts";
import { namespaceOf } from "../network.ts";
import { configuring, type Fault, moving, running, setting, together } from "./fault.ts";
import {
  DIRECTOR,
  type Family,
  LOCAL,
  lan,
  type Method,
  PORT,
  SERVER_PORT,
  server,
  virtual,
  wire,
} from "./plan.ts";
import type { Ward } from "./ward.ts";

const key = (method: Method, family: Family = 4, port = PORT): ServiceKey => ({
  ...{ kind: "address", family, protocol: "tcp", address: virtual(family, method), port },
});
const text = (method: Method, family: Family = 4): string =>
  `TCP ${family === 4 ? virtual(4, method) : `[${virtual(6, method)}]`}:${PORT}`;

const to = (address: string, port: number, changes: Partial<Destination> = {}): Destination => ({
  family: address.includes(":") ? 6 : 4,
  ...{ address, port, method: "masquerade", tunnel: null, weight: 1, upperThreshold: 0, lowerThreshold: 0 },
  ...changes,
});
const service = (of: ServiceKey, changes: Partial<VirtualService> = {}): VirtualService => ({
  ...{ key: of, scheduler: "rr", schedulerFlags: 0, persistence: null, engine: null },
  ...{ onePacket: false, clientAddress: "hidden" },
  ...changes,
});

/** Gives the NAT service a second server. */
const alsoTo = (destination: Destination) =>
  configuring(
    (director) => director.addDestination(key("nat"), destination),
    (director) => director.deleteDestination(key("nat"), destination),
  );
/** Changes its one server. */
const changed = (changes: Partial<Destination>) => {
  const own = to(server(4, "nat"), SERVER_PORT);
  return configuring(
    (director) => director.editDestination(key("nat"), { ...own, ...changes }),
    (director) => director.editDestination(key("nat"), own),
  );
};
const another = (
  of: ServiceKey,
  servers: readonly Destination[] = [],
  changes: Partial<VirtualService> = {},
) =>
  configuring(
    (director) => {
      director.addService(service(of, changes));
      for (const each of servers) director.addDestination(of, each);
    },
    (director) => director.deleteService(of),
  );
const routed = (address: string, via: string) => (ward: Ward) => {
  const route = { to: prefix(address), via: ip(via) };
  ward.network("director", (socket) => addRoute(socket, route));
  return () => ward.network("director", (socket) => deleteRoute(socket, route));
};

const vip = (method: Method, family: Family = 4): string =>
  `${virtual(family, method)}/${family === 4 ? 32 : 128}`;

export const DIRECTOR_FAULTS: readonly Fault[] = [
  {
    name: "IPv4 is not forwarded",
    node: "director",
    seed: setting("director", ["net.ipv4.ip_forward", 0]),
    findings: ["forwarding-off net.ipv4.ip_forward", "loopback-forwarding-off net.ipv4.conf.lo.forwarding"],
    mended: ["sysctl -w net.ipv4.ip_forward=1", "sysctl -w net.ipv4.conf.lo.forwarding=1"],
    breaks: [4, "nat"],
  },
  {
    name: "IPv6 is not forwarded",
    node: "director",
    seed: setting("director", ["net.ipv6.conf.all.forwarding", 0]),
    findings: [
      "forwarding-off net.ipv6.conf.all.forwarding",
      "loopback-forwarding-off net.ipv6.conf.lo.forwarding",
    ],
    mended: ["sysctl -w net.ipv6.conf.all.forwarding=1", "sysctl -w net.ipv6.conf.lo.forwarding=1"],
    breaks: [6, "full"],
  },
  {
    name: "what comes in by one interface is not forwarded",
    node: "director",
    seed: setting("director", ["net.ipv4.conf.outside.forwarding", 0]),
    findings: ["forwarding-off net.ipv4.conf.outside.forwarding"],
    mended: ["sysctl -w net.ipv4.conf.outside.forwarding=1"],
    breaks: [4, "nat"],
  },
  {
    name: "ways cannot be looked up from loopback, nor from where clients come in",
    node: "director",
    seed: setting("director", ["net.ipv4.conf.lo.forwarding", 0], ["net.ipv4.conf.outside.forwarding", 0]),
    findings: [
      "forwarding-off net.ipv4.conf.outside.forwarding",
      "loopback-forwarding-off net.ipv4.conf.lo.forwarding",
    ],
    mended: ["sysctl -w net.ipv4.conf.outside.forwarding=1", "sysctl -w net.ipv4.conf.lo.forwarding=1"],
    breaks: [4, "dr"],
  },
  {
    name: "loopback does not take the director's own addresses",
    node: "director",
    seed: setting("director", ["net.ipv4.conf.lo.accept_local", 0]),
    findings: ["loopback-not-ready lo"],
    mended: ["lvs attach lo"],
  },
  {
    name: "a virtual address is missing, IPv4",
    node: "director",
    seed: moving("director", ["outside", vip("nat")], null),
    findings: [`vip-missing ${virtual(4, "nat")} (${text("nat")})`],
    breaks: [4, "nat"],
  },
  {
    name: "a virtual address is missing, IPv6",
    node: "director",
    seed: moving("director", ["outside", vip("nat", 6)], null),
    findings: [`vip-missing ${virtual(6, "nat")} (${text("nat", 6)})`],
    breaks: [6, "nat"],
  },
  {
    name: "a virtual address is on loopback with its network's mask",
    node: "director",
    seed: moving("director", ["outside", vip("nat")], ["lo", `${virtual(4, "nat")}/24`]),
    findings: [`vip-mask ${virtual(4, "nat")} (${text("nat")})`],
    breaks: [4, "dr"],
  },
  {
    name: "the director keeps quiet like a real server, IPv4",
    node: "director",
    seed: together(
      moving("director", ["outside", vip("nat")], ["lo", vip("nat")]),
      setting("director", ["net.ipv4.conf.all.arp_ignore", 1]),
    ),
    findings: [`vip-not-announced ${virtual(4, "nat")} (${text("nat")})`],
    breaks: [4, "nat"],
  },
  {
    name: "the director keeps quiet like a real server, IPv6",
    node: "director",
    seed: moving("director", ["outside", vip("nat", 6)], ["lo", vip("nat", 6)]),
    findings: [`vip-not-announced ${virtual(6, "nat")} (${text("nat", 6)})`],
    breaks: [6, "nat"],
  },
  {
    name: "another host has the virtual address, IPv6",
    node: "director",
    seed: (ward) => {
      const back = moving("director", ["outside", vip("nat", 6)], null)(ward);
      const theirs = moving("client", null, ["eth0", vip("nat", 6)])(ward);
      const address = prefix(vip("nat", 6));
      ward.network("director", (socket) => {
        addAddress(socket, "outside", address, { skipDuplicateDetection: false });
        untilFailed(
          () =>
            listAddresses(socket, "outside").find(
              (each) => formatIp(each.prefix.address) === virtual(6, "nat"),
            )!.flags,
        );
      });
      return () => {
        ward.network("director", (socket) => deleteAddress(socket, "outside", address));
        theirs();
        back();
      };
    },
    findings: [`vip-duplicate ${virtual(6, "nat")} (${text("nat", 6)})`],
  },
  {
    name: "a real server answers ARP for the virtual address",
    node: "director",
    seed: setting("dr", ["net.ipv4.conf.all.arp_ignore", 0]),
    findings: [`vip-answered-by-other ${virtual(4, "dr")} (${text("dr")})`],
    visit: { probe: true },
  },
  {
    name: "an interface of clients came after the last change",
    node: "director",
    seed: (ward) => {
      ward.network("director", (socket) =>
        createVeth(
          socket,
          { name: "late", up: true },
          { name: "late", up: true, namespace: namespaceOf(ward.plan, "client") },
        ),
      );
      const back = moving("director", ["outside", vip("nat")], ["late", vip("nat")])(ward);
      return () => {
        back();
        ward.network("director", (socket) => deleteLink(socket, "late"));
      };
    },
    findings: ["interface-not-attached late"],
    mended: ["lvs attach late"],
  },
  {
    name: "the datapath was taken off an interface",
    node: "director",
    seed: (ward) => {
      ward.inside("director", () => detach(["inside"]));
      return () => void ward.inside("director", () => attach(["inside"]));
    },
    findings: ["interface-not-attached inside"],
    breaks: [4, "nat"],
  },
  {
    name: "an interface has no carrier",
    node: "director",
    seed: (ward) => {
      const set = (up: boolean): void => ward.network("lan", (socket) => setLink(socket, "director", { up }));
      set(false);
      return () => set(true);
    },
    findings: ["interface-down outside"],
  },
  {
    name: "a service has no servers",
    node: "director",
    seed: another(key("nat", 4, 81)),
    findings: [`service-empty TCP ${virtual(4, "nat")}:81`],
  },
  {
    name: "all servers of a service have weight 0",
    node: "director",
    seed: changed({ weight: 0 }),
    findings: [`service-quiesced ${text("nat")}`],
    breaks: [4, "nat"],
  },
  {
    name: "thresholds of a server contradict each other",
    node: "director",
    seed: changed({ upperThreshold: 100, lowerThreshold: 100 }),
    findings: [`thresholds-equal ${text("nat")} -> ${server(4, "nat")}:${SERVER_PORT}`],
  },
  {
    name: "all servers are at their threshold",
    node: "director",
    seed: (ward) => {
      ward.connect(4, "nat");
      return changed({ upperThreshold: 1 })(ward);
    },
    findings: [`service-overloaded ${text("nat")}`],
    breaks: [4, "nat"],
  },
  {
    name: "there is no route to a server",
    node: "director",
    seed: alsoTo(to("203.0.113.9", 80)),
    findings: ["server-no-route 203.0.113.9"],
  },
  {
    name: "a server does not answer ARP",
    node: "director",
    seed: alsoTo(to(wire(4, 99), 80)),
    findings: [`server-no-neighbour ${wire(4, 99)}`],
    visit: { probe: true },
  },
  {
    name: "nothing listens at a server",
    node: "director",
    seed: alsoTo(to(server(4, "nat"), 9)),
    findings: [`server-refuses ${text("nat")} -> ${server(4, "nat")}:9`],
    visit: { probe: true },
  },
  {
    name: "a server's firewall swallows what the director sends",
    node: "director",
    seed: running(
      "nat",
      ["iptables", "-A", "INPUT", "-p", "tcp", "--dport", String(SERVER_PORT), "-j", "DROP"],
      ["iptables", "-F", "INPUT"],
    ),
    findings: [`server-silent ${text("nat")} -> ${server(4, "nat")}:${SERVER_PORT}`],
    visit: { probe: true },
    breaks: [4, "nat"],
  },
  {
    name: "a masqueraded server's gateway is not the director",
    node: "director",
    seed: (ward) => {
      const route = { via: ip(wire(4, DIRECTOR)) };
      ward.network("nat", (socket) => deleteRoute(socket, route));
      return () => ward.network("nat", (socket) => addRoute(socket, route));
    },
    findings: [`nat-gateway ${server(4, "nat")}`],
    visit: { probe: true },
    breaks: [4, "nat"],
  },
  {
    name: "masqueraded server and clients are in one network",
    node: "director",
    seed: alsoTo(to(server(4, "dr"), PORT)),
    findings: [`nat-same-network ${virtual(4, "nat")} -> ${server(4, "dr")}`, "send-redirects outside"],
  },
  {
    name: "a masqueraded client is in its server's network",
    node: "director",
    seed: (ward) => {
      const route = { to: prefix(`${lan(4, 0)}/24`), via: ip(wire(4, DIRECTOR)) };
      ward.network("full", (socket) => addRoute(socket, route));
      ward.connect(4, "nat", "full");
      return () => {
        ward.network("full", (socket) => deleteRoute(socket, route));
        ward.run("director", "lvs", ["flush", "--all"]);
      };
    },
    findings: [`nat-client-bypasses ${server(4, "nat")}`],
  },
  {
    name: "a server under direct routing is behind a router",
    node: "director",
    seed: together(
      routed("203.0.113.9/32", server(4, "dr")),
      alsoTo(to("203.0.113.9", PORT, { method: "route" })),
    ),
    findings: ["dr-not-on-link 203.0.113.9"],
  },
  {
    name: "a masqueraded server is behind a router",
    node: "director",
    seed: together(routed("203.0.113.9/32", wire(4, 14)), alsoTo(to("203.0.113.9", PORT))),
    findings: ["nat-not-on-link 203.0.113.9"],
  },
  {
    name: "a local address for FullNAT is missing",
    node: "director",
    seed: moving("director", ["inside", `${wire(4, LOCAL)}/24`], null),
    findings: [`local-address-missing ${wire(4, LOCAL)}`],
    breaks: [4, "full"],
  },
  {
    name: "answers to a local address for FullNAT go elsewhere",
    node: "director",
    seed: together(
      moving("director", null, ["lo", "203.0.113.200/32"]),
      configuring(
        (director) => {
          director.addLocalAddress(key("full"), "203.0.113.200");
          director.deleteLocalAddress(key("full"), wire(4, LOCAL));
        },
        (director) => {
          director.addLocalAddress(key("full"), wire(4, LOCAL));
          director.deleteLocalAddress(key("full"), "203.0.113.200");
        },
      ),
    ),
    findings: [`fullnat-local-address ${text("full")} -> ${server(4, "full")}:${SERVER_PORT}`],
    visit: { probe: true },
    breaks: [4, "full"],
  },
  {
    name: "tunnels have no room for what clients send",
    node: "director",
    seed: withMtu(1500),
    findings: [`tunnel-mtu ${server(4, "tun")} (ipip, IPv4)`, `tunnel-mtu ${server(6, "tun")} (ipip, IPv6)`],
  },
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

/** A rule of our own about all packets of TCP over IPv4 to a port. */
function ruling(port: number, target: Rule["target"]) {
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
    const rule: Rule = {
      ...{ source: null, destination: null, input: null, protocol: { negated: false, number: 6 } },
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

/** IFA_F_DADFAILED. */
const FAILED = 0x08;
const DETECTION_MS = 5000;

function untilFailed(flags: () => number): void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; (flags() & FAILED) === 0; waited += 50) {
    if (waited > DETECTION_MS) throw new Error("the duplicate address was not detected");
    Atomics.wait(cell, 0, 0, 50);
  }
}

function withMtu(mtu: number) {
  return (ward: Ward) => {
    const set = (bytes: number): void =>
      ward.network("director", (socket) => setLink(socket, "inside", { mtu: bytes }));
    set(mtu);
    return () => set(1600);
  };
}
