// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * ICMP errors from inside a tunnel's path. A router that cannot forward a tunnelled packet tells its source, which is the director,
 * not the client that sent what is inside. So the outer headers are taken off, and the client is told about its own packet, with an
 * MTU that leaves room for them (RFC 2003 section 4, RFC 2473 section 8; recordings: icmp.json).
 */
import {
  adjustRoom,
  changeTail,
  make,
  type Packet,
  ROOM_MAC,
  readOnce,
  redirectNeighbour,
  TC_NEXT,
  TC_SHOT,
  type u8,
  type u16,
  type u32,
} from "../../bpf/index.ts";
import { countTraffic } from "../count.ts";
import { countAnswered, countUnanswered } from "../events.ts";
import { NO_TRANSPORT } from "../extensions.ts";
import { connectionOf, directionOf, findFlowByCall, hashOf, lookFor, NO_CONNECTION } from "../flow.ts";
import { overheadOf } from "../forward/encapsulate.ts";
import { NO_WAY, resolve, TOO_LARGE } from "../forward/next-hop.ts";
import { resolve6 } from "../forward/next-hop6.ts";
import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  GRE_CHECKSUM_PRESENT,
  Gre,
  Gue,
  ICMP_HEADER,
  Icmp,
  IPV6_HEADER,
  Ipv4,
  Ipv6,
  LINK_HEADER,
  Link,
  Ports,
  PROTOCOL_GRE,
  PROTOCOL_IPIP,
  PROTOCOL_IPV6,
} from "../headers.ts";
import { family } from "../options.ts";
import {
  connectionTable,
  type Destination,
  destinationTable,
  FlowKey,
  FORWARD_TUNNEL,
  FROM_CLIENT,
  FROM_SERVER,
  KIND_FORWARD_SHIFT,
  KIND_IPV6,
  PROTOCOL_ICMPV6,
  PROTOCOL_UDP,
  STATE_ENDED,
  STATE_REMOVED,
  scratch,
  TUNNEL_GRE,
  TUNNEL_GUE,
  TUNNEL_IPIP,
} from "../tables.ts";
import { addressWord, isSame } from "../words.ts";
import { become4 } from "./answer4.ts";
import { become6 } from "./answer6.ts";
import { errorInside, NO_ERROR } from "./error-inside.ts";
import { isIntact } from "./intact.ts";
import { mayAnswer } from "./limit.ts";
import { findTransport4, findTransport6, hasPorts } from "./quote.ts";

/** Parts of GUE's first byte: version and control, which are 0; the length of what is optional, in 4 bytes. */
const GUE_VERSION = 0xe0;
const GUE_LENGTH = 0x1f;

/** Answer of `insideOf`: it is no tunnel of a kind that we make. */
const NO_TUNNEL = 0;

/**
 * Where the inner packet begins, if what follows an outer IP header at `at` (of `protocol`) is a tunnel's: bits 0–15; 16–31 the UDP port
 * of GUE.
 */
function insideOf(packet: Packet, at: u16, protocol: u8): u32 {
  if (protocol === PROTOCOL_IPIP || protocol === PROTOCOL_IPV6) return at;
  if (protocol === PROTOCOL_GRE) {
    const gre = packet.header(Gre, at);
    if (gre === null || (gre.flags & ~GRE_CHECKSUM_PRESENT) !== 0) return NO_TUNNEL;
    return at + (gre.flags === 0 ? 4 : 8);
  }
  if (protocol !== PROTOCOL_UDP) return NO_TUNNEL;
  const gue = packet.header(Gue, at);
  if (gue === null || (gue.versionLength & GUE_VERSION) !== 0) return NO_TUNNEL;
  return ((gue.destination << 16) | (at + 12 + (gue.versionLength & GUE_LENGTH) * 4)) >>> 0;
}

/** Whether a tunnel of that outer protocol and GUE port is the one to the server, to whom the outer packet at `quote` went. */
function isTunnelTo(packet: Packet, quote: u16, protocol: u8, port: u16, server: Destination): boolean {
  if (server.family !== family.value) return false;
  const type = server.tunnelType;
  if (protocol === PROTOCOL_GRE) {
    if (type !== TUNNEL_GRE) return false;
  } else if (protocol === PROTOCOL_UDP) {
    if (type !== TUNNEL_GUE || server.tunnelPort !== port) return false;
  } else if (type !== TUNNEL_IPIP) {
    return false;
  }
  if (family.value === 6) {
    const outer = packet.header(Ipv6, quote);
    return outer !== null && isSame(outer.destination, server.address);
  }
  const outer = packet.header(Ipv4, quote);
  return outer !== null && outer.destination === server.address.words[0]!;
}

/** Fills in the key of the flow that the inner packet is of. */
function setInnerKey(packet: Packet, inner: u16, isIpv6: boolean, key: FlowKey): boolean {
  const found = isIpv6 ? findTransport6(packet, inner) : findTransport4(packet, inner);
  if (found === NO_TRANSPORT || !hasPorts(found & 0xff)) return false;
  const ports = packet.header(Ports, (found >>> 8) & 0xfff);
  if (ports === null) return false;
  key.sourcePort = ports.source;
  key.destinationPort = ports.destination;
  key.kind = found & 0xff;
  if (isIpv6) {
    const ip = packet.header(Ipv6, inner);
    if (ip === null) return false;
    lookFor(ip.source, ip.destination);
    key.source = addressWord(ip.source);
    key.destination = addressWord(ip.destination);
    key.kind = (found & 0xff) | KIND_IPV6;
    return true;
  }
  const ip = packet.header(Ipv4, inner);
  if (ip === null) return false;
  key.source = ip.source;
  key.destination = ip.destination;
  return true;
}

/** The slot of the destination that the tunnel leads to, if there is such a connection; 0: none. */
function destinationOf(packet: Packet, quote: u16, protocol: u8, inside: u32, isIpv6: boolean): u32 {
  const key = make(FlowKey);
  if (!setInnerKey(packet, inside & 0x1ff, isIpv6, key)) return 0;
  const word = findFlowByCall(key, hashOf(key), 0);
  if (word === 0 || directionOf(word) !== FROM_CLIENT) return 0;
  const connection = connectionTable.lookup(connectionOf(word));
  if (connection === null || (readOnce(connection, "state") & (STATE_REMOVED | STATE_ENDED)) !== 0) return 0;
  if (((connection.kind >>> KIND_FORWARD_SHIFT) & 7) !== FORWARD_TUNNEL) return 0;
  const server = destinationTable.lookup(connection.destination);
  if (server === null || !isTunnelTo(packet, quote, protocol, inside >>> 16, server)) return 0;
  return connection.destination;
}

/** Answer of `explain`: no verdict, the packet is now the inner one, and its sender is to be told by `tellSender`. */
export const TO_BE_TOLD = 0xfffffffb;

/** Makes the inner packet, now behind the link header, an error to its sender and sends it there. Returns the verdict. @separate */
export function tellSender(packet: Packet): u32 {
  const mine = scratch.lookup(0);
  const link = packet.header(Link, 0);
  if (mine === null || link === null) return TC_SHOT;
  const isIpv6 = mine.place === 6;
  const what = mine.answer & 0xffff;
  const mtu = mine.answerMtu & 0xffff;
  mine.answer = 0;
  link.type = isIpv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
  mine.hop.interface = 0;
  let out = NO_WAY;
  if (isIpv6) {
    if (become6(packet, what, mtu) === 0) return TC_SHOT;
    const transport = LINK_HEADER + IPV6_HEADER;
    out = resolve6(packet, FROM_SERVER, transport, PROTOCOL_ICMPV6, mine.destination, mine.hop, 0);
  } else {
    if (become4(packet, what, mtu, 0) === 0) return TC_SHOT;
    const ip = packet.header(Ipv4, LINK_HEADER);
    if (ip === null) return TC_SHOT;
    out = resolve(packet, FROM_SERVER, NO_CONNECTION, ip.source, 0);
  }
  if (out === NO_WAY || out === TOO_LARGE) return TC_SHOT;
  countAnswered();
  return redirectNeighbour(out, 0);
}

/**
 * If an error of `length` bytes, whose header begins at `transport`, is about a packet of a connection in a tunnel, tells the client.
 * What the quoted outer IP header carries is of `protocol` and begins at `inside`. Returns the verdict or
 * TO_BE_TOLD; TC_NEXT: it is not. @separate
 */
export function explain(packet: Packet, transport: u16, length: u32, inside: u16, protocol: u8): u32 {
  const found = insideOf(packet, inside, protocol);
  if (found === NO_TUNNEL) return TC_NEXT;
  const inner = found & 0x1ff;
  const first = packet.header(Ipv4, inner);
  const icmp = packet.header(Icmp, transport);
  if (first === null || icmp === null) return TC_NEXT;
  const isIpv6 = first.versionLength >>> 4 === 6;
  const slot = destinationOf(packet, (transport + ICMP_HEADER) & 0xfff, protocol, found, isIpv6);
  const server = destinationTable.lookup(slot);
  if (slot === 0 || server === null) return TC_NEXT;
  const told = ((icmp.type << 8) | icmp.code) & 0xffff;
  const reported = icmp.mtu;
  const error = errorInside(packet, inner, told, reported, overheadOf(server), isIpv6);
  if (error === NO_ERROR) return TC_NEXT;
  if (!isIntact(packet, transport, length)) return TC_SHOT;
  if (!mayAnswer()) {
    countUnanswered();
    return TC_SHOT;
  }
  const left = (length + LINK_HEADER - inner) & 0xffff;
  // As IPVS counts them: what came and what is sent (recordings).
  if (server.available !== 0) countTraffic(slot, FROM_SERVER, 2, (left * 2 + 28) >>> 0);
  if (changeTail(packet, (length + LINK_HEADER) >>> 0, 0n) !== 0) return TC_SHOT;
  if (adjustRoom(packet, (LINK_HEADER - inner) | 0, ROOM_MAC, 0n) !== 0) return TC_SHOT;
  const mine = scratch.lookup(0);
  if (mine === null) return TC_SHOT;
  mine.answer = error >>> 16;
  mine.answerMtu = error & 0xffff;
  mine.place = isIpv6 ? 6 : 4;
  return TO_BE_TOLD;
}
