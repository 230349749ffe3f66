/** A client and a server under FullNAT, or masqueraded, whose segments pass a director of the simulator. */
import assert from "node:assert/strict";
import { type PacketOptions, SimulatedPacket, TC_REDIRECT } from "../../../../bpf/index.ts";
import {
  emitTcpOptions,
  formatIp,
  parseIpPacket,
  parseTcpOptions,
  type TcpOption,
  type TcpSegment,
  type TcpSettings,
} from "../../../../net/index.ts";
import { FORWARD_FULLNAT } from "../../../tables.ts";
import { type DirectorOptions, TestDirector } from "../../../testing/director.ts";
import { interfaceOf, type Side, tcpFrame, udpFrame } from "../../../testing/frames.ts";
import { onTheWire, pseudoOf } from "../../../testing/on-the-wire.ts";

export interface Family {
  readonly name: string;
  readonly version: 4 | 6;
  readonly virtual: string;
  readonly server: string;
  readonly client: string;
  readonly local: string;
  /** What the server is told: the option, and what a PROXY header says after its first 16 bytes, as hex. */
  readonly toa: string;
  readonly proxy: string;
}

const V6 = "20010db8000100000000000000000001";

export const FAMILIES: readonly Family[] = [
  {
    name: "IPv4",
    version: 4,
    virtual: "192.0.2.1:80",
    server: "10.0.0.1:8080",
    client: "198.18.0.1:1000",
    local: "10.0.0.201",
    toa: "fe0803e8c6120001",
    proxy: "0d0a0d0a000d0a515549540a2111000cc6120001c000020103e80050",
  },
  {
    name: "IPv6",
    version: 6,
    virtual: "[2001:db8:f::1]:80",
    server: "[2001:db8:a::1]:8080",
    client: "[2001:db8:1::1]:1000",
    local: "2001:db8:a::201",
    toa: `fe1403e8${V6}`,
    proxy: `0d0a0d0a000d0a515549540a21210024${V6}20010db8000f0000000000000000000103e80050`,
  },
];

/** How a segment is handed to the director. */
export interface Manner {
  /** The checksum is left to the device. */
  readonly partial?: boolean;
  /** It is a super-packet, of segments with that much data. */
  readonly gsoSize?: number;
  /** Zeroes that the link layer put behind the packet. */
  readonly padding?: number;
  readonly linearBytes?: number;
}

export interface DialogueOptions extends DirectorOptions {
  /** FORWARD_*. Default: FullNAT. */
  readonly method?: number;
}

export class Dialogue {
  readonly director: TestDirector;
  readonly family: Family;
  /** Whom the server saw last. */
  peer = "";
  /** The IP packet that came out last. */
  last: Uint8Array = new Uint8Array(0);

  constructor(family: Family, flags: number, options: DialogueOptions = {}) {
    this.family = family;
    const { method = FORWARD_FULLNAT } = options;
    const localAddresses = method === FORWARD_FULLNAT ? [family.local] : [];
    this.director = new TestDirector(options);
    for (const protocol of ["tcp", "udp"] as const) {
      const { configuration } = this.director;
      configuration.addService(protocol, family.virtual, "rr", { flags, localAddresses });
      configuration.addServer(protocol, family.virtual, family.server, { method });
    }
  }

  /** A client's segment: the segments that the server gets of it; empty: the director did not send it on. */
  client(flags: string, settings: TcpSettings = {}, manner: Manner = {}): TcpSegment[] {
    return this.#pass("client", this.family.client, this.family.virtual, flags, settings, manner);
  }

  /** A server's segment to whom it saw last: what the client gets. */
  server(flags: string, settings: TcpSettings = {}, manner: Manner = {}): TcpSegment[] {
    return this.#pass("server", this.family.server, this.peer, flags, settings, manner);
  }

  /** The client's datagram: what the server gets, or undefined. */
  datagram(payload: Uint8Array, options: PacketOptions = {}): Uint8Array | undefined {
    const bytes = udpFrame("client", this.family.client, this.family.virtual, { payload });
    const { verdict, packet } = this.director.receive(bytes, { ...options, ifindex: interfaceOf("client") });
    if (verdict !== TC_REDIRECT) return undefined;
    const { transport } = parseIpPacket(packet.bytes.subarray(14));
    assert.ok(transport.kind === "udp" && transport.checksumValid);
    return transport.payload;
  }

  /** Sends a frame as it is; the verdict and what comes out. */
  raw(side: Side, bytes: Uint8Array): { verdict: number; packet: SimulatedPacket } {
    return this.director.receive(bytes, { ifindex: interfaceOf(side) });
  }

  #pass(
    side: Side,
    from: string,
    to: string,
    flags: string,
    settings: TcpSettings,
    { partial = false, gsoSize = 0, padding = 0, linearBytes }: Manner,
  ): TcpSegment[] {
    const built = tcpFrame(side, from, to, flags, settings);
    const bytes = new Uint8Array(built.length + padding);
    bytes.set(built);
    const transport = this.family.version === 6 ? 40 : 20;
    const start = 14 + transport;
    if (partial) new DataView(bytes.buffer).setUint16(start + 16, pseudoOf(built.subarray(14), transport));
    const packet = new SimulatedPacket(bytes, {
      ifindex: interfaceOf(side),
      gsoSize,
      ...(linearBytes === undefined ? {} : { linearBytes }),
      ...(partial ? { checksum: { kind: "partial", start, offset: 16 } } : {}),
    });
    const { verdict } = this.director.receivePacket(packet);
    if (verdict !== TC_REDIRECT) return [];
    return onTheWire(packet).map((ip) => {
      this.last = ip;
      const parsed = parseIpPacket(ip);
      assert.ok(parsed.transport.kind === "tcp");
      assert.ok(parsed.transport.checksumValid, "the TCP checksum");
      const address = formatIp(parsed.source);
      if (side === "client") {
        const host = address.includes(":") ? `[${address}]` : address;
        this.peer = `${host}:${parsed.transport.sourcePort}`;
      }
      return parsed.transport;
    });
  }
}

export function hex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString("hex");
}

/** What a Linux client puts into its SYN. */
export const SYN_OPTIONS: readonly TcpOption[] = [
  { kind: "mss", size: 1460 },
  { kind: "sackPermitted" },
  { kind: "timestamps", value: 7, echo: 0 },
  { kind: "noop" },
  { kind: "windowScale", shift: 7 },
];

export function optionBytes(...options: readonly TcpOption[]): Uint8Array {
  return emitTcpOptions(options);
}

/** The options of a segment but no-operations. */
export function optionsOf(segment: TcpSegment | undefined): TcpOption[] {
  return parseTcpOptions(segment?.options ?? new Uint8Array()).filter(({ kind }) => kind !== "noop");
}
