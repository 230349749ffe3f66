// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { type Packet, redirectNeighbour, TC_NEXT, TC_SHOT, type u32 } from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { NO_CONNECTION } from "../flow.ts";
import { replaceAddressAndAge } from "../forward/checksum.ts";
import { hopOf, isFresh, NO_WAY, resolve, sendBy, TOO_LARGE } from "../forward/next-hop.ts";
import { Ipv4, LINK_HEADER } from "../headers.ts";
import { connectionTable, type Datagram, destinationTable, FROM_CLIENT } from "../tables.ts";

/** Gives a fragment other addresses; the time to live falls by one. */
function translatePart(packet: Packet, way: u32, address: u32): boolean {
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return false;
  const from = way === FROM_CLIENT ? ip.destination : ip.source;
  if (way === FROM_CLIENT) ip.destination = address;
  else ip.source = address;
  ip.lifetime = ip.lifetime - 1;
  ip.checksum = replaceAddressAndAge(ip.checksum, from, address);
  return true;
}

/** The address that a fragment gets. */
function addressFor(datagram: Datagram): u32 {
  const connection = connectionTable.lookup(datagram.connection);
  if (connection !== null) return datagram.way === FROM_CLIENT ? connection.server : connection.virtual;
  if (datagram.way !== FROM_CLIENT) return datagram.virtual.words[0]!;
  const server = destinationTable.lookup(datagram.destination);
  return server === null ? 0 : server.address.words[0]!;
}

/** Sends a fragment, of `length` bytes with its IP header, the way of its datagram. Returns the verdict. */
export function sendPart(packet: Packet, datagram: Datagram, length: u32): u32 {
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return TC_SHOT;
  // As forward() does: left to the kernel, which says so to the sender if the first one came this far.
  if (ip.lifetime <= 1) return TC_NEXT;
  const now = currentTick();
  const direction = datagram.way === FROM_CLIENT ? FROM_CLIENT : 1;
  const connection = connectionTable.lookup(datagram.connection);
  let way = NO_CONNECTION;
  if (direction === FROM_CLIENT) way = connection === null ? datagram.destination : connection.destination;
  else if (connection !== null) way = datagram.connection;
  const hop = hopOf(direction, way);
  if (hop === null) return TC_SHOT;
  const address = addressFor(datagram);
  const fresh = isFresh(hop, now) && way !== NO_CONNECTION;
  let out = hop.interface;
  if (!fresh) out = resolve(packet, direction, way, address, length);
  else if (length > hop.mtu) out = TOO_LARGE;
  if (!translatePart(packet, direction, address)) return TC_SHOT;
  if (out === NO_WAY || out === TOO_LARGE) return TC_NEXT;
  return fresh ? sendBy(packet, hop, out) : redirectNeighbour(out, 0);
}
