import {
  ARPHRD_ETHER,
  findSysctl,
  IFF,
  type InterfaceAddress,
  type Link,
  listAddresses,
  listLinks,
  listRoutes,
  type Route,
  RT_TABLE,
  RTN,
  withRouteSocket,
} from "../../linux/index.ts";
import { formatIp } from "../../net/index.ts";
import { type FoundLink, interfaceSysctl, type RealServerFacts } from "./facts.ts";

const PER_INTERFACE = ["arp_ignore", "arp_announce", "rp_filter"] as const;

/** Reads the calling thread's network namespace; `tunnelEnd` as TunnelEnd.facts tells. */
export function readRealServerFacts(tunnelEnd: RealServerFacts["tunnelEnd"]): RealServerFacts {
  const { links, addresses, main, local } = withRouteSocket((socket) => ({
    links: listLinks(socket),
    addresses: listAddresses(socket),
    main: listRoutes(socket, { version: 4 }),
    local: listRoutes(socket, { version: 4, table: RT_TABLE.LOCAL }),
  }));
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const loopbacks = new Set(links.filter(({ loopback }) => loopback).map(({ index }) => index));
  const isLoopback = (link: number | undefined): boolean => link !== undefined && loopbacks.has(link);
  const isByLoopback = ({ to, link, type }: Route): boolean =>
    to?.length === 32 && type === RTN.UNICAST && isLoopback(link);
  return {
    links: links.map(foundLink),
    addresses: addresses.map((each) => foundAddress(each, names)),
    hostRoutes: main.filter(isByLoopback).map(({ to }) => formatIp(to!.address)),
    broadcasts: local
      .filter(({ type, to, link }) => type === RTN.BROADCAST && to !== undefined && !isLoopback(link))
      .map(({ to }) => formatIp(to!.address)),
    sysctls: readSysctls(links.map(({ name }) => name)),
    tunnelEnd,
  };
}

/** Whether ARP and neighbour discovery are spoken at an interface: not at loopback, dummies and tunnels. */
export function speaksArp({ loopback, flags }: Link): boolean {
  return !loopback && (flags & IFF.NOARP) === 0;
}

function foundLink(link: Link): FoundLink {
  const { name, up, loopback, hardwareType, kind } = link;
  return { name, up, loopback, arp: speaksArp(link), ethernet: hardwareType === ARPHRD_ETHER, kind };
}

function foundAddress({ prefix, index, label }: InterfaceAddress, names: ReadonlyMap<number, string>) {
  const { address, length } = prefix;
  return { address: formatIp(address), length, link: names.get(index) ?? `#${index}`, label };
}

function readSysctls(links: readonly string[]): ReadonlyMap<string, string> {
  const names = ["all", ...links].flatMap((link) => PER_INTERFACE.map((name) => interfaceSysctl(link, name)));
  const all = [...names, interfaceSysctl("lo", "disable_ipv6", 6)];
  return new Map(
    all.flatMap((name) => {
      const value = findSysctl(name);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}
