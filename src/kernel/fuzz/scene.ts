/** What is fuzzed: virtual services of both families, with every forwarding method, scheduler and option. */
import { ip } from "../../net/index.ts";
import {
  FORWARD_FULLNAT,
  FORWARD_LOCAL,
  FORWARD_MASQ,
  FORWARD_ROUTE,
  FORWARD_TUNNEL,
  POOL_FLAG_1,
  POOL_FLAG_2,
  POOL_ONE_PACKET,
  POOL_PROXY,
  POOL_TOA,
  TUNNEL_CHECKSUM,
  TUNNEL_GRE,
  TUNNEL_GUE,
  TUNNEL_IPIP,
  TUNNEL_REMOTE_CHECKSUM,
} from "../tables.ts";
import { TestDirector } from "../testing/director.ts";
import type { ServerSettings, ServiceProtocol, ServiceSettings } from "../testing/service-settings.ts";
import { smallTables } from "../testing/small-tables.ts";

export const LIMIT = 16384;

/** Sizes of the tables, here and in the kernel. */
export const ENTRIES = smallTables(LIMIT, {
  ...{ services: 256, destinations: 256, counters: 256, estimates: 256, servers: 256 },
  ...{ buckets: 524288, local_addresses: 1024 },
});

export interface Server {
  readonly address: Uint8Array;
  readonly port: number;
}

export interface FuzzService {
  readonly name: string;
  readonly family: 4 | 6;
  readonly protocol: ServiceProtocol;
  /** Where its packets go to: of a service by mark, any address; of one on every port, any port. */
  readonly address: Uint8Array;
  readonly port: number;
  readonly mark: number;
  readonly method: number;
  readonly servers: readonly Server[];
  /** The servers' slots. */
  readonly slots: readonly number[];
  /** Whether what becomes of its valid traffic can be said exactly. */
  readonly isExact: boolean;
  readonly isOnePacket: boolean;
}

interface Plan {
  readonly protocol: ServiceProtocol;
  readonly scheduler: string;
  readonly method: number;
  readonly port?: number;
  readonly server?: ServerSettings;
  /** The servers' ports; 0: that of the packet. */
  readonly ports?: readonly number[];
  readonly settings?: ServiceSettings;
  readonly isLoose?: boolean;
  /** Servers of the other family. */
  readonly isCrossed?: boolean;
}

const MARK = 7;
const LOCAL = { 4: ["10.0.0.201", "10.0.0.202"], 6: ["2001:db8:a::201"] } as const;

const PLANS: readonly Plan[] = [
  { protocol: "tcp", scheduler: "wlc", method: FORWARD_MASQ, ports: [8080, 80] },
  { protocol: "udp", scheduler: "rr", method: FORWARD_MASQ, port: 53, ports: [53, 5353] },
  {
    protocol: "sctp",
    scheduler: "wrr",
    method: FORWARD_MASQ,
    port: 5000,
    ports: [5000, 5001],
    isLoose: true,
  },
  { protocol: "tcp", scheduler: "wrr", method: FORWARD_ROUTE },
  { protocol: "udp", scheduler: "lc", method: FORWARD_ROUTE, port: 0, settings: { persistence: 60 } },
  {
    protocol: "tcp",
    scheduler: "sh",
    method: FORWARD_TUNNEL,
    server: { tunnelType: TUNNEL_IPIP },
    settings: { flags: POOL_FLAG_1 | POOL_FLAG_2 },
  },
  {
    protocol: "udp",
    scheduler: "dh",
    method: FORWARD_TUNNEL,
    port: 53,
    server: { tunnelType: TUNNEL_GRE, tunnelChecksum: TUNNEL_CHECKSUM },
  },
  {
    protocol: "udp",
    scheduler: "rr",
    method: FORWARD_TUNNEL,
    port: 53,
    server: { tunnelType: TUNNEL_GUE, tunnelPort: 5555 },
  },
  {
    protocol: "tcp",
    scheduler: "mh",
    method: FORWARD_TUNNEL,
    server: { tunnelType: TUNNEL_GUE, tunnelPort: 5555, tunnelChecksum: TUNNEL_REMOTE_CHECKSUM },
    isLoose: true,
  },
  {
    protocol: "udp",
    scheduler: "rr",
    method: FORWARD_TUNNEL,
    port: 4000,
    server: { tunnelType: TUNNEL_GRE },
    isCrossed: true,
    isLoose: true,
  },
  {
    protocol: "tcp",
    scheduler: "mh",
    method: FORWARD_FULLNAT,
    ports: [8080, 80],
    settings: { localAddresses: [], flags: POOL_FLAG_1 },
  },
  {
    protocol: "udp",
    scheduler: "nq",
    method: FORWARD_FULLNAT,
    port: 53,
    ports: [53, 53],
    settings: { localAddresses: [] },
  },
  {
    protocol: "tcp",
    scheduler: "sed",
    method: FORWARD_FULLNAT,
    ports: [8080, 80],
    settings: { localAddresses: [], flags: POOL_TOA },
    isLoose: true,
  },
  {
    protocol: "tcp",
    scheduler: "nq",
    method: FORWARD_FULLNAT,
    ports: [8080, 80],
    settings: { localAddresses: [], flags: POOL_PROXY },
    isLoose: true,
  },
  {
    protocol: "udp",
    scheduler: "fo",
    method: FORWARD_MASQ,
    port: 53,
    ports: [53, 53],
    settings: { flags: POOL_ONE_PACKET },
  },
  { protocol: "tcp", scheduler: "ovf", method: FORWARD_LOCAL, isLoose: true },
  { protocol: "tcp", scheduler: "lblc", method: FORWARD_ROUTE, settings: { persistence: 30 } },
  {
    protocol: "tcp",
    scheduler: "lblcr",
    method: FORWARD_MASQ,
    port: 0,
    ports: [0, 0],
    settings: { persistence: 30 },
  },
  { protocol: "mark", scheduler: "twos", method: FORWARD_MASQ, port: 0, ports: [0, 0], isLoose: true },
  {
    protocol: "tcp",
    scheduler: "wlc",
    method: FORWARD_MASQ,
    port: 443,
    ports: [443, 443],
    server: { upper: 20, lower: 5 },
    isLoose: true,
  },
];

const SOURCES = { 4: "10.0.0.254", 6: "2001:db8:a::fe" } as const;

function virtualText(family: 4 | 6, index: number): string {
  return family === 4 ? `192.0.2.${index + 1}` : `2001:db8:f::${(index + 1).toString(16)}`;
}

function serverText(family: 4 | 6, number: number): string {
  return family === 4 ? `10.0.0.${number}` : `2001:db8:a::${number}`;
}

function endpointText(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A director of the simulator with all services, and what they are. `isRandom`: with schedulers that draw lots. */
export function buildScene(isRandom: boolean): { director: TestDirector; services: FuzzService[] } {
  const director = new TestDirector({ connectionLimit: LIMIT, entries: ENTRIES });
  const services: FuzzService[] = [];
  const pending: (() => void)[] = [];
  for (const family of [4, 6] as const) {
    for (const [index, plan] of PLANS.entries()) {
      const { method, port = 80, ports = [port, port] } = plan;
      const isMark = plan.protocol === "mark";
      const protocol = isMark && family === 6 ? "mark6" : plan.protocol;
      const host = virtualText(family, index);
      const endpoint = isMark ? String(MARK) : endpointText(host, port);
      const scheduler = plan.scheduler === "twos" && !isRandom ? "lc" : plan.scheduler;
      const { localAddresses, ...settings } = plan.settings ?? {};
      director.configuration.addService(protocol, endpoint, scheduler, {
        ...settings,
        ...(settings.persistence === undefined || family === 4 ? {} : { mask: "64" }),
        ...(localAddresses === undefined ? {} : { localAddresses: LOCAL[family] }),
      });
      const serverFamily = plan.isCrossed ? (family === 4 ? 6 : 4) : family;
      // Every service has servers of its own addresses, but for the few that there are of IPv6.
      const hosts = [0, 1].map((i) => serverText(serverFamily, ((index * 2 + i) % 9) + 1));
      const servers = hosts.map((text, i) => ({ address: ip(text), port: ports[i]! }));
      const slots: number[] = [];
      for (const [i, text] of hosts.entries()) {
        pending.push(() =>
          slots.push(
            director.configuration.addServer(protocol, endpoint, endpointText(text, ports[i]!), {
              weight: i + 1,
              method,
              source: SOURCES[serverFamily],
              isLocal: method === FORWARD_LOCAL,
              ...plan.server,
            }),
          ),
        );
      }
      services.push({
        name: `${family} ${plan.protocol} ${index}`,
        family,
        protocol,
        address: ip(host),
        port,
        mark: isMark ? MARK : 0,
        method,
        servers,
        slots,
        isExact: plan.isLoose !== true,
        isOnePacket: ((settings.flags ?? 0) & POOL_ONE_PACKET) !== 0,
      });
    }
  }
  // Services take the first slots, of which there are fewer.
  for (const add of pending) add();
  return { director, services };
}
