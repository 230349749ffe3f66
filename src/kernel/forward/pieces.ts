// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Cutting packets. A program cannot make packets, only send copies of one while it changes it: so the payload is put aside
 * in memory, and each piece in turn becomes the packet, which is sent.
 */
import {
  adjustRoom,
  changeTail,
  type Infer,
  loadBytes,
  type Packet,
  ROOM_NETWORK,
  replaceL4Checksum,
  storeBytes,
  struct,
  type u8,
  type u16,
  u16be,
  type u32,
} from "../../bpf/index.ts";
import { IPV4_HEADER, IPV6_HEADER, LINK_HEADER, TCP_CHECKSUM, UDP_CHECKSUM } from "../headers.ts";
import { family } from "../options.ts";
import { cut, PIECE, PIECES, PROTOCOL_TCP, PROTOCOL_UDP, pieces, SAVED } from "../tables.ts";
import { NO_SUM, sumOf } from "./sum-of.ts";

/**
 * Puts aside all pieces but the first of `total` bytes from `offset` on, each of `size` bytes, the last one of what is left. False: they
 * are not there, or too many.
 */
export function keepPieces(packet: Packet, offset: u32, total: u32, size: u32): boolean {
  for (let i = 1; i < PIECES; i++) {
    const at = i * (size & 0xfff);
    if (at >= total) return true;
    const piece = pieces.lookup(i);
    const count = Math.min((total - at) >>> 0, Math.min(size, PIECE));
    if (piece === null || count === 0) return false;
    if (loadBytes(packet, (offset + at) >>> 0, piece.bytes, count) !== 0) return false;
  }
  return total <= PIECES * (size & 0xfff);
}

/** Makes the packet end with piece `i` at `offset`, of `count` bytes; the first one is there already. */
export function putPiece(packet: Packet, offset: u32, i: u32, count: u32): boolean {
  if (changeTail(packet, (offset + count) >>> 0, 0n) !== 0) return false;
  if (i === 0) return true;
  const piece = pieces.lookup(i);
  if (piece === null || count < 1 || count > PIECE) return false;
  return storeBytes(packet, offset, piece.bytes, 0, count) === 0;
}

/** A checksum. */
export const Checksum = struct("Checksum", { value: u16be });
export type Checksum = Infer<typeof Checksum>;

/** A word that is not 0 in any sum. */
const TRIAL = 0x0101;

/**
 * Whether the device is to fill in the checksum at `field`, of a TCP or UDP header. A program is not told: but only then the
 * kernel's helper leaves a checksum alone when other than the pseudo-header changes.
 */
function isLeftToDevice(packet: Packet, field: u16): boolean {
  const before = packet.header(Checksum, field);
  if (before === null) return false;
  const checksum = before.value;
  replaceL4Checksum(packet, field, 0, TRIAL, 2);
  const after = packet.header(Checksum, field);
  if (after === null || after.value === checksum) return true;
  after.value = checksum;
  return false;
}

/**
 * Makes the kernel forget that the checksum of a packet is left to the device: by taking out more than its headers, and putting
 * them back.
 */
function keepFromDevice(packet: Packet): boolean {
  const plan = cut.lookup(0);
  if (plan === null) return false;
  const begin = LINK_HEADER + (family.value === 6 ? IPV6_HEADER : IPV4_HEADER);
  if (loadBytes(packet, begin, plan.saved) !== 0) return false;
  if (adjustRoom(packet, -SAVED, ROOM_NETWORK, 0n) !== 0) return false;
  if (adjustRoom(packet, SAVED, ROOM_NETWORK, 0n) !== 0) return false;
  return storeBytes(packet, begin, plan.saved, 0) === 0;
}

/**
 * Sees to it that the TCP or UDP checksum of a packet, whose header begins at `transport`, is complete, as nobody can complete it
 * once the packet is cut. `length` is that of the IP packet, which is no super-packet. 0: it is not; the packet is of no more use. @separate
 */
export function completeChecksum(packet: Packet, transport: u16, protocol: u8, length: u32): u32 {
  if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) return 1;
  const field = ((transport & 0x3ff) + (protocol === PROTOCOL_UDP ? UDP_CHECKSUM : TCP_CHECKSUM)) & 0xffff;
  if (!isLeftToDevice(packet, field)) return 1;
  if (!keepFromDevice(packet)) return 0;
  const end = length + LINK_HEADER;
  if (end <= transport) return 0;
  // The field holds the sum of the pseudo-header.
  const sum = sumOf(packet, transport, (end - transport) >>> 0);
  const checksum = packet.header(Checksum, field);
  if (sum === NO_SUM || checksum === null) return 0;
  const complement = ~sum & 0xffff;
  checksum.value = complement === 0 ? 0xffff : complement;
  return 1;
}
