// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The way of a packet, at tc ingress of every interface of the namespace: parse, find its connection or make one, follow
 * its state, count, forward. What is not ours goes on to the kernel's stack untouched.
 *
 * Interfaces without Ethernet headers, and loopback, are not for this program.
 */
import { make, type Packet, pullData, readOnce, TC_NEXT, TC_SHOT, type u8, type u32 } from "../bpf/index.ts";
import { chooseServer, connect, isNobodys, NOT_OURS, REFUSED, STATELESS } from "./admit.ts";
import { currentTick } from "./clock.ts";
import { retire } from "./connection/retire.ts";
import { countTraffic, packetsOf } from "./count.ts";
import { countMalformed, countOrphaned, countStateless } from "./events.ts";
import { connectionOf, directionOf, findFlow, hashOf, NO_CONNECTION } from "./flow.ts";
import { forward } from "./forward/forward.ts";
import { fragment } from "./fragment.ts";
import {
  ETHERTYPE_IPV4,
  FRAGMENT,
  Headers,
  IPV4_HEADER,
  Ipv4,
  LINK_HEADER,
  Link,
  LONGEST_HEADERS,
  PACKET_HOST,
  TCP_SYN,
  Tcp,
  Udp,
} from "./headers.ts";
import { answerRefused } from "./icmp/answer.ts";
import { translateError } from "./icmp/translate-error.ts";
import { tcpServices, udpServices } from "./options.ts";
import { followTcp, renew } from "./state/follow.ts";
import { statelessDestination, statelessReply } from "./stateless.ts";
import {
  type Connection,
  connectionTable,
  destinationTable,
  FlowKey,
  FROM_CLIENT,
  FROM_SERVER,
  type NextHop,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  STATE_CLOSE,
  STATE_MASK,
  STATE_REMOVED,
  STATE_TIME_WAIT,
  STATE_UDP,
  scratch,
} from "./tables.ts";

/** IP version 4 and a header of 5 words: without options. */
const PLAIN_HEADER = 0x45;

/** The program of traffic control. Returns its verdict. */
export function ingress(packet: Packet): u32 {
  if (packet.protocol !== ETHERTYPE_IPV4) return TC_NEXT;
  // A packet with a VLAN tag beside it comes by again on the VLAN's own interface.
  if (packet.type !== PACKET_HOST || packet.vlanPresent !== 0) return TC_NEXT;
  const headers = packet.header(Headers, 0);
  if (headers === null || headers.versionLength !== PLAIN_HEADER) {
    const length = packet.length;
    pullData(packet, Math.min(length, LONGEST_HEADERS));
  }
  return inspect(packet);
}

function malformed(): u32 {
  countMalformed();
  return TC_NEXT;
}

/** An IPv4 packet, its headers accessible. */
function inspect(packet: Packet): u32 {
  const link = packet.header(Link, 0);
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (link === null || ip === null || link.type !== ETHERTYPE_IPV4) return TC_NEXT;
  const protocol = ip.protocol;
  const isTcp = tcpServices.value && protocol === PROTOCOL_TCP;
  const isUdp = udpServices.value && protocol === PROTOCOL_UDP;
  if (!isTcp && !isUdp && protocol !== PROTOCOL_ICMP) return TC_NEXT;

  const headerLength = (ip.versionLength & 15) * 4;
  const all = packet.length;
  // A super-packet of 64 KiB or more has no total length.
  const length = ip.totalLength !== 0 ? ip.totalLength : all - LINK_HEADER;
  if (ip.versionLength >>> 4 !== 4 || headerLength < IPV4_HEADER || length + LINK_HEADER > all)
    return malformed();
  if ((ip.fragment & FRAGMENT) !== 0) return fragment(packet);
  const transport = LINK_HEADER + headerLength;
  if (protocol === PROTOCOL_ICMP) return translateError(packet, transport, length >>> 0);

  const key = make(FlowKey, { source: ip.source, destination: ip.destination, kind: protocol });
  let flags = 0;
  if (isTcp) {
    const tcp = packet.header(Tcp, transport);
    if (tcp === null) return malformed();
    key.sourcePort = tcp.source;
    key.destinationPort = tcp.destination;
    flags = tcp.flags;
  } else {
    const udp = packet.header(Udp, transport);
    if (udp === null) return malformed();
    key.sourcePort = udp.source;
    key.destinationPort = udp.destination;
  }
  return direct(packet, key, transport, length >>> 0, flags);
}

/**
 * Whether a connection is alive. A SYN from the client on one that is over (TIME_WAIT or CLOSE) begins another, which is
 * scheduled anew (IPVS: conn_reuse_mode 1): the old one ends here.
 */
function isCurrent(connection: Connection, index: u32, direction: u32, flags: u32, now: u32): boolean {
  const word = readOnce(connection, "state");
  if ((word & STATE_REMOVED) !== 0) return false;
  if ((flags & TCP_SYN) === 0 || direction !== FROM_CLIENT) return true;
  const state = word & STATE_MASK;
  if (state !== STATE_TIME_WAIT && state !== STATE_CLOSE) return true;
  return !retire(connection, index, word, now);
}

/** A TCP segment (with its flags) or UDP datagram of the flow `key`, in an IP packet of `length` bytes. */
function direct(packet: Packet, key: FlowKey, transport: u8, length: u32, flags: u8): u32 {
  const now = currentTick();
  let index = NO_CONNECTION;
  let direction = FROM_CLIENT;
  const word = findFlow(key, hashOf(key), 0);
  if (word !== 0) {
    index = connectionOf(word);
    direction = directionOf(word);
  }
  let connection = connectionTable.lookup(index);
  if (connection !== null && !isCurrent(connection, index, direction, flags, now)) connection = null;
  const ports = ((key.sourcePort << 16) | key.destinationPort) >>> 0;
  const protocol = key.kind & 0xff;
  if (connection === null) {
    if (isNobodys(protocol, flags, now)) return TC_NEXT;
    index = chooseServer(key.source, key.destination, ports, protocol, flags);
    if (index === NOT_OURS) return TC_NEXT;
    if (index === REFUSED) return answerRefused(packet);
    if (index !== STATELESS) {
      index = connect(key.source, key.destination, ports, (protocol << 8) | flags, index);
    }
    direction = FROM_CLIENT;
    connection = connectionTable.lookup(index);
    if (connection === null && index !== STATELESS) return TC_SHOT;
  }

  let way = index;
  let destination = 0;
  let address = 0;
  let port = 0;
  let hop: NextHop | null = null;
  if (connection !== null) {
    destination = connection.destination;
    const server = destinationTable.lookup(destination);
    if (server === null) return TC_SHOT;
    if (server.available === 0) {
      if (direction === FROM_CLIENT) {
        countOrphaned();
        return TC_SHOT;
      }
      destination = 0;
    }
    let state = STATE_UDP;
    if (protocol === PROTOCOL_TCP) {
      state = followTcp(connection, server, readOnce(connection, "state"), direction, flags);
    }
    renew(connection, index, state, now);
    if (direction === FROM_CLIENT) {
      way = connection.destination;
      address = connection.server;
      port = connection.serverPort;
      hop = server.hop;
    } else {
      address = connection.virtual;
      port = connection.virtualPort;
      hop = connection.hop;
    }
  } else {
    destination = statelessDestination(key.source, key.destination, ports, protocol);
    const server = destinationTable.lookup(destination);
    if (destination !== 0 && server !== null) {
      way = destination;
      address = server.address.words[0]!;
      port = server.port === 0 ? key.destinationPort : server.port;
      hop = server.hop;
    } else {
      const reply = statelessReply(key);
      const mine = scratch.lookup(0);
      if (reply === null || mine === null) return TC_NEXT;
      direction = FROM_SERVER;
      destination = reply.destination;
      address = reply.virtual.words[0]!;
      port = reply.port;
      mine.hop.interface = 0;
      way = NO_CONNECTION;
      hop = mine.hop;
    }
    countStateless();
  }
  // Slot 0 is nobody's: traffic of servers that were removed is not counted.
  if (destination !== 0) countTraffic(destination, direction, packetsOf(packet), length);
  return forward(packet, transport, direction, length, address, port, way, hop, now);
}
