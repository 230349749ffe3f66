// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * What an ICMP error quotes, translated to what its receiver knows: the addresses and ports of the quoted packet. The quoted
 * transport checksum is left (recordings: packets/icmp-port-unreachable-nat): hosts do not check it, and often it is not even
 * quoted.
 */
import {
  checksumDifference,
  copy,
  make,
  type Packet,
  replaceL4Checksum,
  type u16,
  type u32,
} from "../../bpf/index.ts";
import { replaceAddress, replaceWord } from "../forward/checksum.ts";
import { Ends6 } from "../forward/fullnat.ts";
import { ICMP_CHECKSUM, ICMP_HEADER, Icmp, Ipv4, Ipv6, LINK_HEADER, Ports } from "../headers.ts";
import { type Connection, FROM_CLIENT, type Wide, wide } from "../tables.ts";

/** Where the addresses are in an IPv6 header. */
const ADDRESSES6 = 8;

/**
 * Translates what an error that goes in `direction` quotes, whose ports are at `inside`; the ICMP header is at `transport`. False: it is
 * not there.
 */
export function translateQuote4(
  packet: Packet,
  transport: u16,
  inside: u16,
  connection: Connection,
  direction: u32,
): boolean {
  const icmp = packet.header(Icmp, transport);
  const quote = packet.header(Ipv4, (transport + ICMP_HEADER) & 0xfff);
  const ports = packet.header(Ports, inside);
  if (icmp === null || quote === null || ports === null) return false;
  const isToServer = direction === FROM_CLIENT;
  const source = isToServer ? connection.server : connection.client;
  const destination = isToServer ? connection.local : connection.virtual;
  const sourcePort = isToServer ? connection.serverPort : connection.clientPort;
  const destinationPort = isToServer ? connection.localPort : connection.virtualPort;
  // The quoted addresses and their checksum cancel out in the error's checksum; only the ports show.
  const header = replaceAddress(quote.checksum, quote.source, source);
  quote.checksum = replaceAddress(header, quote.destination, destination);
  quote.source = source;
  quote.destination = destination;
  const checksum = replaceWord(icmp.checksum, ports.source, sourcePort);
  icmp.checksum = replaceWord(checksum, ports.destination, destinationPort);
  ports.source = sourcePort;
  ports.destination = destinationPort;
  return true;
}

/** The addresses of a quoted packet as the receiver knows them. */
function setEnds(addresses: Wide, direction: u32, ends: Ends6): void {
  if (direction === FROM_CLIENT) {
    copy(ends.source, addresses.server);
    copy(ends.destination, addresses.local);
  } else {
    copy(ends.source, addresses.client);
    copy(ends.destination, addresses.virtual);
  }
}

/**
 * By how much the sum of an ICMPv6 error's pseudo-header changes when its own addresses are translated: both under FullNAT,
 * else the one at its far end.
 */
function changeOutside(packet: Packet, addresses: Wide, direction: u32, isFullnat: boolean, seed: u32): u32 {
  const ip = packet.header(Ipv6, LINK_HEADER);
  if (ip === null) return seed;
  if (direction === FROM_CLIENT) {
    const change = checksumDifference(ip.destination, addresses.server, seed);
    return isFullnat ? checksumDifference(ip.source, addresses.local, change) : change;
  }
  const change = checksumDifference(ip.source, addresses.virtual, seed);
  return isFullnat ? checksumDifference(ip.destination, addresses.client, change) : change;
}

/** The same of IPv6, of the connection in slot `index`: the ICMPv6 checksum is then right for the error's own translated addresses too. */
export function translateQuote6(
  packet: Packet,
  transport: u16,
  inside: u16,
  index: u32,
  connection: Connection,
  direction: u32,
  isFullnat: boolean,
): boolean {
  const ends = packet.header(Ends6, (transport + ICMP_HEADER + ADDRESSES6) & 0xfff);
  const ports = packet.header(Ports, inside);
  const addresses = wide.lookup(index);
  if (ends === null || ports === null || addresses === null) return false;
  const after = make(Ends6);
  setEnds(addresses, direction, after);
  let change = checksumDifference(ends, after, 0);
  copy(ends, after);
  const newPorts = make(Ports);
  const isToServer = direction === FROM_CLIENT;
  newPorts.source = isToServer ? connection.serverPort : connection.clientPort;
  newPorts.destination = isToServer ? connection.localPort : connection.virtualPort;
  change = checksumDifference(ports, newPorts, change);
  copy(ports, newPorts);
  change = changeOutside(packet, addresses, direction, isFullnat, change);
  replaceL4Checksum(packet, transport + ICMP_CHECKSUM, 0, change, 0);
  return true;
}
