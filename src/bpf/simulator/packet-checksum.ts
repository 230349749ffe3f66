/** The checksum helpers over simulated packets; sums are of words as they lie in memory. */
import { addChecksum, foldChecksum, subtractChecksum, sumBytes } from "./checksum.ts";
import type { SimulatedPacket } from "./packet.ts";

const EFAULT = 14;
const EINVAL = 22;

const SIZE = 0xf;
const PSEUDO_HEADER = 0x10;
const ZERO_IS_NONE = 0x20;
const ENFORCE = 0x40;
const ALL = SIZE | PSEUDO_HEADER | ZERO_IS_NONE | ENFORCE;
/** A computed checksum of 0 where 0 means none (RFC 768). */
const MANGLED_ZERO = 0xffff;

/** The change of a sum from `from` to `to`, or undefined if these sizes and values are refused. */
function change(size: number, from: number, to: number): number | undefined {
  if (size === 0) return from === 0 ? to : undefined;
  if (size === 2) return subtractChecksum(to & 0xffff, from & 0xffff);
  return size === 4 ? subtractChecksum(to, from) : undefined;
}

/** A complemented 16-bit checksum after a change of what it covers (RFC 1624, equation 3). */
function updated(checksum: number, difference: number): number {
  return ~foldChecksum(addChecksum(~checksum >>> 0, difference)) & 0xffff;
}

/** The change applied in the order `− from + to`, which decides between the two zeroes of ones' complement. */
function replaced(checksum: number, size: number, from: number, to: number): number {
  if (size === 0) return updated(checksum, to);
  const mask = size === 2 ? 0xffff : 0xffffffff;
  const without = subtractChecksum(~checksum >>> 0, (from & mask) >>> 0);
  return ~foldChecksum(addChecksum(without, (to & mask) >>> 0)) & 0xffff;
}

/** A 16-bit field can be written there. */
function reachable(packet: SimulatedPacket, offset: number): boolean {
  return offset <= 0xffff && offset % 2 === 0 && packet.makeWritable(offset + 2);
}

/** `replaceL3Checksum` */
export function replaceL3(
  packet: SimulatedPacket,
  offset: number,
  from: number,
  to: number,
  flags: number,
): number {
  packet.revokeViews();
  if ((flags & ~SIZE) !== 0) return -EINVAL;
  if (!reachable(packet, offset)) return -EFAULT;
  if (change(flags, from, to) === undefined) return -EINVAL;
  packet.data.setUint16(offset, replaced(packet.data.getUint16(offset, true), flags, from, to), true);
  return 0;
}

/** `replaceL4Checksum` */
export function replaceL4(
  packet: SimulatedPacket,
  offset: number,
  from: number,
  to: number,
  flags: number,
): number {
  packet.revokeViews();
  if ((flags & ~ALL) !== 0) return -EINVAL;
  if (!reachable(packet, offset)) return -EFAULT;
  const { data, checksum } = packet;
  const field = data.getUint16(offset, true);
  const zeroIsNone = (flags & ZERO_IS_NONE) !== 0;
  if (zeroIsNone && (flags & ENFORCE) === 0 && field === 0) return 0;
  const size = flags & SIZE;
  const difference = change(size, from, to);
  if (difference === undefined) return -EINVAL;
  const pseudo = (flags & PSEUDO_HEADER) !== 0;
  let next = field;
  if (checksum.kind !== "partial") {
    next = replaced(field, size, from, to);
    if (checksum.kind === "complete" && pseudo) {
      const sum = ~addChecksum(~checksum.sum >>> 0, difference) >>> 0;
      packet.checksum = { kind: "complete", sum };
    }
  } else if (pseudo) {
    next = foldChecksum(addChecksum(field, difference));
  }
  data.setUint16(offset, zeroIsNone && next === 0 ? MANGLED_ZERO : next, true);
  return 0;
}

const EACCES = 13;
/** The kernel counts verified checksums in two bits. */
const MOST_LEVELS = 3;

/** `checksumLevel` */
export function changeLevel(packet: SimulatedPacket, action: number): number {
  const { checksum } = packet;
  const verified = checksum.kind === "unnecessary";
  const level = verified ? (checksum.level ?? 0) : 0;
  switch (action) {
    case 0:
      return verified ? level : -EACCES;
    case 1:
      if (verified) packet.checksum = { kind: "unnecessary", level: Math.min(level + 1, MOST_LEVELS) };
      else if (checksum.kind === "none") packet.checksum = { kind: "unnecessary" };
      return 0;
    case 2:
      if (verified)
        packet.checksum = level === 0 ? { kind: "none" } : { kind: "unnecessary", level: level - 1 };
      return 0;
    case 3:
      if (verified) packet.checksum = { kind: "none" };
      return 0;
    default:
      return -EINVAL;
  }
}

/** The packet as a device sends it: a checksum left to the device is filled in. A copy; super-packets stay whole. */
export function wireBytes(packet: SimulatedPacket): Uint8Array<ArrayBuffer> {
  const bytes = packet.bytes.slice();
  if (packet.checksum.kind === "partial") {
    const { start, offset } = packet.checksum;
    const data = new DataView(bytes.buffer);
    const sum = ~foldChecksum(sumBytes(data, start, bytes.length - start)) & 0xffff;
    data.setUint16(start + offset, sum === 0 ? MANGLED_ZERO : sum, true);
  }
  return bytes;
}
