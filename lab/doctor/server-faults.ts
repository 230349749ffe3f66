/** What can be wrong on a real server. */
import { addAddress, addRoute, createVeth, deleteLink, deleteRoute } from "../../src/linux/index.ts";
import { ip, prefix } from "../../src/net/index.ts";
import { namespaceOf } from "../network.ts";
import { type Fault, moving, running, setting, together } from "./fault.ts";
import { DIRECTOR, lan, PORT, virtual, wire } from "./plan.ts";

const DR = virtual(4, "dr");
const DR6 = virtual(6, "dr");

export const SERVER_FAULTS: readonly Fault[] = [
  {
    name: "the server answers ARP for the virtual address",
    node: "dr",
    seed: setting("dr", ["net.ipv4.conf.all.arp_ignore", 0], ["net.ipv4.conf.lo.arp_ignore", 0]),
    findings: ["arp-ignore eth0"],
    mended: ["sysctl -w net.ipv4.conf.lo.arp_ignore=1 net.ipv4.conf.all.arp_ignore=1"],
  },
  {
    name: "an interface's own arp_ignore is one that does not help",
    node: "dr",
    seed: setting("dr", ["net.ipv4.conf.eth0.arp_ignore", 3], ["net.ipv4.conf.lo.arp_ignore", 1]),
    findings: ["arp-ignore eth0"],
    mended: ["sysctl -w net.ipv4.conf.eth0.arp_ignore=1"],
  },
  {
    name: "the arp_ignore of all is one that does not help",
    node: "dr",
    seed: setting("dr", ["net.ipv4.conf.all.arp_ignore", 3], ["net.ipv4.conf.lo.arp_ignore", 1]),
    findings: ["arp-ignore eth0"],
    mended: ["sysctl -w net.ipv4.conf.all.arp_ignore=1"],
  },
  {
    name: "the server asks in the name of the virtual address",
    node: "dr",
    seed: setting("dr", ["net.ipv4.conf.all.arp_announce", 0], ["net.ipv4.conf.lo.arp_announce", 2]),
    findings: ["arp-announce eth0"],
    mended: ["sysctl -w net.ipv4.conf.all.arp_announce=2"],
  },
  {
    name: "the virtual address is missing, IPv4",
    node: "dr",
    seed: moving("dr", ["lo", `${DR}/32`], null),
    findings: [`vip-missing ${DR}`],
    visit: { virtualAddresses: [DR] },
    breaks: [4, "dr"],
  },
  {
    name: "the virtual address is missing, IPv6",
    node: "dr",
    seed: moving("dr", ["lo", `${DR6}/128`], null),
    findings: [`vip-missing ${DR6}`],
    visit: { virtualAddresses: [DR6] },
    breaks: [6, "dr"],
  },
  {
    name: "the virtual address is on the outside interface, IPv4",
    node: "dr",
    seed: moving("dr", ["lo", `${DR}/32`], ["eth0", `${DR}/32`]),
    findings: [`vip-on-outside ${DR}`],
    visit: { virtualAddresses: [DR] },
  },
  {
    name: "the virtual address is on the outside interface, IPv6",
    node: "dr",
    seed: moving("dr", ["lo", `${DR6}/128`], ["eth0", `${DR6}/128`]),
    findings: [`vip-on-outside ${DR6}`],
    visit: { virtualAddresses: [DR6] },
  },
  {
    name: "the virtual address is on loopback with its network's mask",
    node: "dr",
    seed: moving("dr", ["lo", `${DR}/32`], ["lo", `${DR}/24`]),
    findings: [`vip-mask ${DR}`],
    breaks: [4, "dr"],
  },
  {
    name: "packets come out of tunnels at an interface with a strict filter",
    node: "tun",
    seed: setting("tun", ["net.ipv4.conf.eth0.rp_filter", 1]),
    findings: ["reverse-path-filter eth0"],
    mended: ["sysctl -w net.ipv4.conf.eth0.rp_filter=2"],
    breaks: [4, "tun"],
  },
  {
    name: "what lvs realserver has set up was taken away",
    node: "tun",
    seed: moving("tun", ["lo", `${virtual(6, "tun")}/128`], null),
    findings: [`vip-missing ${virtual(6, "tun")}`],
    breaks: [6, "tun"],
  },
  {
    name: "packets may come by an interface with a strict filter",
    node: "dr",
    seed: together(
      (ward) => {
        const other = { name: "admin", namespace: namespaceOf(ward.plan, "client") };
        ward.network("dr", (socket) => {
          createVeth(socket, { name: "admin", up: true }, other);
          addAddress(socket, "admin", prefix("203.0.113.1/24"));
          addRoute(socket, { via: ip("203.0.113.2") });
        });
        return () => ward.network("dr", (socket) => deleteLink(socket, "admin"));
      },
      setting("dr", ["net.ipv4.conf.eth0.rp_filter", 1]),
    ),
    findings: ["reverse-path-filter eth0"],
  },
  {
    name: "a masqueraded server has no way to its director, IPv4",
    node: "nat",
    seed: (ward) => {
      const route = { via: ip(wire(4, DIRECTOR)) };
      ward.network("nat", (socket) => deleteRoute(socket, route));
      return () => ward.network("nat", (socket) => addRoute(socket, route));
    },
    findings: ["gateway-not-director default route, IPv4"],
    visit: { directors: [wire(4, DIRECTOR)] },
    breaks: [4, "nat"],
  },
  {
    name: "a masqueraded server's gateway is another host, IPv6",
    node: "nat",
    seed: (ward) => {
      const own = { via: ip(wire(6, DIRECTOR)) };
      const other = { via: ip(wire(6, 14)) };
      ward.network("nat", (socket) => {
        deleteRoute(socket, own);
        addRoute(socket, other);
      });
      return () =>
        ward.network("nat", (socket) => {
          deleteRoute(socket, other);
          addRoute(socket, own);
        });
    },
    findings: ["gateway-not-director default route, IPv6"],
    visit: { directors: [wire(6, DIRECTOR)] },
    breaks: [6, "nat"],
  },
  {
    name: "a server under direct routing answers through the director",
    node: "dr",
    seed: (ward) => {
      const route = { via: ip(lan(4, DIRECTOR)) };
      ward.network("dr", (socket) => addRoute(socket, route));
      return () => ward.network("dr", (socket) => deleteRoute(socket, route));
    },
    findings: ["gateway-is-director default route"],
    visit: { directors: [lan(4, DIRECTOR)] },
  },
  {
    name: "no program waits at the virtual address",
    node: "client",
    seed: together(
      moving("client", null, ["lo", "203.0.113.1/32"]),
      setting("client", ["net.ipv4.conf.all.arp_ignore", 1], ["net.ipv4.conf.all.arp_announce", 2]),
    ),
    findings: ["nothing-listens 203.0.113.1"],
  },
  {
    name: "the server's firewall swallows packets to the virtual address",
    node: "dr",
    seed: running(
      "dr",
      `iptables -A INPUT -d ${DR} -p tcp --dport ${PORT} -j REJECT`.split(" "),
      "iptables -F INPUT".split(" "),
    ),
    findings: [`firewall-input ${DR}:${PORT}`],
    breaks: [4, "dr"],
  },
  {
    name: "nftables swallow packets to the virtual address, IPv6",
    node: "dr",
    seed: running(
      "dr",
      [
        "nft",
        `table ip6 guard {\n chain in {\n type filter hook input priority 0;\n ip6 daddr ${DR6} tcp dport ${PORT} drop\n }\n }`,
      ],
      ["nft", "delete", "table", "ip6", "guard"],
    ),
    findings: [`firewall-input ${DR6}:${PORT}`],
    breaks: [6, "dr"],
  },
];
