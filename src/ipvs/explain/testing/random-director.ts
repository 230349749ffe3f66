/** Random configurations of a director, as commands: services of every kind over servers of every method. */
import type { Random } from "../../../kernel/fuzz/random.ts";
import {
  LOCAL,
  MARKS,
  PORTS,
  SERVER_PORTS,
  serverAddress,
  VIRTUAL,
} from "../../../kernel/testing/random-configuration.ts";
import type { Command } from "../../administration.ts";
import type { Destination, Family, ServiceKey, VirtualService } from "../../model.ts";
import { hostMask, serviceId } from "../../model.ts";

const SCHEDULERS = [
  ...["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq", "fo", "ovf", "twos"],
] as const;
const METHODS = ["masquerade", "masquerade", "route", "tunnel", "fullnat"] as const;
const TUNNELS = ["ipip", "gue", "gre"] as const;
const GUE_PORT = 6080;

/** Sysctls that decide about packets, and values for them. */
const SYSCTLS: Readonly<Record<string, readonly number[]>> = {
  sloppy_tcp: [0, 0, 0, 1],
  sloppy_sctp: [0, 0, 0, 1],
  expire_nodest_conn: [0, 1],
  expire_quiescent_template: [0, 1],
  conn_reuse_mode: [0, 1, 1, 3],
  cache_bypass: [0, 0, 0, 1],
  nat_icmp_send: [0, 0, 0, 1],
  pmtu_disc: [1, 1, 0],
};

/** Numbers of servers that there are neighbours for, and of one whose hardware address nobody knows. */
const SERVERS = [1, 2, 3, 4, 5];
const UNKNOWN = 99;
/** Servers that there is no way to. */
const NO_WAY = { 4: "203.0.113.50", 6: "2001:db8:99::50" } as const;

/** A configuration from nothing. Some of its commands may be refused. */
export function randomCommands(random: Random): Command[] {
  const commands: Command[] = [{ kind: "flush" }];
  for (const [name, values] of Object.entries(SYSCTLS)) {
    commands.push({ kind: "set-sysctl", name, value: String(random.of(values)) });
  }
  const taken = new Set<string>();
  for (let count = 2 + random.below(5); count > 0; count--) {
    const service = randomService(random);
    const id = serviceId(service.key);
    if (taken.has(id)) continue;
    taken.add(id);
    commands.push({ kind: "add-service", service });
    for (let servers = random.below(6); servers > 0; servers--) {
      commands.push({
        kind: "add-destination",
        service: service.key,
        destination: randomServer(random, service.key),
      });
    }
    if (random.once(2)) {
      for (const address of LOCAL[service.key.family]) {
        commands.push({ kind: "add-local-address", service: service.key, address });
      }
    }
  }
  return commands;
}

/** A change or two of that configuration while connections are there. */
export function randomChanges(random: Random, commands: readonly Command[]): Command[] {
  const servers = commands.flatMap((command) => (command.kind === "add-destination" ? [command] : []));
  if (servers.length === 0) return [];
  return Array.from({ length: 1 + random.below(2) }, (): Command => {
    const { service, destination } = random.of(servers);
    if (random.once(2)) return { kind: "delete-destination", service, destination };
    // Connections that there are keep their method.
    if (random.once(4)) {
      const edited = { ...destination, method: random.of(["masquerade", "route"] as const), tunnel: null };
      return { kind: "edit-destination", service, destination: edited };
    }
    return { kind: "edit-destination", service, destination: { ...destination, weight: random.below(3) } };
  });
}

function randomService(random: Random): VirtualService {
  const key = randomKey(random);
  const isAnyPort = key.kind === "address" && key.port === 0;
  const isTcp = key.kind === "address" && key.protocol === "tcp";
  const mayBeOne = key.kind === "mark" || key.protocol === "udp";
  const { family } = key;
  const mask = random.once(4) ? (family === 4 ? 0xffffff00 : 64) : hostMask(family);
  return {
    key,
    scheduler: random.of(SCHEDULERS),
    schedulerFlags: random.below(4),
    persistence: isAnyPort || random.once(3) ? { timeout: 300, mask } : null,
    engine: null,
    onePacket: mayBeOne && random.once(4),
    clientAddress: isTcp && random.once(4) ? random.of(["toa", "proxy-v2"]) : "hidden",
  };
}

function randomKey(random: Random): ServiceKey {
  const family: Family = random.once(3) ? 6 : 4;
  if (random.once(6)) return { kind: "mark", family, mark: random.of(MARKS) };
  const protocol = random.of(["tcp", "tcp", "udp", "udp", "sctp"] as const);
  const port = random.once(8) ? 0 : random.of(PORTS);
  return { kind: "address", family, protocol, address: random.of(VIRTUAL[family]), port };
}

function randomServer(random: Random, key: ServiceKey): Destination {
  const method = random.of(METHODS);
  const family: Family = method === "tunnel" && random.once(3) ? (key.family === 4 ? 6 : 4) : key.family;
  const own = key.kind === "mark" ? 0 : key.port;
  const isNat = method === "masquerade" || method === "fullnat";
  const upperThreshold = random.once(4) ? 1 + random.below(3) : 0;
  const type = random.of(TUNNELS);
  return {
    family,
    address: random.once(20)
      ? NO_WAY[family]
      : serverAddress(family, random.once(20) ? UNKNOWN : random.of(SERVERS)),
    port: isNat && own !== 0 && random.once(2) ? random.of(SERVER_PORTS) : own,
    method,
    tunnel:
      method === "tunnel"
        ? {
            type,
            port: type === "gue" ? GUE_PORT : 0,
            checksum: type === "ipip" ? "none" : random.of(["none", "full"]),
          }
        : null,
    weight: random.below(4),
    upperThreshold,
    lowerThreshold: upperThreshold === 0 ? 0 : random.below(upperThreshold),
  };
}
