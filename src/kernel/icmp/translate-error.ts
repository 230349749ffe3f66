// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * ICMP errors about packets of connections. An error quotes the packet it is about as its sender saw it; so it is
 * translated twice, the error and the quoted packet, to what the other end knows. The quoted transport checksum is left
 * (recordings: packets/icmp-port-unreachable-nat): hosts do not check it, and often it is not even quoted.
 */
import {
  make,
  type Packet,
  readOnce,
  redirectNeighbour,
  TC_NEXT,
  TC_SHOT,
  type u8,
  type u16,
  type u32,
} from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { countTraffic } from "../count.ts";
import { countMalformed, countOrphaned } from "../events.ts";
import { connectionOf, directionOf, findFlowByCall, hashOf } from "../flow.ts";
import { replaceAddress, replaceAddressAndAge, replaceWord } from "../forward/checksum.ts";
import { isFresh, NO_WAY, resolve, sendBy, TOO_LARGE } from "../forward/next-hop.ts";
import {
  FRAGMENT_OFFSET,
  ICMP_HEADER,
  ICMP_PARAMETER_PROBLEM,
  ICMP_SOURCE_QUENCH,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  Icmp,
  IPV4_HEADER,
  Ipv4,
  LINK_HEADER,
  Ports,
} from "../headers.ts";
import {
  type Connection,
  connectionTable,
  destinationTable,
  FlowKey,
  FROM_CLIENT,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  STATE_REMOVED,
} from "../tables.ts";

/**
 * Translates the error and what it quotes. From the client's side it is about a packet of the virtual service and becomes one
 * about the server's; from the server's side the other way round.
 */
function translateBoth(
  packet: Packet,
  transport: u8,
  quotedTransport: u16,
  connection: Connection,
  direction: u32,
): boolean {
  const ip = packet.header(Ipv4, LINK_HEADER);
  const icmp = packet.header(Icmp, transport);
  const quote = packet.header(Ipv4, transport + ICMP_HEADER);
  const ports = packet.header(Ports, quotedTransport);
  if (ip === null || icmp === null || quote === null || ports === null) return false;
  ip.lifetime = ip.lifetime - 1;
  // The quoted addresses and their checksum cancel out in the error's checksum; only the port shows.
  if (direction === FROM_CLIENT) {
    ip.checksum = replaceAddressAndAge(ip.checksum, ip.destination, connection.server);
    ip.destination = connection.server;
    quote.checksum = replaceAddress(quote.checksum, quote.source, connection.server);
    quote.source = connection.server;
    icmp.checksum = replaceWord(icmp.checksum, ports.source, connection.serverPort);
    ports.source = connection.serverPort;
  } else {
    ip.checksum = replaceAddressAndAge(ip.checksum, ip.source, connection.virtual);
    ip.source = connection.virtual;
    quote.checksum = replaceAddress(quote.checksum, quote.destination, connection.virtual);
    quote.destination = connection.virtual;
    icmp.checksum = replaceWord(icmp.checksum, ports.destination, connection.virtualPort);
    ports.destination = connection.virtualPort;
  }
  return true;
}

/** The key of the flow that answers the quoted packet, which is the one that the error travels with. */
function setAnswerKey(quote: Ipv4, ports: Ports, key: FlowKey): void {
  key.source = quote.destination;
  key.destination = quote.source;
  key.sourcePort = ports.destination;
  key.destinationPort = ports.source;
  key.kind = quote.protocol;
}

/** An ICMP message, whose header begins at `transport`, in an IP packet of `length` bytes. Returns the verdict. @separate */
export function translateError(packet: Packet, transport: u8, length: u32): u32 {
  const ip = packet.header(Ipv4, LINK_HEADER);
  const icmp = packet.header(Icmp, transport);
  if (ip === null || icmp === null) return TC_NEXT;
  const type = icmp.type;
  if (
    type !== ICMP_UNREACHABLE &&
    type !== ICMP_SOURCE_QUENCH &&
    type !== ICMP_TIME_EXCEEDED &&
    type !== ICMP_PARAMETER_PROBLEM
  ) {
    return TC_NEXT;
  }
  const quote = packet.header(Ipv4, transport + ICMP_HEADER);
  if (quote === null) return TC_NEXT;
  const quotedHeader = (quote.versionLength & 15) * 4;
  if (quote.versionLength >>> 4 !== 4 || quotedHeader < IPV4_HEADER) {
    countMalformed();
    return TC_NEXT;
  }
  if (quote.protocol !== PROTOCOL_TCP && quote.protocol !== PROTOCOL_UDP) return TC_NEXT;
  const quotedTransport = transport + ICMP_HEADER + quotedHeader;
  const ports = packet.header(Ports, quotedTransport);
  // An error goes to the sender of what it quotes, or it is forged. Later fragments have no ports.
  if (ports === null || ip.destination !== quote.source || (quote.fragment & FRAGMENT_OFFSET) !== 0) {
    return TC_NEXT;
  }
  if (quotedTransport + 4 > length + LINK_HEADER || ip.lifetime <= 1) return TC_NEXT;

  const key = make(FlowKey);
  setAnswerKey(quote, ports, key);
  const word = findFlowByCall(key, hashOf(key), 0);
  if (word === 0) return TC_NEXT;
  const direction = directionOf(word);
  const connection = connectionTable.lookup(connectionOf(word));
  if (connection === null) return TC_NEXT;
  if ((readOnce(connection, "state") & STATE_REMOVED) !== 0) return TC_NEXT;
  const server = destinationTable.lookup(connection.destination);
  if (server === null) return TC_NEXT;
  if (server.available !== 0) {
    countTraffic(connection.destination, direction, 1, length);
  } else if (direction === FROM_CLIENT) {
    countOrphaned();
    return TC_SHOT;
  }

  const hop = direction === FROM_CLIENT ? server.hop : connection.hop;
  const now = currentTick();
  const fresh = isFresh(hop, now);
  let out = hop.interface;
  if (!fresh) {
    const address = direction === FROM_CLIENT ? connection.server : connection.virtual;
    const way = direction === FROM_CLIENT ? connection.destination : connectionOf(word);
    out = resolve(packet, direction, way, address, length);
  }
  if (!translateBoth(packet, transport, quotedTransport, connection, direction)) return TC_SHOT;
  if (out === NO_WAY || out === TOO_LARGE) return TC_NEXT;
  return fresh ? sendBy(packet, hop, out) : redirectNeighbour(out, 0);
}
