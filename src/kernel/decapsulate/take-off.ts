// SPDX-License-Identifier: MIT OR GPL-2.0-only
import {
  adjustRoom,
  CHECKSUM_LEVEL_DECREMENT,
  changeProtocol,
  checksumLevel,
  type Packet,
  ROOM_FIXED_GSO,
  ROOM_MAC,
  ROOM_NO_CHECKSUM_RESET,
  swap16,
} from "../../bpf/index.ts";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, IPV4_HEADER, IPV6_HEADER, LINK_HEADER, Link } from "../headers.ts";
import { FURTHEST_START, type Tunnel } from "./tunnel.ts";

/** By how much the network header changes when a packet's protocol does. */
const DIFFERENCE = IPV6_HEADER - IPV4_HEADER;

/**
 * Takes the tunnel's headers off; false if that failed half-way. The size of segments of a super-packet is that of the packet
 * inside already, and what a device has verified of it stays verified.
 *
 * The flags of `adjustRoom` that say of which version the packet inside is came with Linux 6.3; changing the protocol, and
 * with it the length, is possible everywhere.
 */
export function takeOff(packet: Packet, tunnel: Tunnel): boolean {
  const start = tunnel.start;
  if (start > FURTHEST_START || start < LINK_HEADER + IPV4_HEADER) return false;
  const changes = tunnel.outer !== tunnel.inner;
  const type = tunnel.inner === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
  let room = LINK_HEADER - start;
  if (changes) {
    if (changeProtocol(packet, swap16(type), 0n) !== 0) return false;
    room = tunnel.inner === 4 ? room + DIFFERENCE : room - DIFFERENCE;
  }
  if (adjustRoom(packet, room, ROOM_MAC, ROOM_FIXED_GSO | ROOM_NO_CHECKSUM_RESET) !== 0) return false;
  if (tunnel.checksummed !== 0) checksumLevel(packet, BigInt(CHECKSUM_LEVEL_DECREMENT));
  if (!changes) return true;
  const link = packet.header(Link, 0);
  if (link === null) return false;
  link.type = type;
  return true;
}
