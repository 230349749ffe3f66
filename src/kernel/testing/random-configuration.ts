/** Random configurations: services of every kind over servers of every method. */
import type { Random } from "../fuzz/random.ts";
import {
  FORWARD_FULLNAT,
  FORWARD_MASQ,
  FORWARD_ROUTE,
  FORWARD_TUNNEL,
  POOL_FLAG_1,
  POOL_FLAG_2,
  POOL_ONE_PACKET,
  POOL_SIP,
  TUNNEL_CHECKSUM,
  TUNNEL_GRE,
  TUNNEL_GUE,
  TUNNEL_IPIP,
  TUNNEL_NO_CHECKSUM,
  TUNNEL_REMOTE_CHECKSUM,
} from "../tables.ts";
import type { Configuration } from "./configure.ts";
import { SCHEDULERS, type ServerSettings, type ServiceProtocol } from "./service-settings.ts";

/** Those that ask for no random numbers, which are not the same in two worlds. */
const FUZZED_SCHEDULERS = Object.keys(SCHEDULERS).filter((name) => !["twos", "lblc", "lblcr"].includes(name));

export const VIRTUAL = { 4: ["192.0.2.1", "192.0.2.2"], 6: ["2001:db8:f::1", "2001:db8:f::2"] } as const;
export const OWN = { 4: "10.0.0.254", 6: "2001:db8:a::fe" } as const;
export const LOCAL = { 4: ["10.0.0.201", "10.0.0.202"], 6: ["2001:db8:a::201"] } as const;
export const MARKS = [1, 2] as const;
export const PORTS = [53, 80, 443] as const;
export const SERVER_PORTS = [53, 80, 8080] as const;
export const GUE_PORT = 6080;

/** A service of a configuration, and its servers. */
export interface FuzzedService {
  readonly protocol: ServiceProtocol;
  readonly endpoint: string;
  readonly family: 4 | 6;
  readonly servers: string[];
}

export function withPort(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

export function serverAddress(family: 4 | 6, number: number): string {
  return family === 4 ? `10.0.0.${number}` : `2001:db8:a::${number}`;
}

function serviceSettings(
  random: Random,
  family: 4 | 6,
  protocol: ServiceProtocol,
): Parameters<Configuration["addService"]>[3] {
  const flags =
    (random.once(4) ? POOL_FLAG_1 : 0) |
    (random.once(4) ? POOL_FLAG_2 : 0) |
    (protocol === "udp" && random.once(5) ? POOL_ONE_PACKET : 0);
  const hasCalls = protocol !== "tcp" && protocol !== "sctp" && random.once(2);
  return {
    flags: hasCalls ? flags | POOL_SIP : flags,
    ...(random.once(hasCalls ? 1 : 3) ? { persistence: 60 } : {}),
    ...(random.once(6) ? { mask: family === 4 ? "255.255.255.0" : "64" } : {}),
    ...(random.once(2) ? { localAddresses: LOCAL[family] } : {}),
  };
}

/** A server for a service: its endpoint and settings. */
export function randomServer(
  random: Random,
  service: Pick<FuzzedService, "endpoint" | "family" | "protocol">,
): { readonly endpoint: string; readonly settings: ServerSettings } {
  const method = random.of([FORWARD_MASQ, FORWARD_MASQ, FORWARD_ROUTE, FORWARD_TUNNEL, FORWARD_FULLNAT]);
  const family =
    method === FORWARD_TUNNEL && random.once(3) ? (service.family === 4 ? 6 : 4) : service.family;
  const isMark = service.protocol === "mark" || service.protocol === "mark6";
  const own = isMark ? 0 : Number(service.endpoint.slice(service.endpoint.lastIndexOf(":") + 1));
  const isNat = method === FORWARD_MASQ || method === FORWARD_FULLNAT;
  const port = isNat && own !== 0 && random.once(2) ? random.of(SERVER_PORTS) : own;
  const upper = random.once(5) ? 1 + random.below(20) : 0;
  return {
    endpoint: withPort(serverAddress(family, 1 + random.below(4)), port),
    settings: {
      method,
      weight: random.below(4),
      upper,
      lower: upper === 0 ? 0 : random.below(upper),
      tunnelType: random.of([TUNNEL_IPIP, TUNNEL_GUE, TUNNEL_GRE]),
      tunnelPort: GUE_PORT,
      tunnelChecksum: random.of([TUNNEL_NO_CHECKSUM, TUNNEL_CHECKSUM, TUNNEL_REMOTE_CHECKSUM]),
      source: OWN[family],
    },
  };
}

/** Adds a server to a service, unless it has it. */
export function addServer(configuration: Configuration, service: FuzzedService, random: Random): void {
  const { endpoint, settings } = randomServer(random, service);
  if (service.servers.includes(endpoint)) return;
  configuration.addServer(service.protocol, service.endpoint, endpoint, settings);
  service.servers.push(endpoint);
}

function randomService(
  random: Random,
  taken: ReadonlySet<string>,
): Omit<FuzzedService, "servers"> | undefined {
  const family = random.once(3) ? 6 : 4;
  if (random.once(6)) {
    const protocol = family === 4 ? "mark" : "mark6";
    const endpoint = String(random.of(MARKS));
    return taken.has(`${protocol} ${endpoint}`) ? undefined : { protocol, endpoint, family };
  }
  const protocol = random.of(["tcp", "tcp", "udp", "udp", "sctp"] as const);
  const endpoint = withPort(random.of(VIRTUAL[family]), random.once(8) ? 0 : random.of(PORTS));
  return taken.has(`${protocol} ${endpoint}`) ? undefined : { protocol, endpoint, family };
}

/** Makes a random configuration. */
export function configure(configuration: Configuration, random: Random): FuzzedService[] {
  const taken = new Set<string>();
  const list: FuzzedService[] = [];
  for (let count = 3 + random.below(8); count > 0; count--) {
    const made = randomService(random, taken);
    if (made === undefined) continue;
    taken.add(`${made.protocol} ${made.endpoint}`);
    const service = { ...made, servers: [] };
    configuration.addService(
      service.protocol,
      service.endpoint,
      random.of(FUZZED_SCHEDULERS),
      serviceSettings(random, service.family, service.protocol),
    );
    for (let servers = random.below(5); servers > 0; servers--) addServer(configuration, service, random);
    list.push(service);
  }
  for (const name of [
    "schedule_icmp",
    "nat_icmp_send",
    "sloppy_tcp",
    "sloppy_sctp",
    "expire_nodest_conn",
    "cache_bypass",
  ]) {
    if (random.once(4)) configuration.setSysctl(name, 1);
  }
  if (random.once(4)) configuration.setSysctl("conn_reuse_mode", random.below(3));
  if (random.once(4)) configuration.setSysctl("pmtu_disc", 0);
  return list;
}

/** Changes a configuration a little: a server more, one less, another weight, another scheduler. */
export function reconfigure(
  configuration: Configuration,
  services: readonly FuzzedService[],
  random: Random,
): void {
  const service = random.of(services);
  const server = service.servers.length === 0 ? undefined : random.of(service.servers);
  const { protocol, endpoint } = service;
  switch (random.below(4)) {
    case 0:
      addServer(configuration, service, random);
      return;
    case 1:
      if (server === undefined) return;
      configuration.deleteServer(protocol, endpoint, server);
      service.servers.splice(service.servers.indexOf(server), 1);
      return;
    case 2:
      if (server !== undefined)
        configuration.editServer(protocol, endpoint, server, { weight: random.below(4) });
      return;
    default:
      configuration.editService(
        protocol,
        endpoint,
        random.of(FUZZED_SCHEDULERS),
        serviceSettings(random, service.family, protocol),
      );
  }
}
