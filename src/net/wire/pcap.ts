import { MalformedPacketError, needBytes, viewOf } from "./malformed.ts";

/*
 * The classic capture file (draft-ietf-opsawg-pcap), in the byte order of whoever wrote it.
 *
 *   file:    0  magic (4)   4  version 2, 4 (2 + 2)   8  zero (8)   16  longest packet (4)   20  link type (4)
 *   record:  0  seconds (4)   4  fraction (4)   8  bytes that follow (4)   12  bytes on the wire (4)   16  packet
 */

/** Link types of capture files that are of use here. */
export const LINK_TYPE = { ETHERNET: 1, RAW_IP: 101, LINUX_COOKED: 113 } as const;

const MAGIC_MICROSECONDS = 0xa1b2_c3d4;
const MAGIC_NANOSECONDS = 0xa1b2_3c4d;

/** A packet of a capture. */
export interface CapturedPacket {
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  readonly bytes: Uint8Array;
  /** Its length on the wire, in bytes. `bytes` is shorter if the capture cut it. */
  readonly originalLength: number;
}

/** A capture file. */
export interface Capture {
  /** See {@link LINK_TYPE}. */
  readonly linkType: number;
  readonly packets: readonly CapturedPacket[];
}

/**
 * Reads a capture file, of either byte order and of microseconds or nanoseconds. A record that is cut off at the
 * end (the writer was killed) is left out. Throws MalformedPacketError for anything but a classic capture.
 */
export function decodePcap(bytes: Uint8Array): Capture {
  const view = needBytes(bytes, 24, "capture file");
  const little = isMagic(view.getUint32(0, true));
  const magic = view.getUint32(0, little);
  if (!isMagic(magic)) throw new MalformedPacketError("capture file", `magic number 0x${magic.toString(16)}`);
  const fraction = magic === MAGIC_NANOSECONDS ? 1n : 1000n;
  const packets: CapturedPacket[] = [];
  for (let at = 24; at + 16 <= bytes.length; ) {
    const length = view.getUint32(at + 8, little);
    const end = at + 16 + length;
    if (end > bytes.length) break;
    const seconds = BigInt(view.getUint32(at, little));
    packets.push({
      time: seconds * 1_000_000_000n + BigInt(view.getUint32(at + 4, little)) * fraction,
      bytes: bytes.subarray(at + 16, end),
      originalLength: view.getUint32(at + 12, little),
    });
    at = end;
  }
  return { linkType: view.getUint32(20, little), packets };
}

function isMagic(value: number): boolean {
  return value === MAGIC_MICROSECONDS || value === MAGIC_NANOSECONDS;
}

/** The header of a little-endian capture file with times in nanoseconds; records follow it. */
export function encodePcapHeader(linkType: number = LINK_TYPE.ETHERNET): Uint8Array {
  const bytes = new Uint8Array(24);
  const view = viewOf(bytes);
  view.setUint32(0, MAGIC_NANOSECONDS, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, 0x4_0000, true);
  view.setUint32(20, linkType, true);
  return bytes;
}

/** One record of a capture file that {@link encodePcapHeader} began. */
export function encodePcapRecord(packet: CapturedPacket): Uint8Array {
  const bytes = new Uint8Array(16 + packet.bytes.length);
  const view = viewOf(bytes);
  view.setUint32(0, Number(packet.time / 1_000_000_000n), true);
  view.setUint32(4, Number(packet.time % 1_000_000_000n), true);
  view.setUint32(8, packet.bytes.length, true);
  view.setUint32(12, packet.originalLength, true);
  bytes.set(packet.bytes, 16);
  return bytes;
}

/** A whole capture file, little-endian, with times in nanoseconds. */
export function encodePcap(capture: Capture): Uint8Array {
  const parts = [encodePcapHeader(capture.linkType), ...capture.packets.map(encodePcapRecord)];
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
