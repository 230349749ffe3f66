/**
 * A director whose services have every forwarding method, over IPv4 and IPv6, and a real server for each; all as it should be.
 *
 *     client ──┐                            ┌── nat    default route: the director
 *              ├── lan ── director ── wire ─┼── full   no route to clients
 *       dr ────┘    │                       │
 *                   └───────── tun ─────────┘          answers over the lan
 *
 * The wire carries 1600 bytes, so that tunnels have room for what clients send.
 */
import type { End, NetworkPlan } from "../network.ts";

export type Family = 4 | 6;
export const FAMILIES: readonly Family[] = [4, 6];
export const METHODS = ["nat", "dr", "tun", "full"] as const;
export type Method = (typeof METHODS)[number];

const WIRE_MTU = 1600;

export const lan = (family: Family, host: number): string =>
  family === 4 ? `198.18.0.${host}` : `fd00:18::${host}`;
export const wire = (family: Family, host: number): string =>
  family === 4 ? `10.18.0.${host}` : `fd00:10::${host}`;

export const CLIENT = 10;
export const DIRECTOR = 1;
/** FullNAT's local address, on the wire. */
export const LOCAL = 200;

/** The virtual address of a method's services. */
export const virtual = (family: Family, method: Method): string => lan(family, 100 + METHODS.indexOf(method));
/** The address of a method's real server, by which the director reaches it. */
export const server = (family: Family, method: Method): string =>
  method === "dr" ? lan(family, SERVER_HOST[method]) : wire(family, SERVER_HOST[method]);
/** Host numbers of real servers. */
const SERVER_HOST: Readonly<Record<Method, number>> = { nat: 11, dr: 12, tun: 13, full: 14 };

/** Where real servers listen; masqueraded ones have another port than their service. */
export const PORT = 80;
export const SERVER_PORT = 8080;

const whole = (family: Family): number => (family === 4 ? 32 : 128);
const both = (address: (family: Family, host: number) => string, ...hosts: readonly number[]): string[] =>
  hosts.flatMap((host) => [`${address(4, host)}/24`, `${address(6, host)}/64`]);
const virtualOf = (...methods: readonly Method[]): string[] =>
  methods.flatMap((method) => FAMILIES.map((family) => `${virtual(family, method)}/${whole(family)}`));

export function doctorPlan(prefix: string): NetworkPlan {
  const onLan = (node: string, device: string, addresses: readonly string[]): readonly [End, End] => [
    { node, device, addresses },
    { node: "lan", device: node },
  ];
  const onWire = (node: string, device: string, addresses: readonly string[]): readonly [End, End] => [
    { node, device, addresses, mtu: WIRE_MTU },
    { node: "wire", device: node, mtu: WIRE_MTU },
  ];
  return {
    prefix,
    switches: ["lan", "wire"],
    links: [
      onLan("client", "eth0", both(lan, CLIENT)),
      onLan("director", "outside", [...both(lan, DIRECTOR), ...virtualOf(...METHODS)]),
      onWire("director", "inside", both(wire, DIRECTOR, LOCAL)),
      onWire("nat", "eth0", both(wire, SERVER_HOST.nat)),
      onLan("dr", "eth0", both(lan, SERVER_HOST.dr)),
      onWire("tun", "eth0", both(wire, SERVER_HOST.tun)),
      onLan("tun", "eth1", both(lan, SERVER_HOST.tun)),
      onWire("full", "eth0", both(wire, SERVER_HOST.full)),
    ],
    routes: FAMILIES.map((family) => ({ node: "nat", to: "default", via: wire(family, DIRECTOR) })),
    // The other one is set up by `lvs realserver`.
    loopback: [{ node: "dr", addresses: virtualOf("dr") }],
    sysctls: [
      { node: "director", name: "net.ipv4.ip_forward", value: "1" },
      { node: "director", name: "net.ipv6.conf.all.forwarding", value: "1" },
      { node: "dr", name: "net.ipv4.conf.all.arp_ignore", value: "1" },
      { node: "dr", name: "net.ipv4.conf.all.arp_announce", value: "2" },
      { node: "tun", name: "net.ipv4.conf.all.rp_filter", value: "0" },
      { node: "tun", name: "net.ipv4.conf.eth0.rp_filter", value: "0" },
    ],
  };
}

/** The services, for `ipvsadm --restore`. */
export function doctorRules(): string {
  const OPTIONS: Readonly<Record<Method, string>> = { nat: "-m", dr: "-g", tun: "-i", full: "--fullnat" };
  const endpoint = (address: string, port: number): string =>
    address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  return FAMILIES.flatMap((family) =>
    METHODS.flatMap((method) => {
      const service = endpoint(virtual(family, method), PORT);
      const port = portOf(method);
      return [
        `-A -t ${service} -s rr`,
        ...(method === "full" ? [`-P -t ${service} -z ${wire(family, LOCAL)}`] : []),
        `-a -t ${service} -r ${endpoint(server(family, method), port)} ${OPTIONS[method]}`,
      ];
    }),
  )
    .map((line) => `${line}\n`)
    .join("");
}

/** Where a method's server listens. */
export function portOf(method: Method): number {
  return method === "nat" || method === "full" ? SERVER_PORT : PORT;
}
