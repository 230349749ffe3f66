/**
 * A cluster in which each forwarding method has real servers that only it can work with, over IPv4 and IPv6.
 *
 *     client ──┐                        ┌── nat1, nat2      default route: the director
 *              ├── lan ── director ── wire ── full1, full2  no route to clients at all
 *              │                        │
 *              └──────────────────── direct1, direct2       the virtual addresses on lo; answer over the lan
 *
 * `lan` and `wire` are switches. The servers "direct" are for direct routing (by either leg) and for tunnels.
 */
import type { End, NetworkPlan } from "../network.ts";

/** Kinds of real servers; two of each. */
export const SERVER_KINDS = ["nat", "full", "direct"] as const;
export type ServerKind = (typeof SERVER_KINDS)[number];

/** How many servers of each kind there are. */
export const EACH = 2;

export type Family = 4 | 6;
export const FAMILIES: readonly Family[] = [4, 6];

/** Addresses of the lan's and the wire's hosts, by family and host number 1 … 254. */
export const lanAddress = (family: Family, host: number): string =>
  family === 4 ? `172.16.8.${host}` : `fd00:8::${host.toString(16)}`;
export const wireAddress = (family: Family, host: number): string =>
  family === 4 ? `192.168.8.${host}` : `fd00:88::${host.toString(16)}`;

/** Virtual address number 0 … 99. */
export const virtualAddress = (family: Family, number: number): string =>
  family === 4 ? `172.16.9.${number + 1}` : `fd00:9::${(number + 1).toString(16)}`;

export const CLIENT_HOST = 1;
export const DIRECTOR_HOST = 254;

/** Extra wire addresses of each direct server: a tunnel end's devices may not share one. */
export const TUNNEL_ADDRESSES = 4;

/** Host number of a server, 1 or 2 of its kind, on the lan and on the wire. */
export function serverHost(kind: ServerKind, number: number, extra = 0): number {
  return 10 + 60 * SERVER_KINDS.indexOf(kind) + 10 * number + extra;
}

export const serverName = (kind: ServerKind, number: number): string => `${kind}${number}`;

/** All servers, by kind and number. */
export const SERVERS: readonly { readonly kind: ServerKind; readonly number: number }[] =
  SERVER_KINDS.flatMap((kind) => Array.from({ length: EACH }, (_, i) => ({ kind, number: i + 1 })));

/** What a cluster is made with. */
export interface ClusterSettings {
  readonly prefix: string;
  /** How many virtual addresses of each family the director has. */
  readonly virtualAddresses: number;
  /** MTU of the wire, bytes. Default: 1500. */
  readonly wireMtu?: number;
}

const both = (address: (family: Family, host: number) => string, host: number): string[] => [
  `${address(4, host)}/24`,
  `${address(6, host)}/64`,
];

/** Without what makes a leg drop packets that come by another way than their answers go. */
const RELAXED: readonly (readonly [string, string])[] = [
  ["net.ipv4.conf.all.rp_filter", "0"],
  ["net.ipv4.conf.default.rp_filter", "0"],
];

export function clusterPlan(settings: ClusterSettings): NetworkPlan {
  const { prefix, virtualAddresses, wireMtu = 1500 } = settings;
  const virtual = Array.from({ length: virtualAddresses }, (_, i) => [
    `${virtualAddress(4, i)}/32`,
    `${virtualAddress(6, i)}/128`,
  ]).flat();
  const port = (node: string, device: string, mtu: number): End => ({ node, device, mtu });
  const onLan = (node: string, device: string, addresses: readonly string[]): readonly [End, End] => [
    { node, device, addresses },
    port("lan", node, 1500),
  ];
  const onWire = (node: string, device: string, addresses: readonly string[]): readonly [End, End] => [
    { node, device, addresses, mtu: wireMtu },
    port("wire", node, wireMtu),
  ];
  const direct = SERVERS.filter(({ kind }) => kind === "direct").map(({ number }) =>
    serverName("direct", number),
  );
  return {
    prefix,
    switches: ["lan", "wire"],
    links: [
      onLan("client", "eth0", both(lanAddress, CLIENT_HOST)),
      onLan("director", "outside", [...both(lanAddress, DIRECTOR_HOST), ...virtual]),
      onWire("director", "inside", both(wireAddress, DIRECTOR_HOST)),
      ...SERVERS.map(({ kind, number }) => {
        const extra = kind === "direct" ? TUNNEL_ADDRESSES : 0;
        const addresses = Array.from({ length: extra + 1 }, (_, i) =>
          both(wireAddress, serverHost(kind, number, i)),
        );
        return onWire(serverName(kind, number), "eth0", addresses.flat());
      }),
      ...SERVERS.filter(({ kind }) => kind === "direct").map(({ kind, number }) =>
        onLan(serverName(kind, number), "eth1", both(lanAddress, serverHost(kind, number))),
      ),
    ],
    routes: [
      ...FAMILIES.map((family) => ({
        node: "client",
        to: "default",
        via: lanAddress(family, DIRECTOR_HOST),
      })),
      ...SERVERS.filter(({ kind }) => kind === "nat").flatMap(({ kind, number }) =>
        FAMILIES.map((family) => ({
          node: serverName(kind, number),
          to: "default",
          via: wireAddress(family, DIRECTOR_HOST),
        })),
      ),
    ],
    loopback: direct.map((node) => ({ node, addresses: virtual })),
    sysctls: [
      { node: "director", name: "net.ipv4.ip_forward", value: "1" },
      { node: "director", name: "net.ipv6.conf.all.forwarding", value: "1" },
      { node: "director", name: "net.ipv4.icmp_ratelimit", value: "0" },
      { node: "director", name: "net.ipv6.icmp.ratelimit", value: "0" },
      ...direct.flatMap((node) => [
        ...RELAXED.map(([name, value]) => ({ node, name, value })),
        { node, name: "net.ipv4.conf.eth0.rp_filter", value: "0" },
        { node, name: "net.ipv4.conf.eth1.rp_filter", value: "0" },
        // Nobody but the director may say that it has the virtual addresses.
        { node, name: "net.ipv4.conf.all.arp_ignore", value: "1" },
        { node, name: "net.ipv4.conf.all.arp_announce", value: "2" },
      ]),
    ],
  };
}
