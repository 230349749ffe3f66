/**
 * A configuration written into a machine's maps in the layout that `tables.ts` describes: enough administration for tests of
 * the datapath. Everything is written at once; how to do that under traffic is the administration's business.
 */
import type { Machine } from "../../bpf/index.ts";
import { make } from "../../bpf/index.ts";
import { ipv4ToNumber, parseIpv4 } from "../../net/index.ts";
import { currentWeightAfterEdit } from "../schedule/wrr-weight.ts";
import { DEFAULT_TIMEOUTS } from "../state/default-timeouts.ts";
import {
  destinationTable,
  LAYOUT_VERSION,
  members,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  pools,
  SCHEDULER_LC,
  SCHEDULER_RR,
  SCHEDULER_WLC,
  SCHEDULER_WRR,
  SERVICE_IPV4,
  ServerEntry,
  ServerKey,
  ServiceEntry,
  ServiceKey,
  STATE_UDP,
  servers,
  services,
  serviceTable,
  settings,
  TICK_SHIFT,
} from "../tables.ts";

export const SCHEDULERS: Readonly<Record<string, number>> = {
  rr: SCHEDULER_RR,
  wrr: SCHEDULER_WRR,
  lc: SCHEDULER_LC,
  wlc: SCHEDULER_WLC,
};

/** An address and port: "192.0.2.1:80". */
export type EndpointText = string;

export function addressOf(endpoint: EndpointText): number {
  const bytes = parseIpv4(endpoint.split(":")[0]!);
  if (bytes === undefined) throw new Error(`not an IPv4 endpoint: ${endpoint}`);
  return ipv4ToNumber(bytes);
}

export function portOf(endpoint: EndpointText): number {
  return Number(endpoint.split(":")[1]);
}

export interface ServerSettings {
  readonly weight?: number;
  readonly upper?: number;
  readonly lower?: number;
}

interface ConfiguredServer {
  readonly endpoint: EndpointText;
  readonly slot: number;
  weight: number;
}

interface ConfiguredService {
  readonly protocol: "tcp" | "udp";
  readonly endpoint: EndpointText;
  readonly slot: number;
  scheduler: string;
  servers: ConfiguredServer[];
  /** Slots of removed servers. */
  readonly removed: Map<EndpointText, number>;
  /** Which of its two pools is in use: 0 or 1. */
  half: number;
  generation: number;
  /** Where its scheduler stands: wrr's current weight, and the server that rr chose last. */
  currentWeight: number;
  last: ConfiguredServer | undefined;
}

const NOWHERE = 0xffff;
const MEMBERS_A_POOL = 64;

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Writes and edits the configuration of one machine. */
export class Configuration {
  readonly #machine: Machine;
  readonly #services = new Map<string, ConfiguredService>();
  #slots = 1;

  constructor(machine: Machine, connectionLimit: number) {
    this.#machine = machine;
    machine.run(() => {
      const all = settings.at(0);
      all.layout = LAYOUT_VERSION;
      all.epoch = 1;
      all.connectionLimit = connectionLimit;
      all.cpus = machine.cpus;
    });
    this.setTimeouts(DEFAULT_TIMEOUTS);
  }

  /** Sets the timeouts of all states, s. */
  setTimeouts(seconds: readonly number[]): void {
    this.#machine.run(() => {
      for (const [state, value] of seconds.entries()) {
        settings.at(0).timeouts[state] = Math.ceil((value * 1e9) / Number(1n << TICK_SHIFT));
      }
    });
  }

  /** What `ipvsadm --set` does; 0 keeps a value. */
  setTcpFinUdp(tcp: number, tcpFin: number, udp: number): void {
    const seconds = [...DEFAULT_TIMEOUTS];
    if (tcp !== 0) seconds[1] = tcp;
    if (tcpFin !== 0) seconds[4] = tcpFin;
    if (udp !== 0) seconds[STATE_UDP] = udp;
    this.setTimeouts(seconds);
  }

  addService(protocol: "tcp" | "udp", endpoint: EndpointText, scheduler: string): void {
    const service: ConfiguredService = {
      protocol,
      endpoint,
      slot: this.#slots++,
      scheduler,
      servers: [],
      removed: new Map(),
      half: 0,
      generation: 0,
      currentWeight: 0,
      last: undefined,
    };
    this.#services.set(`${protocol} ${endpoint}`, service);
    this.#publish(service);
    this.#machine.run(() => {
      const entry = make(ServiceEntry, { service: service.slot, epoch: settings.at(0).epoch });
      services.update(this.#key(service), entry);
      serviceTable.lookup(service.slot)!.inUse = 1;
    });
  }

  editService(protocol: "tcp" | "udp", endpoint: EndpointText, scheduler: string): void {
    const service = this.#look(this.#service(protocol, endpoint));
    service.scheduler = scheduler;
    this.#publish(service);
  }

  deleteService(protocol: "tcp" | "udp", endpoint: EndpointText): void {
    const service = this.#service(protocol, endpoint);
    this.#machine.run(() => services.delete(this.#key(service)));
    for (const server of [...service.servers]) this.deleteServer(protocol, endpoint, server.endpoint);
    this.#services.delete(`${protocol} ${endpoint}`);
  }

  /** The new server becomes the first of the list. Returns its slot. */
  addServer(
    protocol: "tcp" | "udp",
    endpoint: EndpointText,
    server: EndpointText,
    { weight = 1, upper = 0, lower = 0 }: ServerSettings = {},
  ): number {
    const service = this.#look(this.#service(protocol, endpoint));
    // A server that was removed comes back to its slot, and to the connections that are left of it.
    const slot = service.removed.get(server) ?? this.#slots++;
    service.servers.unshift({ endpoint: server, slot, weight });
    this.#machine.run(() => {
      const destination = destinationTable.lookup(slot)!;
      destination.address.words[0] = addressOf(server);
      destination.family = 4;
      destination.port = portOf(server);
      destination.available = 1;
      destination.inUse = 1;
      destination.upper = upper;
      destination.lower = lower;
      destination.service = service.slot;
      settings.at(0).destinationEnd = this.#slots;
      const key = make(ServerKey, {
        port: portOf(server),
        protocol: protocol === "tcp" ? PROTOCOL_TCP : PROTOCOL_UDP,
      });
      key.address.words[0] = addressOf(server);
      const entry = make(ServerEntry, { port: portOf(endpoint), destination: slot });
      entry.virtual.words[0] = addressOf(endpoint);
      servers.update(key, entry);
    });
    this.#edited(service);
    return slot;
  }

  editServer(
    protocol: "tcp" | "udp",
    endpoint: EndpointText,
    server: EndpointText,
    { weight = 1, upper = 0, lower = 0 }: ServerSettings = {},
  ): void {
    const service = this.#look(this.#service(protocol, endpoint));
    const found = service.servers.find((each) => each.endpoint === server)!;
    found.weight = weight;
    this.#machine.run(() => {
      const destination = destinationTable.lookup(found.slot)!;
      destination.upper = upper;
      destination.lower = lower;
    });
    this.#edited(service);
  }

  deleteServer(protocol: "tcp" | "udp", endpoint: EndpointText, server: EndpointText): void {
    const service = this.#look(this.#service(protocol, endpoint));
    const position = service.servers.findIndex((each) => each.endpoint === server);
    const removed = service.servers[position]!;
    if (service.last === removed) service.last = service.servers[position - 1];
    service.servers.splice(position, 1);
    service.removed.set(server, removed.slot);
    this.#machine.run(() => {
      destinationTable.lookup(removed.slot)!.available = 0;
    });
    this.#edited(service);
  }

  /** The slots of a service's destinations by endpoint. */
  serversOf(protocol: "tcp" | "udp", endpoint: EndpointText): ReadonlyMap<EndpointText, number> {
    return new Map(this.#service(protocol, endpoint).servers.map((each) => [each.endpoint, each.slot]));
  }

  /** All servers of all services: endpoint, weight and slot. */
  allServers(): readonly {
    readonly endpoint: EndpointText;
    readonly weight: number;
    readonly slot: number;
  }[] {
    return [...this.#services.values()].flatMap((service) => service.servers);
  }

  #service(protocol: "tcp" | "udp", endpoint: EndpointText): ConfiguredService {
    const service = this.#services.get(`${protocol} ${endpoint}`);
    if (service === undefined) throw new Error(`no service ${protocol} ${endpoint}`);
    return service;
  }

  /** Notes where the service's scheduler stands, if it has chosen since the last edit. */
  #look(service: ConfiguredService): ConfiguredService {
    const cursor = this.#machine.run(() => serviceTable.lookup(service.slot)!.cursor);
    if (service.scheduler === "rr" && Number(cursor >> 40n) === service.generation) {
      service.last = service.servers[Number(cursor & 0xffffn)];
    }
    if (service.scheduler === "wrr" && Number(cursor >> 47n) === service.generation) {
      service.currentWeight = Number((cursor >> 16n) & 0x7fffffffn);
    }
    return service;
  }

  #key(service: ConfiguredService): ServiceKey {
    const key = make(ServiceKey, {
      port: portOf(service.endpoint),
      protocol: service.protocol === "tcp" ? PROTOCOL_TCP : PROTOCOL_UDP,
      kind: SERVICE_IPV4,
    });
    key.address.words[0] = addressOf(service.endpoint);
    return key;
  }

  /** The servers changed: so does the current weight, as the scheduler's would. */
  #edited(service: ConfiguredService): void {
    const { maximum, divisor } = weightsOf(service);
    service.currentWeight = currentWeightAfterEdit(service.currentWeight, maximum, divisor);
    this.#publish(service);
  }

  #publish(service: ConfiguredService): void {
    service.half = 1 - service.half;
    service.generation += 1;
    const index = service.slot * 2 + service.half;
    const { maximum, divisor } = weightsOf(service);
    this.#machine.run(() => {
      const pool = pools.lookup(index)!;
      pool.scheduler = SCHEDULERS[service.scheduler] ?? 0;
      pool.generation = service.generation;
      pool.start = index * MEMBERS_A_POOL;
      pool.count = service.servers.length;
      pool.maximumWeight = maximum;
      pool.weightDivisor = divisor;
      pool.initialWeight = service.currentWeight;
      pool.resume = service.last === undefined ? NOWHERE : service.servers.indexOf(service.last);
      for (const [position, server] of service.servers.entries()) {
        const member = members.lookup(pool.start + position)!;
        member.destination = server.slot;
        member.weight = server.weight;
      }
      serviceTable.lookup(service.slot)!.pool = index;
    });
  }
}

function weightsOf(service: ConfiguredService): { readonly maximum: number; readonly divisor: number } {
  const weights = service.servers.map((server) => server.weight);
  const divisor = weights.filter((weight) => weight > 0).reduce(greatestCommonDivisor, 0);
  return { maximum: Math.max(0, ...weights), divisor: divisor === 0 ? 1 : divisor };
}
