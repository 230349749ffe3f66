/**
 * Valid traffic of known connections, beside what is hostile: each packet has exactly one right fate. A flow learns from its
 * first packet which server it got; from then on nothing may change that.
 */
import { ip } from "../../net/index.ts";
import { FORWARD_FULLNAT, FORWARD_MASQ, FORWARD_ROUTE, FORWARD_TUNNEL } from "../tables.ts";
import type { Random } from "./random.ts";
import type { FuzzService, Server } from "./scene.ts";
import { checksumPlace, fold, LINK, type PacketWriter, pseudoSum, sumOf } from "./writer.ts";

/** Packets after which a flow is established: under secure_tcp one of the server's must follow the handshake. */
export const OPENING = 4;

const SYN = 2;
const ACK = 0x10;
const TCP = 6;
const UDP = 17;
/** Verdicts. */
const REDIRECT = 7;

/** What a program made of a packet. */
export interface Made {
  readonly verdict: number;
  readonly length: number;
  readonly output: Uint8Array;
}

function areSame(a: Uint8Array, from: number, b: Uint8Array): boolean {
  for (let i = 0; i < b.length; i++) if (a[from + i] !== b[i]) return false;
  return true;
}

function get16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/** Whether the checksums of an IP packet that begins there are right: its own, and its transport's. */
export function hasRightSums(bytes: Uint8Array, network: number, end: number): boolean {
  const isIpv6 = bytes[network]! >>> 4 === 6;
  const transport = network + (isIpv6 ? 40 : (bytes[network]! & 15) * 4);
  const protocol = bytes[network + (isIpv6 ? 6 : 9)]!;
  if (!isIpv6 && fold(sumOf(bytes, network, transport, 0)) !== 0xffff) return false;
  const place = checksumPlace(protocol);
  if (place < 0 || (protocol === UDP && get16(bytes, transport + place) === 0)) return true;
  const before = protocol === 1 ? 0 : pseudoSum(bytes, network, protocol, end - transport);
  return fold(sumOf(bytes, transport, end, before)) === 0xffff;
}

/** A client's connection. */
export class ValidFlow {
  readonly service: FuzzService;
  readonly #client: Uint8Array;
  readonly #clientPort: number;
  readonly #port: number;
  readonly #protocol: number;
  /** Packets so far. */
  #step = 0;
  #server: Server | undefined;
  /** Whom the server sees. */
  #local: Uint8Array;
  #localPort: number;
  #isReply = false;

  constructor(service: FuzzService, number: number, random: Random) {
    const { family } = service;
    const host = 1 + (number % 250);
    this.service = service;
    this.#client = ip(
      family === 4 ? `198.19.${number >> 8}.${host}` : `2001:db8:1:${number >> 8}::${host.toString(16)}`,
    );
    this.#clientPort = 20000 + number;
    this.#port = service.port === 0 ? 1 + random.below(60000) : service.port;
    this.#protocol = service.protocol === "udp" ? UDP : TCP;
    this.#local = this.#client;
    this.#localPort = this.#clientPort;
  }

  get name(): string {
    return `valid flow of service ${this.service.name}, step ${this.#step}`;
  }

  get fromServers(): boolean {
    return this.#isReply;
  }

  /** Writes the next packet. */
  write(writer: PacketWriter, random: Random, macs: readonly [Uint8Array, Uint8Array]): void {
    const { family, method } = this.service;
    // Datagrams that went by themselves leave no trace that replies could be known by.
    const isKnown = this.#server !== undefined && !this.service.isOnePacket;
    const canReply = isKnown && (method === FORWARD_MASQ || method === FORWARD_FULLNAT);
    const isTcp = this.#protocol === TCP;
    const isTurn = this.#step === 1 || this.#step === 3 || (this.#step >= OPENING && random.once(2));
    this.#isReply = canReply && isTurn;
    writer.begin(macs[this.#isReply ? 1 : 0], family === 4 ? 0x0800 : 0x86dd);
    const [source, sourcePort, destination, destinationPort] = this.#isReply
      ? [this.#server!.address, this.#serverPort(), this.#local, this.#localPort]
      : [this.#client, this.#clientPort, this.service.address, this.#port];
    const network =
      family === 4
        ? writer.ipv4(source, destination, this.#protocol, 64, random.once(16) ? 8 : 0)
        : writer.ipv6(source, destination, this.#protocol, 64);
    const transport = writer.length;
    if (isTcp) {
      const first = this.#isReply ? SYN | ACK : SYN;
      const flags =
        this.#step === 0 || (this.#step === 1 && this.#isReply) ? first : random.once(2) ? ACK : 0x18;
      writer.tcp(sourcePort, destinationPort, flags, random.next(), 0);
    } else {
      writer.udp(sourcePort, destinationPort);
    }
    writer.payload(this.#step < 2 && isTcp ? 0 : random.below(64));
    writer.close(network, transport, this.#protocol);
  }

  #serverPort(): number {
    const { port } = this.#server!;
    return port === 0 ? this.#port : port;
  }

  /** What is wrong with what became of the packet written last; undefined: nothing. */
  judge(input: Uint8Array, inputLength: number, made: Made): string | undefined {
    this.#step++;
    if (made.verdict !== REDIRECT) return `verdict ${made.verdict | 0}`;
    const { output, length } = made;
    if (this.service.method === FORWARD_TUNNEL) return this.#judgeTunnel(input, inputLength, output, length);
    if (length !== inputLength) return `${length} bytes of ${inputLength}`;
    const isIpv6 = this.service.family === 6;
    const size = isIpv6 ? 16 : 4;
    const source = LINK + (isIpv6 ? 8 : 12);
    const transport = LINK + (isIpv6 ? 40 : (input[LINK]! & 15) * 4);
    if (this.service.method !== FORWARD_ROUTE) {
      const wrong = this.#isReply
        ? this.#judgeReply(output, source, transport)
        : this.#judgeRequest(output, source, transport, size);
      if (wrong !== undefined) return wrong;
      // What may have changed is made as it was, to compare the rest.
      if (!hasRightSums(output, LINK, length)) return "checksums";
      output.set(input.subarray(source, source + 2 * size), source);
      output.set(input.subarray(transport, transport + 4), transport);
      const place = transport + checksumPlace(this.#protocol);
      output.set(input.subarray(place, place + 2), place);
    } else if (!hasRightSums(output, LINK, length)) {
      return "checksums";
    }
    return this.#judgeRest(input, LINK, output, LINK, length);
  }

  #judgeRequest(output: Uint8Array, source: number, transport: number, size: number): string | undefined {
    const port = get16(output, transport + 2);
    if (this.#server === undefined || this.service.isOnePacket) {
      this.#server = this.service.servers.find(
        (each) =>
          areSame(output, source + size, each.address) && port === (each.port === 0 ? this.#port : each.port),
      );
      if (this.#server === undefined) return "none of the service's servers";
      if (this.service.method === FORWARD_FULLNAT && this.#step === 1) {
        this.#local = output.slice(source, source + size);
        this.#localPort = get16(output, transport);
      }
    }
    if (!areSame(output, source + size, this.#server.address) || port !== this.#serverPort())
      return "another server";
    return areSame(output, source, this.#local) && get16(output, transport) === this.#localPort
      ? undefined
      : "another peer";
  }

  #judgeReply(output: Uint8Array, source: number, transport: number): string | undefined {
    const size = this.#client.length;
    if (!areSame(output, source, this.service.address) || get16(output, transport) !== this.#port)
      return "another virtual address";
    if (!areSame(output, source + size, this.#client) || get16(output, transport + 2) !== this.#clientPort)
      return "another client";
    return undefined;
  }

  #judgeTunnel(
    input: Uint8Array,
    inputLength: number,
    output: Uint8Array,
    length: number,
  ): string | undefined {
    const inside = length - (inputLength - LINK);
    if (inside < LINK + 20) return "no outer header";
    const isIpv6 = output[LINK]! >>> 4 === 6;
    const at = LINK + (isIpv6 ? 24 : 16);
    const server = this.service.servers.find((each) => areSame(output, at, each.address));
    if (server === undefined) return "none of the service's servers";
    this.#server ??= server;
    if (server !== this.#server) return "another server";
    if (isIpv6 ? get16(output, LINK + 4) !== length - LINK - 40 : get16(output, LINK + 2) !== length - LINK)
      return "outer length";
    if (!hasRightSums(output, LINK, length)) return "outer checksums";
    if (!hasRightSums(output, inside, length)) return "inner checksums";
    return this.#judgeRest(input, LINK, output, inside, inputLength - LINK);
  }

  /** The IP packet is the same, but for its time to live: one less; `length`: where the output's ends. */
  #judgeRest(
    input: Uint8Array,
    from: number,
    output: Uint8Array,
    at: number,
    length: number,
  ): string | undefined {
    const isIpv6 = this.service.family === 6;
    const life = isIpv6 ? 7 : 8;
    if (output[at + life] !== input[from + life]! - 1) return "time to live";
    const end = at === LINK ? length - LINK : length;
    for (let i = 0; i < end; i++) {
      if (output[at + i] === input[from + i] || i === life || (!isIpv6 && (i === 10 || i === 11))) continue;
      return `byte ${i} of the packet`;
    }
    return undefined;
  }
}
