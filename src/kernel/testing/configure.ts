/**
 * A configuration written into a machine's maps in the layout that `tables.ts` describes: enough administration for tests of
 * the datapath. Everything is written at once; how to do that under traffic is the administration's business.
 */
import type { Machine } from "../../bpf/index.ts";
import { copy, make } from "../../bpf/index.ts";
import { dhBuckets, maglevAddress, mhBuckets, shBuckets } from "../schedule/buckets.ts";
import { currentWeightAfterEdit, highestStep } from "../schedule/wrr-weight.ts";
import { DEFAULT_TIMEOUTS } from "../state/default-timeouts.ts";
import { defaultSysctls, findSysctl } from "../sysctls.ts";
import {
  type Address,
  buckets,
  destinationTable,
  FORWARD_MASQ,
  settings as general,
  LAYOUT_VERSION,
  localAddresses,
  members,
  pools,
  SERVICE_IPV4,
  SERVICE_IPV6,
  SERVICE_MARK,
  ServerEntry,
  ServerKey,
  ServiceEntry,
  ServiceKey,
  STATE_UDP,
  servers,
  services,
  serviceTable,
  TICK_SHIFT,
} from "../tables.ts";
import {
  type EndpointText,
  maskOf,
  PROTOCOLS,
  SCHEDULERS,
  type ServerSettings,
  type ServiceProtocol,
  type ServiceSettings,
  splitEndpoint,
  wordsOf,
} from "./service-settings.ts";

function setAddress(target: Address, address: string): void {
  for (const [i, word] of wordsOf(address).entries()) target.words[i] = word;
}

interface ConfiguredServer {
  readonly endpoint: EndpointText;
  readonly slot: number;
  weight: number;
  lastWeight: number;
}

interface ConfiguredService {
  readonly protocol: ServiceProtocol;
  readonly endpoint: EndpointText;
  readonly slot: number;
  scheduler: string;
  settings: ServiceSettings;
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
const LOCAL_ADDRESSES_A_SERVICE = 16;
const BUCKETS_A_POOL = 4096;

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
      const all = general.at(0);
      all.layout = LAYOUT_VERSION;
      all.epoch = 1;
      all.connectionLimit = connectionLimit;
      all.cpus = machine.cpus;
      for (const [index, word] of defaultSysctls().entries()) all.sysctls[index] = word;
    });
    this.setTimeouts(DEFAULT_TIMEOUTS);
  }

  /** Sets a sysctl by name. */
  setSysctl(name: string, value: number): void {
    const sysctl = findSysctl(name.replace("net/ipv4/vs/", ""));
    if (sysctl === undefined) throw new Error(`no sysctl ${name}`);
    this.#machine.run(() => {
      general.at(0).sysctls[sysctl.index] = value >>> 0;
    });
  }

  /** Sets the timeouts of all states, s. */
  setTimeouts(seconds: readonly number[]): void {
    this.#machine.run(() => {
      for (const [state, value] of seconds.entries()) {
        general.at(0).timeouts[state] = Math.ceil((value * 1e9) / Number(1n << TICK_SHIFT));
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

  addService(
    protocol: ServiceProtocol,
    endpoint: EndpointText,
    scheduler: string,
    settings: ServiceSettings = {},
  ): void {
    const service: ConfiguredService = {
      protocol,
      endpoint,
      slot: this.#slots++,
      scheduler,
      settings,
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
      const entry = make(ServiceEntry, { service: service.slot, epoch: general.at(0).epoch });
      services.update(this.#key(service), entry);
      const placed = serviceTable.lookup(service.slot)!;
      placed.inUse = 1;
      copy(placed.key, this.#key(service));
    });
  }

  editService(
    protocol: ServiceProtocol,
    endpoint: EndpointText,
    scheduler: string,
    settings: ServiceSettings = {},
  ): void {
    const service = this.#look(this.#service(protocol, endpoint));
    if (scheduler !== service.scheduler) {
      this.#machine.run(() => {
        serviceTable.lookup(service.slot)!.cursor = 0n;
      });
      const { maximum, divisor } = weightsOf(service);
      service.currentWeight = highestStep(maximum, divisor);
      service.last = undefined;
    }
    service.scheduler = scheduler;
    service.settings = settings;
    this.#publish(service);
  }

  deleteService(protocol: ServiceProtocol, endpoint: EndpointText): void {
    const service = this.#service(protocol, endpoint);
    this.#machine.run(() => services.delete(this.#key(service)));
    for (const server of [...service.servers]) this.deleteServer(protocol, endpoint, server.endpoint);
    this.#services.delete(`${protocol} ${endpoint}`);
  }

  /** The new server becomes the first of the list. Returns its slot. */
  addServer(
    protocol: ServiceProtocol,
    endpoint: EndpointText,
    server: EndpointText,
    settings: ServerSettings = {},
  ): number {
    const { weight = 1, upper = 0, lower = 0 } = settings;
    const service = this.#look(this.#service(protocol, endpoint));
    // A server that was removed comes back to its slot, and to the connections that are left of it.
    const slot = service.removed.get(server) ?? this.#slots++;
    service.servers.unshift({ endpoint: server, slot, weight, lastWeight: weight });
    this.#machine.run(() => {
      const destination = destinationTable.lookup(slot)!;
      const { host, port } = splitEndpoint(server);
      setAddress(destination.address, host);
      destination.family = host.includes(":") ? 6 : 4;
      destination.forward = settings.method ?? FORWARD_MASQ;
      destination.tunnelType = settings.tunnelType ?? 0;
      destination.tunnelPort = settings.tunnelPort ?? 0;
      destination.tunnelChecksum = settings.tunnelChecksum ?? 0;
      destination.isLocal = settings.isLocal === true ? 1 : 0;
      if (settings.source !== undefined) setAddress(destination.source, settings.source);
      destination.weight = weight;
      destination.port = port;
      destination.available = 1;
      destination.inUse = 1;
      destination.upper = upper;
      destination.lower = lower;
      destination.service = service.slot;
      general.at(0).destinationEnd = this.#slots;
      if (service.protocol === "mark" || service.protocol === "mark6") return;
      const virtual = splitEndpoint(endpoint);
      const key = make(ServerKey, { port, protocol: PROTOCOLS[protocol] });
      setAddress(key.address, host);
      const entry = make(ServerEntry, { port: virtual.port, destination: slot });
      setAddress(entry.virtual, virtual.host);
      servers.update(key, entry);
    });
    this.#edited(service);
    return slot;
  }

  editServer(
    protocol: ServiceProtocol,
    endpoint: EndpointText,
    server: EndpointText,
    settings: ServerSettings = {},
  ): void {
    const { weight = 1, upper = 0, lower = 0 } = settings;
    const service = this.#look(this.#service(protocol, endpoint));
    const found = service.servers.find((each) => each.endpoint === server)!;
    found.weight = weight;
    if (weight !== 0) found.lastWeight = weight;
    this.#machine.run(() => {
      const destination = destinationTable.lookup(found.slot)!;
      destination.upper = upper;
      destination.lower = lower;
      destination.weight = weight;
    });
    this.#edited(service);
  }

  deleteServer(protocol: ServiceProtocol, endpoint: EndpointText, server: EndpointText): void {
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
  serversOf(protocol: ServiceProtocol, endpoint: EndpointText): ReadonlyMap<EndpointText, number> {
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

  #service(protocol: ServiceProtocol, endpoint: EndpointText): ConfiguredService {
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

  #key({ protocol, endpoint }: ConfiguredService): ServiceKey {
    if (protocol === "mark" || protocol === "mark6") {
      const kind = SERVICE_MARK | (protocol === "mark" ? SERVICE_IPV4 : SERVICE_IPV6);
      const key = make(ServiceKey, { kind });
      key.address.words[0] = Number(endpoint);
      return key;
    }
    const { host, port } = splitEndpoint(endpoint);
    const kind = host.includes(":") ? SERVICE_IPV6 : SERVICE_IPV4;
    const key = make(ServiceKey, { port, protocol: PROTOCOLS[protocol], kind });
    setAddress(key.address, host);
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
      const { persistence = 0, mask, flags = 0, localAddresses: local = [] } = service.settings;
      pool.flags = flags;
      pool.persistence = Math.round((persistence * 1e9) / Number(1n << TICK_SHIFT));
      for (const [i, word] of maskOf(mask).entries()) pool.mask.words[i] = word;
      pool.localStart = service.slot * LOCAL_ADDRESSES_A_SERVICE;
      pool.localCount = local.length;
      for (const [i, address] of local.entries())
        setAddress(localAddresses.lookup(pool.localStart + i)!, address);
      pool.resume = service.last === undefined ? NOWHERE : service.servers.indexOf(service.last);
      pool.bucketStart = index * BUCKETS_A_POOL;
      for (const [i, destination] of bucketsOf(service).entries())
        buckets.lookup(pool.bucketStart + i)!.destination = destination;
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

/** The table of a scheduler that has one. */
function bucketsOf({
  protocol,
  endpoint: service,
  scheduler,
  servers: list,
}: ConfiguredService): Uint16Array {
  const family = protocol === "mark6" || service.includes("[") ? 6 : 4;
  const listed = list.map(({ endpoint, slot, weight, lastWeight }) => {
    const { host, port } = splitEndpoint(endpoint);
    const address = maglevAddress(wordsOf(host), family);
    return { destination: slot, weight, lastWeight, address, port };
  });
  if (scheduler === "dh") return dhBuckets(listed);
  if (scheduler === "sh") return shBuckets(listed);
  if (scheduler === "mh") return mhBuckets(listed);
  return new Uint16Array();
}
