/** What a lab cannot make wrong, or not quickly; the rest is in lab/doctor.test.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tunnel } from "../model.ts";
import { tunnelOverhead } from "./director/tunnel-mtu.ts";
import { examine, rolesOf } from "./examine.ts";
import type { AddressFacts, DirectorFacts, HostFacts, LinkFacts, ServerProbe, Way } from "./facts.ts";
import { isSafe } from "./finding.ts";
import {
  directorFacts,
  hostFacts,
  linkFacts,
  probed,
  realServerFacts,
  serviceWith,
  summary,
  wayBy,
} from "./testing/hosts.ts";

function withStatus(changes: Partial<DirectorFacts["status"]>): HostFacts {
  return hostFacts({ director: directorFacts({ status: { ...directorFacts().status, ...changes } }) });
}

function withTunnel(tunnel: Tunnel, mtu: number, changes: Partial<DirectorFacts> = {}): HostFacts {
  return hostFacts({
    director: directorFacts({
      services: [serviceWith({ method: "tunnel", tunnel })],
      ways: new Map([["10.0.0.1", wayBy("inside", { mtu })]]),
      ...changes,
    }),
  });
}

const SILENT: ServerProbe = { plain: "silent", from: null };

function withServersLink(changes: Partial<LinkFacts>, way: Way | null, probe?: ServerProbe): HostFacts {
  return hostFacts({
    links: [linkFacts("lo"), linkFacts("outside", { sendRedirects: true }), linkFacts("inside", changes)],
    director: directorFacts({
      ways: new Map([["10.0.0.1", way]]),
      ...(probe === undefined ? {} : { probes: probed(probe) }),
    }),
  });
}

const IPIP: Tunnel = { type: "ipip", port: 0, checksum: "none" };
const STALE = { ...directorFacts().status.program!, name: "old", current: false };

const WITH_TUNNEL = [
  linkFacts("lo"),
  linkFacts("eth0"),
  linkFacts("tunl0", { kind: "ipip", speaksArp: false }),
];
const SERVER_ADDRESSES = realServerFacts().addresses;

function hostAddress(link: string, address: string): AddressFacts {
  return { link, address, family: 4, length: 32, duplicate: false, scope: "global" };
}

const CASES: readonly (readonly [name: string, host: HostFacts, findings: readonly string[]])[] = [
  ["a healthy director", hostFacts(), []],
  ["a healthy real server", realServerFacts(), []],
  [
    "a stopped clock",
    withStatus({ clock: { ticking: false, age: 5000 } }),
    ["error | clock-stopped | datapath | lvs attach"],
  ],
  [
    "a stopped clock where an interface was detached by hand",
    hostFacts({
      links: [
        linkFacts("lo"),
        linkFacts("outside"),
        linkFacts("inside"),
        linkFacts("admin", { datapath: "forbidden" }),
      ],
      director: directorFacts({
        status: { ...directorFacts().status, clock: { ticking: false, age: null } },
      }),
    }),
    ["error | clock-stopped | datapath | lvs attach lo"],
  ],
  [
    "programs of another version",
    withStatus({ programs: [STALE] }),
    ["warning | program-stale | datapath | lvs attach"],
  ],
  [
    "a full connection table",
    withStatus({ tables: [{ table: "connections", used: 920, size: 1000 }], events: { stateless: 7n } }),
    [
      "warning | table-full | connections | export LVS_CONNECTIONS=4000 && ipvsadm -S -n > services && lvs unload && ipvsadm -R < services",
    ],
  ],
  ["a table with room", withStatus({ tables: [{ table: "connections", used: 800, size: 1000 }] }), []],
  [
    "state of another version",
    withStatus({ state: "unusable", problem: "another version" }),
    ["error | state-unusable | /run/lvs/bpf/1 | lvs unload"],
  ],
  [
    "large receive offload",
    hostFacts({ links: [linkFacts("outside", { features: new Set(["rx-lro"]) }), linkFacts("inside")] }),
    ["error | large-receive-offload | outside | ethtool -K outside rx-lro off"],
  ],
  [
    "clients by an interface without Ethernet",
    hostFacts({ links: [linkFacts("outside", { datapath: "impossible" }), linkFacts("inside")] }),
    ["warning | interface-not-attached | outside"],
  ],
  [
    "the kernel's own IPVS",
    hostFacts({ kernelServices: ["tcp/192.0.2.1:80", "fwm4/7"] }),
    [
      "warning | kernel-ipvs | ip_vs | /sbin/ipvsadm -L -n --thresholds > thresholds && /sbin/ipvsadm-save -n > services && { ipvsadm -R < services; ipvsadm -S -n | sort -u > ours; sort -u ours services | diff ours -; } && /sbin/ipvsadm -C",
    ],
  ],
  [
    "a tunnel with too little room",
    withTunnel(IPIP, 1500),
    ["warning | tunnel-mtu | 10.0.0.1 (ipip, IPv4) | ip link set inside mtu 1520"],
  ],
  ["a tunnel with room", withTunnel(IPIP, 1520), []],
  [
    "a tunnel that nothing fits into",
    withTunnel({ type: "gue", port: 6080, checksum: "none" }, 600),
    ["error | tunnel-mtu | 10.0.0.1 (gue, IPv4) | ip link set inside mtu 1532"],
  ],
  [
    "a strict filter at a tunnel's end",
    realServerFacts(
      { links: WITH_TUNNEL, addresses: [...SERVER_ADDRESSES, hostAddress("tunl0", "192.0.2.1")] },
      { sysctls: { "tunl0/rp_filter": 1 } },
    ),
    ["error | reverse-path-filter | tunl0 | sysctl -w net.ipv4.conf.tunl0.rp_filter=2"],
  ],
  [
    "a loose filter at a tunnel's end with an address",
    realServerFacts(
      { links: WITH_TUNNEL, addresses: [...SERVER_ADDRESSES, hostAddress("tunl0", "192.0.2.1")] },
      { sysctls: { "tunl0/rp_filter": 2 } },
    ),
    [],
  ],
  [
    "a loose filter at a tunnel's end without any address, which takes nothing",
    realServerFacts({ links: WITH_TUNNEL }, { sysctls: { "tunl0/rp_filter": 2 } }),
    ["error | reverse-path-filter | tunl0 | sysctl -w net.ipv4.conf.tunl0.rp_filter=0"],
  ],
  [
    "a strict filter for all, and a tunnel's end without any address",
    realServerFacts({ links: WITH_TUNNEL }, { sysctls: { "all/rp_filter": 1 } }),
    [
      "error | reverse-path-filter | tunl0 | sysctl -w net.ipv4.conf.lo.rp_filter=1 net.ipv4.conf.eth0.rp_filter=1 net.ipv4.conf.all.rp_filter=0",
    ],
  ],
  [
    "what lvs realserver has set up, and what is left of it",
    realServerFacts(
      {},
      {
        sysctls: { "eth0/rp_filter": 1 },
        started: { "192.0.2.1": { mode: "tun" }, "192.0.2.2": { mode: "dr" } },
      },
    ),
    [
      "error | reverse-path-filter | eth0 | sysctl -w net.ipv4.conf.eth0.rp_filter=2",
      "error | tunnel-end | 192.0.2.1 | lvs realserver start --vip 192.0.2.1 --mode tun",
      "error | vip-missing | 192.0.2.2 | lvs realserver start --vip 192.0.2.2 --mode dr",
    ],
  ],
  [
    "an arp_ignore for all that does not help, as the greater holds",
    realServerFacts({}, { sysctls: { "all/arp_ignore": 3, "lo/arp_ignore": 1 } }),
    ["error | arp-ignore | eth0 | sysctl -w net.ipv4.conf.all.arp_ignore=1"],
  ],
  [
    "a strict filter where one of two addresses comes in",
    realServerFacts(
      { addresses: [...SERVER_ADDRESSES, hostAddress("lo", "192.0.2.2")] },
      {
        sysctls: { "eth0/rp_filter": 1 },
        started: { "192.0.2.1": {}, "192.0.2.2": { interfaces: ["eth0"] } },
      },
    ),
    ["error | reverse-path-filter | eth0 | sysctl -w net.ipv4.conf.eth0.rp_filter=2"],
  ],
  [
    "an interface whose name means something to the shell",
    realServerFacts(
      { links: [linkFacts("lo"), linkFacts("a$b")] },
      { sysctls: { "a$b/arp_ignore": 3, "lo/arp_ignore": 1 } },
    ),
    ["error | arp-ignore | a$b | sysctl -w 'net.ipv4.conf.a$b.arp_ignore=1'"],
  ],
  [
    "an interface whose name has a dot",
    realServerFacts(
      { links: [linkFacts("lo"), linkFacts("eth0.5")] },
      { sysctls: { "eth0.5/arp_ignore": 3, "lo/arp_ignore": 1 } },
    ),
    ["error | arp-ignore | eth0.5 | sysctl -w net/ipv4/conf/eth0.5/arp_ignore=1"],
  ],
  [
    "an interface that is down, and answers nobody yet",
    realServerFacts(
      { links: [linkFacts("lo"), linkFacts("eth0"), linkFacts("eth1", { up: false })] },
      { sysctls: { "all/arp_ignore": 0, "eth0/arp_ignore": 1 } },
    ),
    [],
  ],
  [
    "the servers' interface is down, and its routes are gone",
    withServersLink({ up: false }, null),
    ["error | interface-down | inside | ip link set inside up"],
  ],
  [
    "the servers' interface is down, and the default route leads elsewhere",
    withServersLink({ up: false }, wayBy("outside", { via: "192.0.2.254" }), SILENT),
    ["error | interface-down | inside | ip link set inside up"],
  ],
  [
    "the servers' interface has no carrier, and routes are left",
    withServersLink({ carrier: false }, wayBy("inside", { neighbour: "failed" }), SILENT),
    ["error | interface-down | inside"],
  ],
  [
    "an interface is down, and servers in its network answer by another way",
    withServersLink({ up: false }, wayBy("outside", { via: "192.0.2.254" }), {
      plain: "accepted",
      from: null,
    }),
    [
      "warning | nat-not-on-link | 10.0.0.1 | ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.1:80 --fullnat -w 1",
      "warning | send-redirects | outside | sysctl -w net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.outside.send_redirects=0",
    ],
  ],
  [
    "an interface is down, and has nothing to do with a server without a route",
    hostFacts({
      links: [linkFacts("lo"), linkFacts("outside"), linkFacts("inside"), linkFacts("spare", { up: false })],
      director: directorFacts({ ways: new Map([["10.0.0.1", null]]) }),
    }),
    ["error | server-no-route | 10.0.0.1 | ip route add 10.0.0.1 via GATEWAY"],
  ],
  [
    "the only address on loopback has a network's mask",
    realServerFacts({
      addresses: [{ ...hostAddress("lo", "192.0.2.1"), length: 24 }, SERVER_ADDRESSES[1]!],
    }),
    ["error | vip-mask | 192.0.2.1 | ip addr add 192.0.2.1/32 dev lo && ip addr del 192.0.2.1/24 dev lo"],
  ],
  [
    "loopback is down",
    realServerFacts({ links: [linkFacts("lo", { up: false }), linkFacts("eth0")] }),
    ["error | interface-down | lo | ip link set lo up"],
  ],
  [
    "a program at the server's own address only",
    realServerFacts({ listeners: [{ protocol: "tcp", address: "10.0.0.1", port: 80 }] }),
    ["warning | nothing-listens | 192.0.2.1 | ss -lntu src 192.0.2.1"],
  ],
];

for (const [name, host, findings] of CASES) {
  test(name, () => assert.deepEqual(examine(host).map(summary), findings));
}

test("a filter that may be in the way, or not, is left to whoever knows", () => {
  const [first, second] = [linkFacts("eth0"), linkFacts("eth1")];
  const host = realServerFacts(
    {
      links: [linkFacts("lo"), first, second],
      addresses: [...SERVER_ADDRESSES, { ...hostAddress("eth1", "203.0.113.1"), length: 24 }],
      defaultRoutes: [{ family: 4, via: "203.0.113.2", link: "eth1" }],
    },
    { sysctls: { "eth0/rp_filter": 1 } },
  );
  const found = examine(host);
  assert.deepEqual(found.map(summary), [
    "note | reverse-path-filter | eth0 | sysctl -w net.ipv4.conf.eth0.rp_filter=2",
  ]);
  assert.equal(isSafe(found[0]!.remedy), false);
});

test("where /proc/sys is read-only, sysctls are for whoever can set them", () => {
  const notLocal = withStatus({ localClients: false, forwardingOff: ["net.ipv4.ip_forward"] });
  const [forwarding, loopback] = ["net.ipv4.ip_forward", "net.ipv4.conf.lo.accept_local"];
  assert.deepEqual(examine(notLocal).map(summary), [
    "warning | loopback-not-ready | lo | lvs attach lo",
    `error | forwarding-off | ${forwarding} | sysctl -w ${forwarding}=1`,
  ]);
  const found = examine({ ...notLocal, sysctlsReadOnly: true });
  const there = "# where /proc/sys is not read-only: it is here";
  assert.deepEqual(found.map(summary), [
    `warning | loopback-not-ready | lo | sysctl -w ${loopback}=1    ${there}`,
    `error | forwarding-off | ${forwarding} | sysctl -w ${forwarding}=1    ${there}`,
  ]);
  assert.equal(found[0]!.what, `${loopback} is 0.`);
  assert.ok(found.every(({ remedy }) => !isSafe(remedy)));
});

test("a host without services and virtual addresses has no role, and nothing else is said about it", () => {
  const own: AddressFacts = { ...hostAddress("lo", "127.0.0.1"), length: 8, scope: "host" };
  const host = realServerFacts({ addresses: [own, SERVER_ADDRESSES[1]!] });
  assert.deepEqual(rolesOf(host), []);
  assert.deepEqual(examine(host).map(summary), ["note | nothing-to-look-at | this host"]);
  assert.deepEqual(
    examine(host, ["director"]).map(({ code }) => code),
    ["no-services"],
  );
});

test("what tunnels take", () => {
  const of = (type: Tunnel["type"], checksum: Tunnel["checksum"], outer: 4 | 6): number =>
    tunnelOverhead({ type, port: 0, checksum }, outer);
  assert.deepEqual(
    [of("ipip", "none", 4), of("ipip", "none", 6), of("gue", "full", 4), of("gue", "remote", 6)],
    [20, 40, 32, 52],
  );
  assert.deepEqual([of("gre", "none", 4), of("gre", "full", 4), of("gre", "full", 6)], [24, 28, 48]);
});
