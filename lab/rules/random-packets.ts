/** Random frames for rules: good packets, fragments, protocols of all kinds, and transport headers that are cut off. */
import type { Family } from "../../src/ipvs/index.ts";
import type { Random } from "../../src/kernel/fuzz/random.ts";
import { checksum, parseIp } from "../../src/net/index.ts";
import { ADDRESSES, INTERFACES, PORTS, PROTOCOLS, SCTP, TCP, UDP } from "./random-rules.ts";

/** The mark that a packet has before the rules, by its time to live or hop limit. Others have none. */
export const MARK_BY_LIFETIME: Readonly<Record<number, number>> = {
  1: 1,
  2: 2,
  3: 3,
  4: 0x80000000,
  5: 0xffffffff,
};

export interface RandomPacket {
  readonly interface: (typeof INTERFACES)[number];
  /** Sent to all hosts, or to the one. */
  readonly isBroadcast: boolean;
  /** From the IP header on. */
  readonly bytes: Uint8Array;
  readonly mark: number;
}

const TCP_FLAGS = [0x02, 0x12, 0x10, 0x11, 0x04, 0x18, 0x3f, 0x00, 0xc2] as const;

/**
 * The payload of a later fragment: netfilter takes it for a transport header where iptables-nft asks for ports or flags of TCP and UDP, so
 * that it has none to find (docs/marks.md).
 */
function withoutHeader(protocol: number, payload: Uint8Array): Uint8Array {
  return protocol === TCP || protocol === UDP ? payload.slice(0, 1) : payload;
}

function transport(random: Random, protocol: number): Uint8Array {
  const length = protocol === TCP ? 20 : protocol === UDP ? 8 : 12;
  const bytes = new Uint8Array(length + random.below(20));
  for (const at of bytes.keys()) bytes[at] = random.below(256);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, random.of(PORTS));
  view.setUint16(2, random.of(PORTS));
  if (protocol === TCP) bytes[13] = random.of(TCP_FLAGS);
  if (protocol === UDP) view.setUint16(4, bytes.length);
  return random.once(6) ? bytes.slice(0, random.below(bytes.length)) : bytes;
}

export function randomPacket(random: Random, family: Family): RandomPacket {
  const protocol = random.once(2) ? random.of([TCP, UDP, SCTP]) : random.of(PROTOCOLS[family]);
  const lifetime = 1 + random.below(10);
  const ends = [random.of(ADDRESSES[family].slice(0, 5)), random.of(ADDRESSES[family])] as const;
  const [source, destination] = ends.map((each) => parseIp(each)!) as [Uint8Array, Uint8Array];
  const make = family === 4 ? packet4 : packet6;
  return {
    interface: random.of(INTERFACES),
    isBroadcast: family === 4 && random.once(8),
    bytes: make(random, { source, destination, protocol, lifetime }),
    mark: MARK_BY_LIFETIME[lifetime] ?? 0,
  };
}

interface Header {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly protocol: number;
  readonly lifetime: number;
}

/** Behind the packet there may be padding; not behind a later fragment, where netfilter would take it for the missing header's bytes. */
function padded(random: Random, packet: Uint8Array, offset: number): Uint8Array {
  if (offset !== 0) return packet;
  const bytes = new Uint8Array(packet.length + (random.once(8) ? random.below(12) : 0)).fill(0x50);
  bytes.set(packet);
  return bytes;
}

function packet4(random: Random, { source, destination, protocol, lifetime }: Header): Uint8Array {
  const offset = random.once(8) ? random.of([1, 2, 100]) : 0;
  const whole = transport(random, protocol);
  const payload = offset === 0 ? whole : withoutHeader(protocol, whole);
  const headerLength = random.once(8) ? 24 : 20;
  const bytes = new Uint8Array(headerLength + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x40 | (headerLength / 4);
  view.setUint16(2, bytes.length);
  view.setUint16(4, random.below(65536));
  view.setUint16(6, (random.once(5) ? 0x2000 : 0) | offset);
  bytes[8] = lifetime;
  bytes[9] = protocol;
  bytes.set(source, 12);
  bytes.set(destination, 16);
  if (headerLength === 24) bytes.fill(1, 20, 24);
  view.setUint16(10, checksum(bytes.subarray(0, headerLength)));
  bytes.set(payload, headerLength);
  return padded(random, bytes, offset);
}

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION = 60;

function packet6(random: Random, { source, destination, protocol, lifetime }: Header): Uint8Array {
  const types = [HOP_BY_HOP, DESTINATION, ROUTING, FRAGMENT, DESTINATION].filter(() => random.once(6));
  const types_ = [...types, protocol];
  // No later fragments of TCP and UDP: iptables-nft finds ports in them where there are none (docs/marks.md).
  const mayBeLater = protocol !== TCP && protocol !== UDP && types.includes(FRAGMENT);
  const offset = mayBeLater && random.once(2) ? random.of([1, 2, 100]) : 0;
  const payload = transport(random, protocol);
  const headers = types.map((type, index) => extension(random, type, types_[index + 1]!, offset));
  const body = [...headers, payload].flatMap((each) => [...each]);
  // Nothing may be cut off of the first header, which the stack itself looks at.
  const first = headers[0]?.length ?? 0;
  const cut = random.once(10) ? Math.max(first, random.below(body.length + 1)) : body.length;
  const bytes = new Uint8Array(40 + cut);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x60;
  view.setUint16(4, cut);
  bytes[6] = types_[0]!;
  bytes[7] = lifetime;
  bytes.set(source, 8);
  bytes.set(destination, 24);
  bytes.set(body.slice(0, cut), 40);
  return padded(random, bytes, offset);
}

/** An extension header. Options in it are padding. */
function extension(random: Random, type: number, next: number, offset: number): number[] {
  if (type === FRAGMENT) {
    const field = (offset << 3) | (random.once(2) ? 1 : 0);
    return [next, 0, field >> 8, field & 255, 0, 0, random.below(256), random.below(256)];
  }
  if (type === ROUTING) return [next, 0, 4, 0, 0, 0, 0, 0];
  return [next, 0, 1, 4, 0, 0, 0, 0];
}
