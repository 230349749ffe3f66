// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Remote checksum offload (draft-herbert-remotecsumoffload): the sender left the checksum of the packet inside a tunnel to the
 * receiver. Its field holds the sum of the pseudo-header; what is to be summed begins at a place that the tunnel's header
 * names, and goes to the end. The checksum of the tunnel's datagram, if there is one, vouches for the bytes.
 *
 * Sums are of 16-bit words as they lie in memory.
 */
import {
  CHECKSUM_LEVEL_QUERY,
  checksumDifference,
  checksumLevel,
  type Infer,
  loadBytes,
  make,
  type Packet,
  replaceL4Checksum,
  STORE_RECOMPUTE_CHECKSUM,
  storeBytes,
  struct,
  swap16,
  u16,
  type u32,
} from "../../bpf/index.ts";
import { fold } from "../forward/checksum.ts";
import { UDP_CHECKSUM } from "../headers.ts";
import { CHUNK, CHUNK_WORDS, sumRoom } from "./tables.ts";
import { PROTOCOL_UDP, type Tunnel } from "./tunnel.ts";

/** A checksum as it lies in memory. */
export const Sum = struct("Sum", { value: u16 });
export type Sum = Infer<typeof Sum>;

/** Chunks in the longest packet. */
const MOST_CHUNKS = 128;
/**
 * The sum of the packet's bytes from `from` up to `to`, carried to 16 bits, so that two can be added; 0 if they are not all
 * there. `from` is even.
 *
 * @separate
 */
export function sumOf(packet: Packet, from: u32, to: u32): u16 {
  const room = sumRoom.lookup(0);
  if (room === null) return 0;
  let sum = 0;
  for (let i = 0; i < MOST_CHUNKS; i++) {
    const at = (from + i * CHUNK) >>> 0;
    if (at >= to) break;
    const left = (to - at) >>> 0;
    if (left >= CHUNK) {
      if (loadBytes(packet, at, room.words) !== 0) return 0;
    } else {
      if (left < 1) break;
      for (let word = 0; word < CHUNK_WORDS; word++) room.words[word] = 0n;
      if (loadBytes(packet, at, room.words, left) !== 0) return 0;
    }
    sum = checksumDifference(null, room.words, sum);
  }
  return ~fold(sum) & 0xffff;
}

/** Where the addresses of both versions' headers are. */
const IPV4_ADDRESSES = 26;
const IPV6_ADDRESSES = 22;

/** Whether the datagram that is the tunnel is what was sent. Called before anything was changed. */
function isDatagramIntact(packet: Packet, tunnel: Tunnel): boolean {
  const at = tunnel.datagram;
  const field = packet.header(Sum, (at & 0xff) + UDP_CHECKSUM);
  if (field === null) return false;
  const sent = field.value;
  // There is none, or a device has verified it.
  if (sent === 0 || checksumLevel(packet, BigInt(CHECKSUM_LEVEL_QUERY)) >= 0) return true;
  // A checksum that is left to a device does not change with the data: the packet comes from this machine and never was on a wire.
  replaceL4Checksum(packet, (at & 0xff) + UDP_CHECKSUM, 0, 1, 2);
  const again = packet.header(Sum, (at & 0xff) + UDP_CHECKSUM);
  if (again === null) return false;
  const isLeft = again.value === sent;
  again.value = sent;
  if (isLeft) return true;
  const addresses = tunnel.outer === 4 ? IPV4_ADDRESSES : IPV6_ADDRESSES;
  const addressesEnd = tunnel.outer === 4 ? IPV4_ADDRESSES + 8 : IPV6_ADDRESSES + 32;
  const length = (tunnel.end - at) & 0xffff;
  const sum =
    sumOf(packet, addresses, addressesEnd) +
    sumOf(packet, at, tunnel.end) +
    swap16(PROTOCOL_UDP) +
    swap16(length);
  return fold(sum) === 0;
}

/** Writes the checksum that was left to us; whether the packet may go on. */
export function completeChecksum(packet: Packet, tunnel: Tunnel, protocol: u32): boolean {
  const from = tunnel.sumStart;
  const at = tunnel.sumField;
  // Of a super-packet the sum is left to whoever cuts it: nobody here verifies it.
  if (packet.gsoSize !== 0) return true;
  if (at < from || at + 2 > tunnel.end || (from & 1) !== 0 || (at & 1) !== 0) return false;
  if (!isDatagramIntact(packet, tunnel)) return false;
  const sum = make(Sum, { value: fold(sumOf(packet, from, tunnel.end)) });
  if (sum.value === 0 && protocol === PROTOCOL_UDP) sum.value = 0xffff;
  return storeBytes(packet, at, sum, STORE_RECOMPUTE_CHECKSUM) === 0;
}
