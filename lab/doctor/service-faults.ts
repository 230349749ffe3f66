/** What can be wrong with a director's services and the ways to their servers. */
import { addRoute, deleteRoute, setLink } from "../../src/linux/index.ts";
import { ip, prefix } from "../../src/net/index.ts";
import { alsoTo, another, changed, key, routed, text, to } from "./configure.ts";
import { configuring, type Fault, moving, running, together } from "./fault.ts";
import { DIRECTOR, LOCAL, lan, PORT, SERVER_PORT, server, virtual, wire } from "./plan.ts";
import type { Ward } from "./ward.ts";

export const SERVICE_FAULTS: readonly Fault[] = [
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
];

function withMtu(mtu: number) {
  return (ward: Ward) => {
    const set = (bytes: number): void =>
      ward.network("director", (socket) => setLink(socket, "inside", { mtu: bytes }));
    set(mtu);
    return () => set(1600);
  };
}
