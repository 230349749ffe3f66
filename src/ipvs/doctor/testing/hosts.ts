/** Hosts at which all is well, to make single things wrong at. */
import { type Destination, NO_RATES, NO_STATISTICS, type ServiceStatus } from "../../model.ts";
import { interfaceSysctl } from "../../realserver/facts.ts";
import type { RealServerHost } from "../../realserver/host.ts";
import { DEFAULT_GUE_PORT, TUNNEL_TYPES } from "../../realserver/model.ts";
import type { RecordedAddress } from "../../realserver/record.ts";
import type { AddressFacts, DirectorFacts, HostFacts, LinkFacts, ServerProbe, Way } from "../facts.ts";
import { commandOf, type Finding } from "../finding.ts";
import { NO_FIREWALL } from "../firewall/model.ts";
import { NOTHING_CHANGED } from "../settings.ts";

export function linkFacts(name: string, changes: Partial<LinkFacts> = {}): LinkFacts {
  return {
    ...{ name, up: true, carrier: true, loopback: name === "lo", speaksArp: name !== "lo", kind: null },
    ...{
      mtu: 1500,
      datapath: "attached",
      reversePathFilter: 0,
      arpIgnore: 0,
      sendRedirects: false,
    },
    forwarding: { 4: true, 6: true },
    features: new Set(),
    ...changes,
  };
}

export function wayBy(link: string, changes: Partial<Way> = {}): Way {
  return { link, via: null, source: "10.0.0.254", mtu: 1500, local: false, neighbour: "answers", ...changes };
}

/** TCP 192.0.2.1:80 with one server, 10.0.0.1:80. */
export function serviceWith(destination: Partial<Destination> = {}): ServiceStatus {
  return {
    service: {
      key: { kind: "address", family: 4, protocol: "tcp", address: "192.0.2.1", port: 80 },
      ...{ scheduler: "rr", schedulerFlags: 0, persistence: null, engine: null },
      ...{ onePacket: false, clientAddress: "hidden" },
    },
    destinations: [
      {
        destination: {
          ...{ family: 4, address: "10.0.0.1", port: 80, method: "masquerade", tunnel: null, weight: 1 },
          ...{ upperThreshold: 0, lowerThreshold: 0 },
          ...destination,
        },
        ...{ active: 0, inactive: 0, persistent: 0, statistics: NO_STATISTICS, rates: NO_RATES },
      },
    ],
    ...{ localAddresses: [], statistics: NO_STATISTICS, rates: NO_RATES },
  };
}

const ALL_TUNNELS = { types: TUNNEL_TYPES, guePort: DEFAULT_GUE_PORT };

const PROGRAM = {
  id: 1,
  name: "lvs4",
  options: {},
  current: true,
  machineCodeBytes: 1,
  verifiedInstructions: 1,
};

export function directorFacts(changes: Partial<DirectorFacts> = {}): DirectorFacts {
  return {
    status: {
      ...{ state: "ready", problem: null, directory: "/run/lvs/bpf/1", layoutVersion: 1, attachment: "tcx" },
      ...{ program: PROGRAM, programs: [PROGRAM], interfaces: [], clock: { ticking: true, age: 100 } },
      ...{
        tables: [],
        maps: [],
        rules: { ipv4: 0, ipv6: 0 },
        localClients: true,
        events: {},
        forwardingOff: [],
      },
      features: {} as DirectorFacts["status"]["features"],
      cache: { directory: "/var/cache/lvs", problem: null },
    },
    services: [serviceWith()],
    ways: new Map([["10.0.0.1", wayBy("inside")]]),
    own: new Set(["192.0.2.1"]),
    ...{
      probes: new Map(),
      otherOwners: new Map(),
      bypassing: [],
      pathMtuDiscovery: true,
      markRules: null,
      ownRules: NO_FIREWALL,
      recorded: new Map(),
      ruleInterfaces: [],
      formerNames: new Map(),
      changedSettings: NOTHING_CHANGED,
    },
    ...changes,
  };
}

/** Clients are outside, in the virtual address's network; the server is inside. */
export function hostFacts(changes: Partial<HostFacts> = {}): HostFacts {
  return {
    links: [linkFacts("lo"), linkFacts("outside"), linkFacts("inside")],
    addresses: [
      { link: "outside", address: "192.0.2.1", family: 4, length: 24, duplicate: false, scope: "global" },
      { link: "inside", address: "10.0.0.254", family: 4, length: 24, duplicate: false, scope: "global" },
    ],
    ...{ defaultRoutes: [], neighbours: [], director: directorFacts(), kernelServices: [], listeners: [] },
    sysctlsReadOnly: false,
    localPorts: { first: 32768, last: 60999 },
    firewall: NO_FIREWALL,
    realServer: realServerHost([], []),
    hints: { virtualAddresses: [], directors: [] },
    ...changes,
  };
}

/** What `lvs realserver` has to do with a host. */
export interface RealServerSettings {
  /** By name behind net/ipv4/conf: "all/arp_ignore". Default: as a real server needs them. */
  readonly sysctls?: { readonly [name: string]: number };
  /** What has been set up. Default: nothing. */
  readonly started?: { readonly [vip: string]: Partial<RecordedAddress> };
}

/** 192.0.2.1 is on lo, and a program waits at any address. */
export function realServerFacts(
  changes: Partial<HostFacts> = {},
  settings: RealServerSettings = {},
): HostFacts {
  const { links = [linkFacts("lo"), linkFacts("eth0")] } = changes;
  const addresses: readonly AddressFacts[] = changes.addresses ?? [
    { link: "lo", address: "192.0.2.1", family: 4, length: 32, duplicate: false, scope: "global" },
    { link: "eth0", address: "10.0.0.1", family: 4, length: 24, duplicate: false, scope: "global" },
  ];
  return hostFacts({
    ...{ links, addresses, realServer: realServerHost(links, addresses, settings) },
    director: null,
    listeners: [{ protocol: "tcp", address: null, port: 80 }],
    ...changes,
  });
}

function realServerHost(
  links: readonly LinkFacts[],
  addresses: readonly AddressFacts[],
  { sysctls = {}, started = {} }: RealServerSettings = {},
): RealServerHost {
  const settings = Object.entries({ "all/arp_ignore": 1, "all/arp_announce": 2, ...sysctls });
  const recorded = {
    ...{ mode: "dr", interfaces: null, address: true, route: false },
    ...{ tunnel: ALL_TUNNELS },
  };
  return {
    facts: {
      links: links.map(({ name, up, loopback, speaksArp, kind }) => ({
        ...{ name, up, loopback, arp: speaksArp, ethernet: speaksArp, kind: kind ?? undefined },
      })),
      addresses: addresses.map(({ address, length, link }) => ({ address, length, link, label: undefined })),
      ...{ hostRoutes: [], broadcasts: [] },
      sysctls: new Map(
        settings.map(([name, value]) => {
          const [link, setting] = name.split("/") as [string, string];
          return [interfaceSysctl(link, setting), String(value)];
        }),
      ),
      tunnelEnd: { links: [], outdated: [], addresses: new Map() },
    },
    record: {
      addresses: new Map(
        Object.entries(started).map(([vip, each]) => [vip, { ...recorded, ...each } as RecordedAddress]),
      ),
      sysctls: new Map(),
    },
  };
}

/** What TCP 192.0.2.1:80 has been answered by its server. */
export function probed(probe: ServerProbe): DirectorFacts["probes"] {
  return new Map([["tcp/192.0.2.1:80 10.0.0.1:80", probe]]);
}

/** "severity | code | where", and what mends it. */
export const summary = ({ code, severity, where, remedy }: Finding): string =>
  [severity, code, where, ...(remedy === null ? [] : [commandOf(remedy)])].join(" | ");
