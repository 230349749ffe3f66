/** Packets that nobody should send, and some that one may: of every kind, with every contradiction. */
import { ip } from "../../net/index.ts";
import type { Random } from "./random.ts";
import type { FuzzService } from "./scene.ts";
import { LINK, type PacketWriter } from "./writer.ts";

const NUMBERS = { tcp: 6, udp: 17, sctp: 132, mark: 6, mark6: 6 } as const;
const OTHERS = [6, 17, 132, 51, 50, 1, 58, 47, 4, 41, 0, 59, 255];
const FLAGS = [2, 2, 2, 2, 0x10, 0x10, 0x18, 0x11, 4, 0x14, 0x12, 1, 0, 0x3f, 3, 6];
const EXTENSIONS = [0, 60, 43, 135, 60, 51, 139, 59];
const ERRORS4 = [3, 3, 3, 11, 12, 4, 5, 0, 8, 13];
const ERRORS6 = [1, 2, 2, 3, 4, 128, 129, 137, 135, 100];
const TCP = 6;
const UDP = 17;
const SCTP = 132;
const CLIENTS = 48;
const PORTS = 24;
const DATAGRAMS = 12;
/** Local ports of FullNAT that may be hostile connections'; the first are valid ones'. */
const LOCAL_PORT = 1072;

/** The clients of hostile packets. Valid ones have others. */
function clientsOf(family: 4 | 6): Uint8Array[] {
  return Array.from({ length: CLIENTS }, (_, i) =>
    ip(family === 4 ? `198.18.0.${i + 1}` : `2001:db8:1::${(i + 1).toString(16)}`),
  );
}

function addressesOf(family: 4 | 6): { clients: Uint8Array[]; own: Uint8Array[]; strange: Uint8Array[] } {
  const own =
    family === 4
      ? ["10.0.0.254", "10.0.0.201", "169.254.1.2"]
      : ["2001:db8:a::fe", "2001:db8:a::201", "2001:db8:c::2"];
  const strange =
    family === 4
      ? ["0.0.0.0", "255.255.255.255", "127.0.0.1", "224.0.0.1", "203.0.113.9"]
      : ["::", "::1", "ff02::1", "fe80::1", "2001:db8:77::1"];
  return {
    clients: clientsOf(family),
    own: own.map((each) => ip(each)),
    strange: strange.map((each) => ip(each)),
  };
}

const ADDRESSES = { 4: addressesOf(4), 6: addressesOf(6) };

export class Hostile {
  readonly #writer: PacketWriter;
  readonly #services: { readonly 4: readonly FuzzService[]; readonly 6: readonly FuzzService[] };
  readonly #macs: readonly [Uint8Array, Uint8Array];
  /** Of the last packet: whether it comes from the servers' side, and its mark. */
  fromServers = false;
  mark = 0;
  #source: Uint8Array = ADDRESSES[4].clients[0]!;
  #destination: Uint8Array = ADDRESSES[4].clients[0]!;
  #sourcePort = 0;
  #destinationPort = 0;

  /** `macs`: the director's link-layer addresses towards clients and servers. */
  constructor(
    writer: PacketWriter,
    services: readonly FuzzService[],
    macs: readonly [Uint8Array, Uint8Array],
  ) {
    this.#writer = writer;
    this.#services = {
      4: services.filter((each) => each.family === 4),
      6: services.filter((each) => each.family === 6),
    };
    this.#macs = macs;
  }

  /** Writes a packet. */
  write(random: Random): void {
    const family = random.once(2) ? 4 : 6;
    const service = random.of(this.#services[family]);
    const writer = this.#writer;
    this.fromServers = random.once(4);
    this.mark = service.mark !== 0 && !random.once(8) ? service.mark : random.once(64) ? random.below(9) : 0;
    writer.begin(this.#macs[this.fromServers ? 1 : 0], family === 4 ? 0x0800 : 0x86dd);
    this.#choose(random, family, service);
    const protocol = random.below(10) < 7 ? NUMBERS[service.protocol] : random.of(OTHERS);
    this.#packet(random, family, service, protocol, 0);
    if (random.below(5) < 2) this.#corrupt(random, family);
    this.#spare();
  }

  /** What goes to the local port of a valid FullNAT connection, which a segment from its server could end, goes elsewhere. */
  #spare(): void {
    const { bytes } = this.#writer;
    const isIpv6 = bytes[12] === 0x86;
    const last = LINK + (isIpv6 ? 39 : 19);
    const isLocal = isIpv6
      ? bytes[last] === 1 && bytes[last - 1] === 2
      : bytes[last - 3] === 10 && (bytes[last] === 201 || bytes[last] === 202);
    if (!isLocal) return;
    const isPlain = !isIpv6 || bytes[LINK + 6] === TCP || bytes[LINK + 6] === UDP || bytes[LINK + 6] === SCTP;
    const port = this.#writer.get16(LINK + (isIpv6 ? 40 : (bytes[LINK]! & 15) * 4) + 2);
    if (!isPlain || (port >= 1024 && port < LOCAL_PORT)) bytes[last] = 99;
  }

  /** Who speaks to whom. */
  #choose(random: Random, family: 4 | 6, service: FuzzService): void {
    const { clients, own, strange } = ADDRESSES[family];
    this.#source = random.of(clients);
    this.#destination = random.once(12) ? random.of(random.once(2) ? own : strange) : service.address;
    this.#sourcePort = 1024 + random.below(PORTS);
    this.#destinationPort = service.port === 0 || random.once(8) ? random.below(65536) : service.port;
    if (!this.fromServers) return;
    const server = random.of(service.servers);
    if (server.address.length !== this.#source.length) return;
    this.#destination = random.once(6) ? random.of(own) : this.#source;
    this.#destinationPort = random.once(6) ? LOCAL_PORT + random.below(8) : this.#sourcePort;
    this.#source = server.address;
    this.#sourcePort = server.port === 0 ? random.below(65536) : server.port;
  }

  /** Exchanges both ends. */
  #turn(): void {
    const [source, port] = [this.#source, this.#sourcePort];
    this.#source = this.#destination;
    this.#sourcePort = this.#destinationPort;
    this.#destination = source;
    this.#destinationPort = port;
  }

  /** An IP packet at the end of what is written; `depth`: in how many others. */
  #packet(random: Random, family: 4 | 6, service: FuzzService, protocol: number, depth: number): void {
    const writer = this.#writer;
    const ttl = random.once(16) ? random.below(3) : 64;
    const network =
      family === 4
        ? writer.ipv4(
            this.#source,
            this.#destination,
            protocol,
            ttl,
            random.once(10) ? random.below(11) * 4 : 0,
          )
        : writer.ipv6(this.#source, this.#destination, protocol, ttl);
    if (family === 4 && !random.once(3)) writer.put16(network + 6, 0);
    let isLater = false;
    if (random.once(8)) isLater = this.#fragment(random, family, network, protocol);
    else if (family === 6 && random.once(5)) this.#extensions(random, network, protocol);
    const transport = writer.length;
    if (isLater) writer.noise(8 * random.below(8) + (random.once(4) ? random.below(8) : 0), random);
    else this.#transport(random, family, service, protocol, depth);
    writer.close(network, transport, isLater ? 255 : protocol);
  }

  #transport(random: Random, family: 4 | 6, service: FuzzService, protocol: number, depth: number): void {
    const writer = this.#writer;
    const size = random.once(60) ? random.below(1400) : random.once(2) ? 0 : random.below(48);
    if (protocol === TCP) {
      const flags = random.once(12) ? random.below(256) : random.of(FLAGS);
      const options = random.once(4) ? random.below(11) * 4 : 0;
      const at = writer.tcp(this.#sourcePort, this.#destinationPort, flags, random.next(), options);
      for (let i = 0; i < options; i++)
        if (random.once(2)) writer.bytes[at + 20 + i] = random.once(4) ? random.below(256) : 254;
      writer.payload(size);
    } else if (protocol === UDP) {
      writer.udp(this.#sourcePort, this.#destinationPort);
      if (depth === 0 && random.once(20)) this.#inner(random, family, service);
      else writer.payload(size);
    } else if (protocol === SCTP) {
      writer.udp(this.#sourcePort, this.#destinationPort);
      writer.noise(4, random);
      this.#chunks(random);
    } else if ((protocol === 1 || protocol === 58) && depth === 0) {
      this.#error(random, family, service);
    } else if ((protocol === 4 || protocol === 41 || protocol === 47) && depth === 0) {
      if (protocol === 47) {
        writer.put32(writer.length, random.once(2) ? (family === 4 ? 0x0800 : 0x86dd) : random.next());
        writer.length += 4;
      }
      this.#inner(random, family, service);
    } else {
      writer.noise(random.below(40), random);
    }
  }

  /** SCTP's chunks: their types, and lengths that may be wrong. */
  #chunks(random: Random): void {
    const writer = this.#writer;
    for (let i = random.below(4); i >= 0; i--) {
      const length = random.once(6) ? random.below(300) : 4 + random.below(20);
      writer.put32(writer.length, (random.below(random.once(8) ? 256 : 15) << 24) | length);
      writer.length += 4;
      writer.payload(Math.max(0, ((Math.min(length, 40) + 3) & ~3) - 4));
    }
  }

  /** An ICMP message: mostly an error that quotes a packet of some flow, cut off somewhere. */
  #error(random: Random, family: 4 | 6, service: FuzzService): void {
    const writer = this.#writer;
    const type = random.of(family === 4 ? ERRORS4 : ERRORS6);
    writer.put32(writer.length, (type << 24) | (random.below(6) << 16));
    writer.put32(writer.length + 4, random.once(2) ? random.below(1600) : 0);
    writer.length += 8;
    const from = writer.length;
    if (!random.once(8)) this.#turn();
    const protocol = random.once(6) ? random.of(OTHERS) : NUMBERS[service.protocol];
    this.#packet(random, family, service, protocol, 1);
    if (random.once(2))
      writer.length = Math.min(
        writer.length,
        from + (random.once(3) ? random.below(90) : family === 4 ? 28 : 48),
      );
  }

  /** A packet inside a tunnel. */
  #inner(random: Random, family: 4 | 6, service: FuzzService): void {
    if (random.once(3)) this.#turn();
    this.#packet(random, family, service, random.once(3) ? random.of(OTHERS) : NUMBERS[service.protocol], 1);
  }

  /** Makes it a fragment: tiny, overlapping, first or later ones in any order. Answers whether it is a later one. */
  #fragment(random: Random, family: 4 | 6, network: number, protocol: number): boolean {
    const writer = this.#writer;
    const offset = random.once(3) ? 0 : random.once(16) ? random.below(8192) : random.below(24);
    const more = random.once(3) ? 0 : 1;
    const identification = random.below(DATAGRAMS);
    if (family === 4) {
      writer.put16(network + 4, identification);
      writer.put16(network + 6, offset | (more << 13) | (random.once(16) ? 0x4000 : 0));
    } else {
      if (random.once(4)) this.#extensions(random, network, 44);
      else writer.bytes[network + 6] = 44;
      const at = writer.length;
      writer.bytes[at] = protocol;
      writer.bytes[at + 1] = 0;
      writer.put16(at + 2, (offset << 3) | more);
      writer.put32(at + 4, identification);
      writer.length += 8;
    }
    return offset !== 0;
  }

  /** A chain of extension headers before `protocol`. */
  #extensions(random: Random, network: number, protocol: number): void {
    const writer = this.#writer;
    let place = network + 6;
    for (let i = random.below(random.once(8) ? 12 : 4); i > 0; i--) {
      const type = random.of(EXTENSIONS);
      const length = random.once(3) ? random.below(3) : 0;
      const at = writer.length;
      writer.bytes[place] = type;
      writer.noise(type === 51 ? (length + 2) * 4 : (length + 1) * 8, random);
      writer.bytes[at + 1] = random.once(24) ? random.below(256) : length;
      place = at;
    }
    writer.bytes[place] = protocol;
  }

  /** Flips bits, cuts off, contradicts. */
  #corrupt(random: Random, family: 4 | 6): void {
    const writer = this.#writer;
    const transport = LINK + (family === 4 ? 20 : 40);
    for (let i = random.below(3); i >= 0; i--) {
      switch (random.below(7)) {
        case 0:
          writer.length = Math.max(transport, LINK + random.below(writer.length));
          break;
        case 1:
          writer.put16(
            LINK + (family === 4 ? 2 : 4),
            random.once(2) ? random.below(65536) : random.below(120),
          );
          break;
        case 2:
          writer.bytes[LINK] = random.once(2) ? random.below(256) : 0x40 + random.below(16);
          break;
        case 3:
          writer.put16(transport + (random.once(2) ? 4 : 12), random.below(65536));
          break;
        case 4:
          writer.noise(random.below(24), random);
          break;
        case 5:
          writer.bytes[12 + random.below(writer.length - 12)] = random.below(256);
          break;
        default:
          for (let j = random.below(4); j >= 0; j--) {
            const at = LINK + random.below(Math.min(80, writer.length - LINK));
            writer.bytes[at] = writer.bytes[at]! ^ (1 << random.below(8));
          }
      }
    }
  }
}
