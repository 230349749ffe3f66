/** What a lab cannot make wrong, or not quickly; the rest is in lab/doctor.test.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tunnel } from "../model.ts";
import { tunnelOverhead } from "./director/tunnel-mtu.ts";
import { examine, rolesOf } from "./examine.ts";
import type { DirectorFacts, HostFacts } from "./facts.ts";
import { commandOf, type Finding } from "./finding.ts";
import { directorFacts, hostFacts, linkFacts, realServerFacts, serviceWith, wayBy } from "./testing/hosts.ts";

const summary = ({ code, severity, where, remedy }: Finding): string =>
  [severity, code, where, ...(remedy === null ? [] : [commandOf(remedy)])].join(" | ");

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

const IPIP: Tunnel = { type: "ipip", port: 0, checksum: "none" };
const STALE = { ...directorFacts().status.program!, name: "old", current: false };

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
      "warning | table-full | connections | ipvsadm -S -n > rules; lvs unload; LVS_CONNECTIONS=4000 ipvsadm -R < rules",
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
    ["warning | kernel-ipvs | ip_vs | /sbin/ipvsadm-save -n | ipvsadm -R && /sbin/ipvsadm -C"],
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
    realServerFacts({
      links: [
        linkFacts("lo"),
        linkFacts("eth0", { arpIgnore: 1, arpAnnounce: 2 }),
        linkFacts("tunl0", { kind: "ipip", speaksArp: false, reversePathFilter: 1 }),
      ],
    }),
    ["error | reverse-path-filter | tunl0 | sysctl -w net.ipv4.conf.tunl0.rp_filter=2"],
  ],
  [
    "what lvs realserver has set up, and what is left of it",
    realServerFacts({
      started: [
        {
          ...{ vip: "192.0.2.1", mode: "tun" },
          unmet: [
            {
              name: "tunnel",
              met: false,
              essential: true,
              found: "eth0 not attached",
              steps: [],
              sysctls: [],
            },
            {
              ...{
                name: "rp_filter",
                met: false,
                essential: true,
                found: "rp_filter is strict at eth0",
                sysctls: [],
              },
              steps: [{ kind: "sysctl", name: "net/ipv4/conf/eth0/rp_filter", from: "1", to: "2" }],
            },
          ],
        },
        {
          ...{ vip: "192.0.2.2", mode: "dr" },
          unmet: [
            {
              name: "address",
              met: false,
              essential: true,
              found: "it is on no interface",
              steps: [],
              sysctls: [],
            },
          ],
        },
      ],
    }),
    [
      "error | tunnel-end | 192.0.2.1 | lvs realserver start --vip 192.0.2.1 --mode tun",
      "error | reverse-path-filter | 192.0.2.1 | sysctl -w net/ipv4/conf/eth0/rp_filter=2",
      "error | vip-missing | 192.0.2.2 | lvs realserver start --vip 192.0.2.2 --mode dr",
    ],
  ],
  [
    "an interface whose name has a dot",
    realServerFacts({
      links: [linkFacts("lo"), linkFacts("eth0.5", { arpIgnore: 3, arpAnnounce: 2 })],
    }),
    ["error | arp-ignore | eth0.5 | sysctl -w net/ipv4/conf/eth0.5/arp_ignore=1"],
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

test("a host without services and virtual addresses has no role, and nothing is said about it", () => {
  const host = realServerFacts({ addresses: [] });
  assert.deepEqual(rolesOf(host), []);
  assert.deepEqual(examine(host), []);
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
