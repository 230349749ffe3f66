/**
 * Packets of every kind: good ones, and what becomes of them when bits flip, ends are cut off and lengths lie. All follows from
 * the random numbers: the same seed makes the same packets.
 */

import { buildEcho, buildIp, buildTcp, buildUdp, checksum, endpoint, ip } from "../../net/index.ts";
import type { Random } from "../fuzz/random.ts";
import { buildError } from "../icmp/testing/errors.ts";
import { CLIENT_SIDE, SERVER_SIDE } from "./director.ts";
import { fragmentsOf } from "./fragments.ts";
import { frame } from "./frames.ts";
import {
  GUE_PORT,
  LOCAL,
  MARKS,
  OWN,
  PORTS,
  SERVER_PORTS,
  serverAddress,
  VIRTUAL,
  withPort,
} from "./random-configuration.ts";
import { sipRequest } from "./sip.ts";

/** A packet that comes in. */
export interface FuzzedPacket {
  readonly bytes: Uint8Array;
  /** CLIENT_SIDE or SERVER_SIDE. */
  readonly ifindex: number;
  readonly mark: number;
}

const SCTP = 132;
const FLAGS = ["S", "S", "S", "SA", "A", "A", "PA", "FA", "R", "RA", "F", "SF", "", "SR", "FSRPAU"];

function clientAddress(family: 4 | 6, random: Random): string {
  const number = 1 + random.below(6);
  return family === 4 ? `198.18.0.${number}` : `2001:db8:1::${number}`;
}

/** Sometimes a port that says something, mostly one of few, so that flows come again. */
function clientPort(random: Random): number {
  return random.once(10) ? random.below(65536) : 40000 + random.below(16);
}

/** Who speaks with whom: a client with a virtual address, or a server with a client or a local address. */
function pair(random: Random, family: 4 | 6): { from: string; to: string; side: "client" | "server" } {
  const client = withPort(clientAddress(family, random), clientPort(random));
  if (!random.once(3)) {
    return { from: client, to: withPort(random.of(VIRTUAL[family]), random.of(PORTS)), side: "client" };
  }
  const server = withPort(serverAddress(family, 1 + random.below(4)), random.of(SERVER_PORTS));
  const local = withPort(random.of([...LOCAL[family], OWN[family]]), 1024 + random.below(64));
  return { from: server, to: random.once(3) ? local : client, side: "server" };
}

/** An SCTP packet with one chunk; the checksum is as it may be. */
function sctp(random: Random, from: string, to: string): Uint8Array {
  const [a, b] = [endpoint(from), endpoint(to)];
  const bytes = new Uint8Array(16 + 4 * random.below(16));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, a.port);
  view.setUint16(2, b.port);
  view.setUint32(4, random.next());
  view.setUint32(8, random.next());
  bytes[12] = random.once(3) ? 1 : random.below(16);
  view.setUint16(14, random.once(8) ? random.below(65536) : bytes.length - 12);
  return buildIp({ source: a.address, destination: b.address }, SCTP, bytes);
}

function bytesOf(random: Random, length: number): Uint8Array {
  const first = random.below(256);
  return Uint8Array.from({ length }, (_, i) => first + i);
}

/** A message of one of a few calls, and now and then what somebody hostile makes of it. */
function message(random: Random): Uint8Array {
  const name = random.of(["Call-ID: ", "call-id:", "i: ", "I :", "Call-ID:\r\n ", "Call-ID"]);
  const callId = random.once(6)
    ? "x".repeat(250 + random.below(8))
    : `${random.below(8)}@${random.of(["a", "b c", "host"])}`;
  const end = random.of(["\r\n", "\r\n", "\r\n", "\n", "\r", " \r\n", ""]);
  const bytes = Buffer.from(
    sipRequest(`${name}${callId}${end}`, random.of(["INVITE", "ACK", "BYE"])),
    "latin1",
  );
  for (let i = random.once(3) ? random.below(6) : 0; i > 0; i--)
    bytes[random.below(bytes.length)] = random.of([0, 9, 10, 13, 32, 58, 73, 67, random.below(256)]);
  return random.once(8) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
}

function payloadOf(random: Random): Uint8Array {
  if (random.once(3)) return message(random);
  if (random.once(12)) return bytesOf(random, random.below(3000));
  return bytesOf(random, random.once(3) ? random.below(600) : random.below(40));
}

/** A segment, datagram or packet of a protocol without ports. */
function plain(random: Random, from: string, to: string): Uint8Array {
  const settings = {
    payload: payloadOf(random),
    ip: {
      dontFragment: random.once(2),
      timeToLive: random.once(16) ? random.below(3) : 64,
      typeOfService: random.once(4) ? random.below(256) : 0,
      identification: random.below(32),
      ...(random.once(16) && !from.startsWith("[") ? { options: bytesOf(random, 4 * random.below(11)) } : {}),
    },
  };
  switch (random.below(10)) {
    case 0:
      return sctp(random, from, to);
    case 1: {
      const addresses = { source: endpoint(from).address, destination: endpoint(to).address };
      return buildIp(addresses, random.of([50, 51, 4, 41, 47, 2, 89]), settings.payload);
    }
    case 2:
    case 3:
    case 4:
      return buildUdp(endpoint(from), endpoint(to), settings);
    case 5:
      return buildEcho({ source: endpoint(from).address, destination: endpoint(to).address });
    default:
      return buildTcp(endpoint(from), endpoint(to), random.of(FLAGS), settings);
  }
}

/** Puts random extension headers behind an IPv6 header. */
function extended(random: Random, packet: Uint8Array): Uint8Array {
  let rest = packet.subarray(40);
  let next = packet[6]!;
  for (let count = 1 + random.below(4); count > 0; count--) {
    const length = random.once(8) ? random.below(4) : 0;
    const header = new Uint8Array(8 * (length + 1));
    header[0] = next;
    header[1] = random.once(16) ? random.below(256) : length;
    next = random.of([0, 43, 60, 60, 135, 51, 44]);
    if (next === 44 && !random.once(4)) header.fill(0, 1, 8);
    rest = Uint8Array.from(Buffer.concat([header, rest]));
  }
  const bytes = Uint8Array.from(Buffer.concat([packet.subarray(0, 40), rest]));
  bytes[6] = next;
  new DataView(bytes.buffer).setUint16(4, rest.length);
  return bytes;
}

/** A packet of the director's inside a tunnel, as a router may quote it. */
function tunnelled(random: Random, inner: Uint8Array, outer: 4 | 6): Uint8Array {
  const addresses = { source: ip(OWN[outer]), destination: ip(serverAddress(outer, 1 + random.below(4))) };
  const version = inner[0]! >>> 4;
  switch (random.below(3)) {
    case 0:
      return buildIp(addresses, version === 4 ? 4 : 41, inner);
    case 1: {
      const isSummed = random.once(2);
      const header = isSummed ? [0x80, 0, 0, 0, 0, 0, 0, 0] : [0, 0, 0, 0];
      header.splice(2, 2, ...(version === 4 ? [8, 0] : [0x86, 0xdd]));
      return buildIp(addresses, 47, Uint8Array.from([...header, ...inner]));
    }
    default: {
      const [from, to] = [
        withPort(OWN[outer], 40000),
        withPort(serverAddress(outer, 1 + random.below(4)), GUE_PORT),
      ];
      const payload = Uint8Array.from([0, version === 4 ? 4 : 41, 0, 0, ...inner]);
      return buildUdp(endpoint(from), endpoint(to), { payload });
    }
  }
}

/** An ICMP error about a packet that one side may have been sent. */
function error(random: Random, family: 4 | 6): { packet: Uint8Array; side: "client" | "server" } {
  const settings = {
    type: family === 4 ? random.of([3, 3, 3, 4, 11, 12, 5]) : random.of([1, 2, 3, 4]),
    code: random.below(5),
    parameter: random.once(2) ? random.below(2000) : 0,
  };
  const client = withPort(clientAddress(family, random), clientPort(random));
  const virtual = withPort(random.of(VIRTUAL[family]), random.of(PORTS));
  const cut = (packet: Uint8Array) =>
    random.once(3) ? packet.subarray(0, random.below(packet.length)) : packet;
  if (random.once(2)) {
    const about = plain(random, virtual, client);
    const to = virtual.startsWith("[") ? virtual.slice(1, virtual.indexOf("]")) : virtual.split(":")[0]!;
    return { packet: buildError(clientAddress(family, random), to, cut(about), settings), side: "client" };
  }
  const router = serverAddress(family, 20);
  if (random.once(2)) {
    const inner = random.once(2) ? 4 : 6;
    const from = withPort(clientAddress(inner, random), clientPort(random));
    const about = plain(random, from, withPort(random.of(VIRTUAL[inner]), random.of(PORTS)));
    return {
      packet: buildError(router, OWN[family], cut(tunnelled(random, about, family)), settings),
      side: "server",
    };
  }
  const server = withPort(serverAddress(family, 1 + random.below(4)), random.of(SERVER_PORTS));
  const about = plain(random, client, server);
  const to = client.startsWith("[") ? client.slice(1, client.indexOf("]")) : client.split(":")[0]!;
  return { packet: buildError(router, to, cut(about), settings), side: "server" };
}

function good(random: Random): { packets: Uint8Array[]; side: "client" | "server" } {
  const family = random.once(3) ? 6 : 4;
  if (random.once(6)) {
    const { packet, side } = error(random, family);
    return { packets: [packet], side };
  }
  const { from, to, side } = pair(random, family);
  const packet = plain(random, from, to);
  if (family === 6 && random.once(6)) return { packets: [extended(random, packet)], side };
  if (!random.once(6)) return { packets: [packet], side };
  const size = 8 * (1 + random.below(random.once(2) ? 4 : 150));
  const all = fragmentsOf(packet, size, random.below(16)).slice(0, 20);
  if (random.once(2)) all.reverse();
  if (random.once(4)) all.splice(random.below(all.length), 1);
  return { packets: all, side };
}

/** Sets the IPv4 header's checksum right, where there is one. */
function repair(bytes: Uint8Array): void {
  const header = (bytes[14]! & 15) * 4;
  if (bytes[14]! >>> 4 !== 4 || header < 20 || bytes.length < 14 + header) return;
  bytes.fill(0, 24, 26);
  new DataView(bytes.buffer, bytes.byteOffset).setUint16(24, checksum(bytes.subarray(14, 14 + header)));
}

/** A copy with some bytes changed, mostly in the headers, and now and then its end cut off or longer. */
function mutated(random: Random, original: Uint8Array): Uint8Array {
  let bytes = Uint8Array.from(original);
  for (let i = random.below(4); i > 0; i--) {
    const at = random.once(2) ? 14 + random.below(60) : random.below(bytes.length);
    if (at < bytes.length)
      bytes[at] = random.once(3) ? random.below(256) : bytes[at]! ^ (1 << random.below(8));
  }
  if (random.once(4)) bytes = bytes.slice(0, random.below(bytes.length + 1));
  else if (random.once(8)) bytes = Uint8Array.from([...bytes, ...bytesOf(random, random.below(64))]);
  if (random.once(2)) repair(bytes);
  return bytes;
}

/** Endless packets. */
export function* fuzzedPackets(random: Random): Generator<FuzzedPacket, never> {
  for (;;) {
    const { packets, side } = good(random);
    const isHurt = random.once(2);
    const mark = random.once(6) ? random.of(MARKS) : 0;
    for (const packet of packets) {
      const bytes = frame(side, packet);
      yield {
        bytes: isHurt ? mutated(random, bytes) : bytes,
        ifindex: side === "client" ? CLIENT_SIDE : SERVER_SIDE,
        mark,
      };
    }
  }
}
