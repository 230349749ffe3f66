import { MalformedPacketError, needBytes } from "./malformed.ts";
import { PROTOCOL } from "./protocol.ts";

/*
 * RFC 8200.
 *
 *   0  version (4 bits), traffic class (8), flow label (20)   4  payload length (2)   6  next header
 *   7  hop limit   8  source (16)   24  destination (16)   40  extension headers and payload
 */

/** The fields of an IPv6 packet that have to be given; {@link Ipv6Packet} has all. */
export interface Ipv6Fields {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** The type of what follows the header: an extension header or a protocol. See PROTOCOL. */
  readonly nextHeader: number;
  /** Extension headers included. */
  readonly payload: Uint8Array;
  /** Default: 0. */
  readonly trafficClass?: number;
  /** Default: 0. */
  readonly flowLabel?: number;
  /** Default: 64. */
  readonly hopLimit?: number;
}

/** An IPv6 packet, taken apart. */
export interface Ipv6Packet extends Required<Ipv6Fields> {
  /** Whether the payload is shorter than the header says: a packet quoted by ICMPv6, or cut by a capture. */
  readonly truncated: boolean;
}

/** Takes a packet apart. The parts are views of `bytes`; padding is left out. Throws MalformedPacketError. */
export function parseIpv6Packet(bytes: Uint8Array): Ipv6Packet {
  const view = needBytes(bytes, 40, "IPv6");
  const first = view.getUint32(0);
  if (first >>> 28 !== 6) throw new MalformedPacketError("IPv6", `version ${first >>> 28}`);
  const end = 40 + view.getUint16(4);
  return {
    source: bytes.subarray(8, 24),
    destination: bytes.subarray(24, 40),
    nextHeader: bytes[6]!,
    payload: bytes.subarray(40, end),
    trafficClass: (first >>> 20) & 0xff,
    flowLabel: first & 0xf_ffff,
    hopLimit: bytes[7]!,
    truncated: end > bytes.length,
  };
}

/** The bytes of a packet, its length filled in. */
export function emitIpv6Packet(packet: Ipv6Fields): Uint8Array {
  const bytes = new Uint8Array(40 + packet.payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, ((6 << 28) | ((packet.trafficClass ?? 0) << 20) | (packet.flowLabel ?? 0)) >>> 0);
  view.setUint16(4, packet.payload.length);
  bytes[6] = packet.nextHeader;
  bytes[7] = packet.hopLimit ?? 64;
  bytes.set(packet.source, 8);
  bytes.set(packet.destination, 24);
  bytes.set(packet.payload, 40);
  return bytes;
}

/** IPv6's fragment header, RFC 8200 section 4.5. */
export interface Ipv6Fragment {
  /** Where in the original this fragment begins, in bytes, a multiple of 8. */
  readonly offset: number;
  readonly more: boolean;
  readonly identification: number;
}

/** What is left of an IPv6 packet after its extension headers. */
export interface Ipv6UpperLayer {
  readonly protocol: number;
  readonly payload: Uint8Array;
  /** Set if there is a fragment header. With an offset above 0, `payload` begins amid the original's. */
  readonly fragment?: Ipv6Fragment;
}

const EXTENSIONS: ReadonlySet<number> = new Set([
  PROTOCOL.HOP_BY_HOP,
  PROTOCOL.ROUTING,
  PROTOCOL.DESTINATION_OPTIONS,
]);

/** Steps over the extension headers. Throws MalformedPacketError if one is cut short. */
export function ipv6UpperLayer(packet: Ipv6Packet): Ipv6UpperLayer {
  let protocol = packet.nextHeader;
  let payload = packet.payload;
  let fragment: Ipv6Fragment | undefined;
  while (EXTENSIONS.has(protocol) || protocol === PROTOCOL.FRAGMENT) {
    const view = needBytes(payload, 8, "IPv6 extension header");
    let size = 8;
    if (protocol === PROTOCOL.FRAGMENT) {
      const field = view.getUint16(2);
      fragment = { offset: field & 0xfff8, more: (field & 1) !== 0, identification: view.getUint32(4) };
    } else {
      size = 8 * (payload[1]! + 1);
      needBytes(payload, size, "IPv6 extension header");
    }
    protocol = payload[0]!;
    payload = payload.subarray(size);
    if (fragment !== undefined && fragment.offset > 0) break;
  }
  return fragment === undefined ? { protocol, payload } : { protocol, payload, fragment };
}

/** The payload of a fragment: a fragment header before `part`, to be sent with next header FRAGMENT. */
export function emitIpv6Fragment(protocol: number, fragment: Ipv6Fragment, part: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + part.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = protocol;
  view.setUint16(2, fragment.offset | (fragment.more ? 1 : 0));
  view.setUint32(4, fragment.identification);
  bytes.set(part, 8);
  return bytes;
}
