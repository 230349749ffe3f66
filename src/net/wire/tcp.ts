import { checksum, checksumHolds, pseudoHeaderSum } from "../checksum.ts";
import { MalformedPacketError, NO_BYTES, needBytes } from "./malformed.ts";
import { type AddressPair, type EmitOptions, PROTOCOL } from "./protocol.ts";

/*
 * RFC 9293.
 *
 *   0  source port (2)   2  destination port (2)   4  sequence number (4)   8  acknowledgement number (4)
 *   12  header words (4 bits), reserved (4)   13  flags   14  window (2)   16  checksum (2)   18  urgent (2)
 *   20  options   payload
 */

/** The control bits of a TCP header. */
export const TCP_FLAG = {
  FIN: 0x01,
  SYN: 0x02,
  RST: 0x04,
  PSH: 0x08,
  ACK: 0x10,
  URG: 0x20,
  ECE: 0x40,
  CWR: 0x80,
} as const;

/** The fields of a TCP segment that have to be given; {@link TcpSegment} has all. */
export interface TcpFields {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Control bits: see {@link TCP_FLAG}, or tcpFlags("SA"). */
  readonly flags: number;
  /** Default: 0. */
  readonly sequence?: number;
  /** Default: 0. */
  readonly acknowledgement?: number;
  /** As on the wire, not scaled. Default: 65535. */
  readonly window?: number;
  /** Default: 0. */
  readonly urgent?: number;
  /** A multiple of 4 bytes, at most 40: see emitTcpOptions. Default: none. */
  readonly options?: Uint8Array;
  /** Default: none. */
  readonly payload?: Uint8Array;
}

/** A TCP segment, taken apart. */
export interface TcpSegment extends Required<TcpFields> {
  readonly checksum: number;
  /** Whether the checksum is right. False, too, for a segment cut short. */
  readonly checksumValid: boolean;
}

const FLAG_LETTERS = "FSRPAUEC";

/** Control bits by their letters, F S R P A U E C in any order: "SA" is SYN and ACK. */
export function tcpFlags(letters: string): number {
  let flags = 0;
  for (const letter of letters) {
    const bit = FLAG_LETTERS.indexOf(letter);
    if (bit === -1) throw new RangeError(`"${letter}" is no TCP flag; they are ${FLAG_LETTERS}`);
    flags |= 1 << bit;
  }
  return flags;
}

/** The letters of control bits: "SA". */
export function formatTcpFlags(flags: number): string {
  return [...FLAG_LETTERS].filter((_, bit) => (flags & (1 << bit)) !== 0).join("");
}

/**
 * Takes a segment apart. The parts are views of `bytes`, which must end where the segment does (an IP packet's
 * payload does). Throws MalformedPacketError.
 */
export function parseTcp(bytes: Uint8Array, addresses: AddressPair): TcpSegment {
  const view = needBytes(bytes, 20, "TCP");
  const header = 4 * (bytes[12]! >> 4);
  if (header < 20 || header > bytes.length)
    throw new MalformedPacketError("TCP", `header of ${header} bytes`);
  const sum = pseudoHeaderSum(addresses.source, addresses.destination, PROTOCOL.TCP, bytes.length);
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    sequence: view.getUint32(4),
    acknowledgement: view.getUint32(8),
    flags: bytes[13]!,
    window: view.getUint16(14),
    urgent: view.getUint16(18),
    options: bytes.subarray(20, header),
    payload: bytes.subarray(header),
    checksum: view.getUint16(16),
    checksumValid: checksumHolds(bytes, sum),
  };
}

/** The bytes of a segment, checksum filled in. */
export function emitTcp(segment: TcpFields, addresses: AddressPair, emit: EmitOptions = {}): Uint8Array {
  const { options = NO_BYTES, payload = NO_BYTES } = segment;
  if (options.length % 4 !== 0 || options.length > 40) {
    throw new RangeError(`TCP options take a multiple of 4 bytes up to 40, not ${options.length}`);
  }
  const header = 20 + options.length;
  const bytes = new Uint8Array(header + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, segment.sourcePort);
  view.setUint16(2, segment.destinationPort);
  view.setUint32(4, segment.sequence ?? 0);
  view.setUint32(8, segment.acknowledgement ?? 0);
  bytes[12] = (header / 4) << 4;
  bytes[13] = segment.flags;
  view.setUint16(14, segment.window ?? 65535);
  view.setUint16(18, segment.urgent ?? 0);
  bytes.set(options, 20);
  bytes.set(payload, header);
  const sum = pseudoHeaderSum(addresses.source, addresses.destination, PROTOCOL.TCP, bytes.length);
  view.setUint16(16, emit.checksum ?? checksum(bytes, sum));
  return bytes;
}
