import { checksum, checksumHolds } from "../checksum.ts";
import { MalformedPacketError, NO_BYTES, needBytes } from "./malformed.ts";
import type { EmitOptions } from "./protocol.ts";

/*
 * RFC 791.
 *
 *   0  version, header words   1  type of service   2  total length (2)   4  identification (2)
 *   6  flags (3 bits: 0, don't fragment, more fragments), fragment offset / 8 (13 bits)
 *   8  time to live   9  protocol   10  header checksum (2)   12  source (4)   16  destination (4)   20  options
 */

/** The fields of an IPv4 packet that have to be given; {@link Ipv4Packet} has all. */
export interface Ipv4Fields {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** See PROTOCOL. */
  readonly protocol: number;
  readonly payload: Uint8Array;
  /** DSCP and ECN, as one byte. Default: 0. */
  readonly typeOfService?: number;
  /** Default: 0. */
  readonly identification?: number;
  /** Default: false. */
  readonly dontFragment?: boolean;
  /** Default: false. */
  readonly moreFragments?: boolean;
  /** Where in the original payload this fragment begins, in bytes, a multiple of 8. Default: 0. */
  readonly fragmentOffset?: number;
  /** Default: 64. */
  readonly timeToLive?: number;
  /** A multiple of 4 bytes, at most 40. Default: none. */
  readonly options?: Uint8Array;
}

/** An IPv4 packet, taken apart. */
export interface Ipv4Packet extends Required<Ipv4Fields> {
  /** Whether the header's checksum is right. */
  readonly checksumValid: boolean;
  /** Whether the payload is shorter than the header says: a packet quoted by ICMP, or cut by a capture. */
  readonly truncated: boolean;
}

/** Takes a packet apart. The parts are views of `bytes`; padding is left out. Throws MalformedPacketError. */
export function parseIpv4Packet(bytes: Uint8Array): Ipv4Packet {
  const view = needBytes(bytes, 20, "IPv4");
  if (bytes[0]! >> 4 !== 4) throw new MalformedPacketError("IPv4", `version ${bytes[0]! >> 4}`);
  const header = 4 * (bytes[0]! & 15);
  const total = view.getUint16(2);
  if (header < 20 || header > bytes.length)
    throw new MalformedPacketError("IPv4", `header of ${header} bytes`);
  if (total < header)
    throw new MalformedPacketError("IPv4", `total length ${total} below the header's ${header}`);
  const fragment = view.getUint16(6);
  return {
    source: bytes.subarray(12, 16),
    destination: bytes.subarray(16, 20),
    protocol: bytes[9]!,
    payload: bytes.subarray(header, total),
    typeOfService: bytes[1]!,
    identification: view.getUint16(4),
    dontFragment: (fragment & 0x4000) !== 0,
    moreFragments: (fragment & 0x2000) !== 0,
    fragmentOffset: 8 * (fragment & 0x1fff),
    timeToLive: bytes[8]!,
    options: bytes.subarray(20, header),
    checksumValid: checksumHolds(bytes.subarray(0, header)),
    truncated: total > bytes.length,
  };
}

/** The bytes of a packet, lengths and checksum filled in. */
export function emitIpv4Packet(packet: Ipv4Fields, emit: EmitOptions = {}): Uint8Array {
  const options = packet.options ?? NO_BYTES;
  if (options.length % 4 !== 0 || options.length > 40) {
    throw new RangeError(`IPv4 options take a multiple of 4 bytes up to 40, not ${options.length}`);
  }
  const header = 20 + options.length;
  const bytes = new Uint8Array(header + packet.payload.length);
  const view = new DataView(bytes.buffer);
  const flags = (packet.dontFragment ? 0x4000 : 0) | (packet.moreFragments ? 0x2000 : 0);
  bytes[0] = 0x40 | (header / 4);
  bytes[1] = packet.typeOfService ?? 0;
  view.setUint16(2, bytes.length);
  view.setUint16(4, packet.identification ?? 0);
  view.setUint16(6, flags | ((packet.fragmentOffset ?? 0) / 8));
  bytes[8] = packet.timeToLive ?? 64;
  bytes[9] = packet.protocol;
  bytes.set(packet.source, 12);
  bytes.set(packet.destination, 16);
  bytes.set(options, 20);
  view.setUint16(10, emit.checksum ?? checksum(bytes.subarray(0, header)));
  bytes.set(packet.payload, header);
  return bytes;
}
