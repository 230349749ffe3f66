/** SCTP packets, as far as an echo needs them: RFC 9260. All numbers in network order but the checksum. */

/** Types of chunks. */
export const CHUNK = {
  DATA: 0,
  INIT: 1,
  INIT_ACK: 2,
  SACK: 3,
  COOKIE_ECHO: 10,
  COOKIE_ACK: 11,
} as const;

/** Everything in one chunk, nothing cut. */
export const DATA_WHOLE = 3;

export interface Chunk {
  readonly type: number;
  readonly flags: number;
  readonly value: Buffer;
}

export interface SctpPacket {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** The tag that the receiver has chosen; 0 with INIT. */
  readonly tag: number;
  readonly chunks: readonly Chunk[];
}

const COMMON_HEADER = 12;
const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/** CRC-32C (Castagnoli). */
export function crc32c(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255]! ^ (value >>> 8);
  return ~value >>> 0;
}

/** The bytes of a packet, checksum included. */
export function emitSctp({ sourcePort, destinationPort, tag, chunks }: SctpPacket): Buffer {
  const header = Buffer.alloc(COMMON_HEADER);
  header.writeUInt16BE(sourcePort, 0);
  header.writeUInt16BE(destinationPort, 2);
  header.writeUInt32BE(tag, 4);
  const parts = chunks.flatMap(({ type, flags, value }) => {
    const head = Buffer.from([type, flags, 0, 0]);
    head.writeUInt16BE(4 + value.length, 2);
    return [head, value, Buffer.alloc((4 - (value.length % 4)) % 4)];
  });
  const packet = Buffer.concat([header, ...parts]);
  packet.writeUInt32LE(crc32c(packet), 8);
  return packet;
}

/** Takes a packet apart; undefined if its checksum is wrong or it is cut. */
export function parseSctp(bytes: Buffer): SctpPacket | undefined {
  if (bytes.length < COMMON_HEADER) return undefined;
  const copy = Buffer.from(bytes);
  copy.writeUInt32LE(0, 8);
  if (crc32c(copy) !== bytes.readUInt32LE(8)) return undefined;
  const chunks: Chunk[] = [];
  for (let at = COMMON_HEADER; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16BE(at + 2);
    if (length < 4 || at + length > bytes.length) return undefined;
    chunks.push({ type: bytes[at]!, flags: bytes[at + 1]!, value: bytes.subarray(at + 4, at + length) });
    at += length + ((4 - (length % 4)) % 4);
  }
  return {
    sourcePort: bytes.readUInt16BE(0),
    destinationPort: bytes.readUInt16BE(2),
    tag: bytes.readUInt32BE(4),
    chunks,
  };
}

/** The value of an INIT or INIT ACK: the sender's tag and first number; of an INIT ACK, a cookie, too. */
export function initValue(tag: number, first: number, cookie?: Buffer): Buffer {
  const fixed = Buffer.alloc(16);
  fixed.writeUInt32BE(tag, 0);
  fixed.writeUInt32BE(65_536, 4);
  fixed.writeUInt16BE(1, 8);
  fixed.writeUInt16BE(1, 10);
  fixed.writeUInt32BE(first, 12);
  if (cookie === undefined) return fixed;
  const STATE_COOKIE = 7;
  const head = Buffer.from([0, STATE_COOKIE, 0, 4 + cookie.length]);
  return Buffer.concat([fixed, head, cookie]);
}

/** The value of a DATA chunk on stream 0. */
export function dataValue(number: number, sequence: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt32BE(number, 0);
  head.writeUInt16BE(sequence & 0xffff, 6);
  return Buffer.concat([head, payload]);
}

/** The value of a SACK: all up to `number` came. */
export function sackValue(number: number): Buffer {
  const value = Buffer.alloc(12);
  value.writeUInt32BE(number, 0);
  value.writeUInt32BE(65_536, 4);
  return value;
}
