/**
 * A director in memory for tests: a machine with the datapath's program, two interfaces and routes as in the recordings of
 * packets (recordings/packets, "topology").
 */
import {
  createMachine,
  FIB_FRAGMENTATION_NEEDED,
  FIB_NO_NEIGHBOUR,
  FIB_NOT_FORWARDED,
  FIB_SUCCESS,
  type FibLookup,
  type Machine,
  type PacketOptions,
  SimulatedPacket,
} from "../../bpf/index.ts";
import { formatEndpoint } from "../../net/index.ts";
import { arm } from "../arm.ts";
import { ingress } from "../ingress.ts";
import { installPrograms } from "../install.ts";
import {
  type Counters,
  connectionTable,
  counters,
  destinationTable,
  Events,
  events,
  FLOW_WAYS,
  flows,
  KIND_ENGINE,
  KIND_IPV6,
  STATE_MASK,
  STATE_NAMES,
  STATE_REMOVED,
  settings,
  TICK_SHIFT,
  wide,
} from "../tables.ts";
import { Configuration } from "./configure.ts";
import { smallTables } from "./small-tables.ts";

export const CLIENT_SIDE = 2;
export const SERVER_SIDE = 3;
export const CLIENT_MAC = 0x020000000001;
export const CLIENT_SIDE_MAC = 0x020000000002;
export const SERVER_SIDE_MAC = 0x020000000003;
export const SERVER_MAC = 0x020000000004;

export interface DirectorOptions {
  readonly connectionLimit?: number;
  readonly cpus?: number;
  readonly options?: Readonly<Record<string, number | boolean>>;
  /** Whether there are routes. Default: yes. */
  readonly forwarding?: boolean;
  /** How routes are looked up. Default: as the recordings' topology says, every neighbour being known. */
  readonly routes?: (request: FibLookup) => number;
  /** Numbers of entries that differ from the tables' own, by map name. */
  readonly entries?: Readonly<Record<string, number>>;
}

/** What became of a packet. */
export interface Outcome {
  readonly verdict: number;
  readonly packet: SimulatedPacket;
  /** The interface it was sent out of, 0 if it was not. */
  readonly out: number;
}

/** A connection of the table, in words. */
export interface ListedConnection {
  readonly state: string;
  /** Seconds left. */
  readonly expires: number;
  readonly source: string;
  readonly virtual: string;
  readonly destination: string;
}

const AF_INET6 = 10;

/** The interface towards an address (recordings: packets, "topology"); 0: the director's own, or nobody's. */
function interfaceTo([first = 0, second = 0]: readonly number[], isIpv6: boolean): number {
  if (isIpv6) {
    // 2001:db8:1::/48 and 2001:db8:c::/64 are the client's, 2001:db8:a::/64 the servers'.
    if (first !== 0x20010db8) return 0;
    if (second >>> 16 === 1 || second === 0xc0000) return CLIENT_SIDE;
    return second === 0xa0000 ? SERVER_SIDE : 0;
  }
  // 198.18.0.0/15 is the client's, 10.0.0.0/24 the servers'.
  if (first >>> 17 === 0xc612 >>> 1 || first === 0xa9fe0101) return CLIENT_SIDE;
  return first >>> 8 === 0x0a0000 ? SERVER_SIDE : 0;
}

/** An address and port; of IPv6 the address is told by the table `wide`, field `part`. */
function endpointText(slot: number, part: "client" | "virtual" | "server", port: number): string {
  const connection = connectionTable.lookup(slot)!;
  const hasWords = (connection.kind & KIND_IPV6) !== 0;
  const server = destinationTable.lookup(connection.destination)!;
  // Through a tunnel, the server may be of the other family.
  const isIpv6 = part === "server" && server.family !== 0 ? server.family === 6 : hasWords;
  const bytes = new DataView(new ArrayBuffer(isIpv6 ? 16 : 4));
  const isEngines = (connection.kind & KIND_ENGINE) !== 0 && part === "client";
  const words =
    part === "server" && isIpv6 !== hasWords
      ? server.address.words
      : hasWords
        ? wide.lookup(slot)![part].words
        : [isEngines ? connection.local : connection[part]];
  for (let i = 0; i < bytes.byteLength / 4; i++) bytes.setUint32(4 * i, words[i]!);
  return formatEndpoint({ address: new Uint8Array(bytes.buffer), port: isEngines ? 0 : port });
}

export class TestDirector {
  readonly machine: Machine;
  readonly configuration: Configuration;
  /** MTU by interface. */
  readonly mtus = new Map([
    [CLIENT_SIDE, 1500],
    [SERVER_SIDE, 1500],
  ]);
  /** Whether the neighbours are known to the kernel. */
  neighboursKnown = true;
  /** How often the routing table was asked. */
  lookups = 0;
  readonly #limit: number;

  constructor(options: DirectorOptions = {}) {
    this.#limit = options.connectionLimit ?? 64;
    this.machine = createMachine({
      cpus: options.cpus ?? 1,
      time: 5_000_000_000n,
      options: { cpus: options.cpus ?? 1, ...options.options },
      entries: {
        ...smallTables(this.#limit, { services: 4096, servers: 4096 }),
        ...options.entries,
      },
      ...(options.forwarding === false ? {} : { fib: options.routes ?? ((request) => this.#route(request)) }),
    });
    installPrograms(this.machine);
    this.configuration = new Configuration(this.machine, this.#limit);
    const started = this.machine.run(() => arm(new SimulatedPacket(new Uint8Array(14))));
    if (started !== 0) throw new Error(`the clock did not start: ${started}`);
  }

  /** Lets a frame come in. */
  receive(bytes: Uint8Array, options: PacketOptions = {}): Outcome {
    return this.receivePacket(new SimulatedPacket(bytes, options));
  }

  /** Lets a packet come in. */
  receivePacket(packet: SimulatedPacket): Outcome {
    const verdict = this.machine.execute(ingress, packet);
    return { verdict, packet, out: packet.redirected?.ifindex ?? 0 };
  }

  /** Lets time pass. */
  wait(seconds: number): void {
    this.machine.clock.advance(BigInt(Math.round(seconds * 1e9)));
  }

  /** The live connections, in table order. */
  connections(): ListedConnection[] {
    return this.machine.run(() => {
      const now = Number(this.machine.now() >> TICK_SHIFT);
      const list: ListedConnection[] = [];
      for (let slot = 0; slot < this.#limit; slot++) {
        const each = connectionTable.lookup(slot)!;
        if ((each.state & STATE_MASK) === 0 || (each.state & STATE_REMOVED) !== 0) continue;
        list.push({
          state: STATE_NAMES[each.state & STATE_MASK]!,
          expires: ((each.expires - now) * Number(1n << TICK_SHIFT)) / 1e9,
          source: endpointText(slot, "client", each.clientPort),
          virtual: endpointText(slot, "virtual", each.virtualPort),
          destination: endpointText(slot, "server", each.serverPort),
        });
      }
      return list;
    });
  }

  /** How many words of the flow table are taken: two for each connection. */
  flowWords(): number {
    return this.machine.run(() => {
      let count = 0;
      for (let bucket = 0; bucket < this.#limit; bucket++) {
        const { ways } = flows.lookup(bucket)!;
        for (let i = 0; i < FLOW_WAYS; i++) if (ways[i]!.word !== 0) count += 1;
      }
      return count;
    });
  }

  /** Active and inactive connections of a destination. */
  load(slot: number): { readonly active: number; readonly inactive: number } {
    return this.machine.run(() => {
      const { active, inactive } = destinationTable.lookup(slot)!;
      return { active, inactive };
    });
  }

  /** Persistence templates of a destination. */
  templatesOf(slot: number): number {
    return this.machine.run(() => destinationTable.lookup(slot)!.persistent);
  }

  /** The counters of a destination, over all CPUs, as numbers. */
  counters(slot: number): Record<keyof Counters, number> {
    return this.machine.run(() => {
      const sum = { connections: 0, inPackets: 0, inBytes: 0, outPackets: 0, outBytes: 0 };
      for (let cpu = 0; cpu < this.machine.cpus; cpu++) {
        const part = counters.lookupOn(slot, cpu)!;
        for (const name of Object.keys(sum) as (keyof Counters)[]) sum[name] += Number(part[name]);
      }
      return sum;
    });
  }

  /** What the datapath counted about itself. */
  events(): Record<string, number> {
    return this.machine.run(() => {
      const sum: Record<string, number> = {};
      for (let cpu = 0; cpu < this.machine.cpus; cpu++) {
        const part = events.lookupOn(0, cpu)!;
        for (const name of Object.keys(Events.field) as (keyof Events)[])
          sum[name] = (sum[name] ?? 0) + Number(part[name]);
      }
      return sum;
    });
  }

  setEpoch(epoch: number): void {
    this.machine.run(() => {
      settings.at(0).epoch = epoch;
    });
  }

  #route(request: FibLookup): number {
    this.lookups += 1;
    const out = interfaceTo(Array.from(request.destination), request.family === AF_INET6);
    if (out === 0) return FIB_NOT_FORWARDED;
    request.ifindex = out;
    const mtu = this.mtus.get(out)!;
    if (request.totalLength > mtu) {
      request.totalLength = mtu;
      return FIB_FRAGMENTATION_NEEDED;
    }
    if (!this.neighboursKnown) return FIB_NO_NEIGHBOUR;
    request.totalLength = mtu;
    const [from, neighbour] =
      out === CLIENT_SIDE ? [CLIENT_SIDE_MAC, CLIENT_MAC] : [SERVER_SIDE_MAC, SERVER_MAC];
    for (let i = 0; i < 6; i++) {
      request.sourceMac[i] = Math.floor(from / 2 ** (40 - 8 * i)) & 255;
      request.destinationMac[i] = Math.floor(neighbour / 2 ** (40 - 8 * i)) & 255;
    }
    return FIB_SUCCESS;
  }
}
