// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The way of a packet, at tc ingress of every interface of the namespace: parse, find its connection or make one, follow
 * its state, count, forward. What is not ours goes on to the kernel's stack untouched.
 *
 * Interfaces without Ethernet headers, and loopback, are not for this program.
 */
import {
  make,
  type Packet,
  pullData,
  readOnce,
  TC_NEXT,
  TC_SHOT,
  tailCall,
  type u8,
  type u16,
  type u32,
} from "../bpf/index.ts";
import {
  askService,
  BY_ITSELF,
  chooseServer,
  connect,
  DESTINATION,
  isNobodys,
  NOT_OURS,
  REFUSED,
  STATELESS,
} from "./admit.ts";
import { currentTick } from "./clock.ts";
import { enterLocal } from "./connection/local.ts";
import { retire } from "./connection/retire.ts";
import { countConnection, countTraffic, packetsOf } from "./count.ts";
import { mayAdmit } from "./defence/drop-packet.ts";
import { countMalformed, countOrphaned, countStateless } from "./events.ts";
import { findTransport, IS_FRAGMENT, NO_TRANSPORT } from "./extensions.ts";
import { connectionOf, directionOf, findFlow, hashOf, lookFor, NO_CONNECTION } from "./flow.ts";
import { forward } from "./forward/forward.ts";
import { placeOf } from "./forward/forward6.ts";
import { forwardFullnat } from "./forward/fullnat.ts";
import { isHandedOver, LOOPBACK } from "./forward/hand-over.ts";
import { forwardOtherwise } from "./forward/methods.ts";
import { laterFragment } from "./fragment/later.ts";
import { leave } from "./fragment/leave.ts";
import { laterOutgoing } from "./fragment/outgoing.ts";
import { FRAGMENT_HEADER, hasTransport } from "./fragment/part.ts";
import { rememberFragments } from "./fragment/remember.ts";
import { send, TO_BE_SENT } from "./fragment/send.ts";
import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  FRAGMENT,
  FRAGMENT_MORE6,
  FRAGMENT_OFFSET,
  FRAGMENT_OFFSET6,
  FragmentHeader,
  Headers,
  Headers6,
  IPV4_HEADER,
  IPV6_HEADER,
  Ipv4,
  Ipv6,
  LINK_HEADER,
  Link,
  LONGEST_HEADERS,
  PACKET_HOST,
  Sctp,
  Tcp,
  Udp,
} from "./headers.ts";
import { answerNow, answerRefused, isToBeAnswered, TO_BE_ANSWERED } from "./icmp/answer.ts";
import { isMessage, setQuotedKey } from "./icmp/begin.ts";
import { handleError, TO_ADMISSION } from "./icmp/handle-error.ts";
import { TO_BE_TOLD, tellSender } from "./icmp/tunnel-error.ts";
import { isTold, tellServer } from "./icmp/unwanted.ts";
import {
  admission,
  aside,
  family,
  fullnat,
  ipv6Services,
  outgoing,
  persistence,
  sctpServices,
  tcpServices,
  tunnels,
  udpServices,
} from "./options.ts";
import { leaveHost } from "./outgoing.ts";
import { assure } from "./persistence/control.ts";
import { followSctp, followTcp, renew } from "./state/follow.ts";
import { beginsAnew, isReusable } from "./state/reuse.ts";
import { sctpEvent } from "./state/sctp-event.ts";
import { statelessDestination, statelessReply } from "./stateless.ts";
import { SYSCTL_EXPIRE_NODEST_CONN } from "./sysctls.ts";
import {
  type Connection,
  connectionTable,
  type Destination,
  destinationTable,
  FlowKey,
  FORWARD_FULLNAT,
  FORWARD_MASQ,
  FROM_CLIENT,
  FROM_SERVER,
  KIND_FORWARD_SHIFT,
  KIND_IPV6,
  type NextHop,
  PROGRAM_IPV4,
  PROGRAM_IPV4_ADMISSION,
  PROGRAM_IPV4_ASIDE,
  PROGRAM_IPV6,
  PROGRAM_IPV6_ADMISSION,
  PROGRAM_IPV6_ASIDE,
  PROGRAM_IPV6_OUTGOING,
  PROTOCOL_AH,
  PROTOCOL_ESP,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  programs,
  STATE_ENDED,
  STATE_ESTABLISHED,
  STATE_MASK,
  STATE_REMOVED,
  STATE_SCTP_ESTABLISHED,
  STATE_UDP,
  scratch,
  settings,
} from "./tables.ts";
import { addressWord } from "./words.ts";

/** The UDP port of IKE, which agrees about IPsec's keys, at both ends. */
const KEY_EXCHANGE_PORT = 500;

/** IP version 4 and a header of 5 words: without options. */
const PLAIN_HEADER = 0x45;

/** The program of traffic control. Returns its verdict. */
export function ingress(packet: Packet): u32 {
  if (family.value === 4) {
    if (packet.protocol !== ETHERTYPE_IPV4) {
      if (ipv6Services.value && packet.protocol === ETHERTYPE_IPV6)
        tailCall(packet, programs, outgoing.value ? PROGRAM_IPV6_OUTGOING : PROGRAM_IPV6);
      return TC_NEXT;
    }
  } else if (packet.protocol !== ETHERTYPE_IPV6) {
    return TC_NEXT;
  }
  // A packet with a VLAN tag beside it comes by again on the VLAN's own interface.
  if (packet.type !== PACKET_HOST || packet.vlanPresent !== 0) return TC_NEXT;
  if (aside.value && isToBeAnswered()) return answerNow(packet);
  let verdict = look(packet);
  if (aside.value && verdict === TO_BE_SENT) verdict = send(packet);
  if (aside.value && tunnels.value && verdict === TO_BE_TOLD) verdict = tellSender(packet);
  if (verdict !== TO_BE_ANSWERED) return verdict;
  if (aside.value) return answerNow(packet);
  stepAside(packet);
  return TC_SHOT;
}

/** Makes the headers accessible, and goes on by them. */
function look(packet: Packet): u32 {
  if (family.value === 6) {
    const headers6 = packet.header(Headers6, 0);
    if (headers6 === null || headers6.nextHeader !== PROTOCOL_TCP) {
      const length = packet.length;
      pullData(packet, Math.min(length, LONGEST_HEADERS));
    }
    return inspect6(packet);
  }
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

/** Whether a transport protocol is one of those that services have. */
function isServed(protocol: u8): boolean {
  return (
    (tcpServices.value && protocol === PROTOCOL_TCP) ||
    (udpServices.value &&
      (protocol === PROTOCOL_UDP || protocol === PROTOCOL_ESP || protocol === PROTOCOL_AH)) ||
    (sctpServices.value && protocol === PROTOCOL_SCTP)
  );
}

/** An IPv4 packet, its headers accessible. */
function inspect(packet: Packet): u32 {
  const link = packet.header(Link, 0);
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (link === null || ip === null || link.type !== ETHERTYPE_IPV4) return TC_NEXT;
  const protocol = ip.protocol;
  if (!isServed(protocol) && protocol !== PROTOCOL_ICMP) return TC_NEXT;

  const headerLength = (ip.versionLength & 15) * 4;
  const all = packet.length;
  // A super-packet of 64 KiB or more has no total length.
  const length = ip.totalLength !== 0 ? ip.totalLength : all - LINK_HEADER;
  if (ip.versionLength >>> 4 !== 4 || headerLength < IPV4_HEADER || length + LINK_HEADER > all)
    return malformed();
  const transport = LINK_HEADER + headerLength;
  const isIcmp = protocol === PROTOCOL_ICMP;
  let part = 0;
  if (!admission.value && (ip.fragment & FRAGMENT) !== 0) {
    if (packet.ifindex === LOOPBACK && isHandedOver(packet)) return TC_NEXT;
    if (isIcmp) return TC_NEXT;
    if ((ip.fragment & FRAGMENT_OFFSET) !== 0) {
      if (outgoing.value) return laterOutgoing(packet, transport);
      return aside.value ? laterFragment(packet, transport, length >>> 0) : stepAside(packet);
    }
    if (!hasTransport(protocol, transport, length >>> 0)) return outgoing.value ? TC_NEXT : leave(packet);
    part = transport;
  }
  if (aside.value) return isIcmp ? messageOf(packet, transport, length >>> 0) : TC_NEXT;
  if (isIcmp && !admission.value) return stepAside(packet);
  const key = make(FlowKey, { source: ip.source, destination: ip.destination, kind: protocol });
  const verdict = classify(packet, key, transport, length >>> 0, protocol, part);
  return !outgoing.value && part !== 0 && verdict === TC_NEXT ? leave(packet) : verdict;
}

/** A packet for the program beside this one. */
function stepAside(packet: Packet): u32 {
  if (outgoing.value) return TC_NEXT;
  tailCall(packet, programs, family.value === 6 ? PROGRAM_IPV6_ASIDE : PROGRAM_IPV4_ASIDE);
  return TC_NEXT;
}

/** An ICMP message. If it is an error about a flow without a connection, it may open one. */
function messageOf(packet: Packet, transport: u16, length: u32): u32 {
  const verdict = handleError(packet, transport, length);
  if (verdict !== TO_ADMISSION) return verdict;
  tailCall(packet, programs, family.value === 6 ? PROGRAM_IPV6_ADMISSION : PROGRAM_IPV4_ADMISSION);
  return TC_NEXT;
}

/** An IPv6 packet, its headers accessible. */
function inspect6(packet: Packet): u32 {
  const link = packet.header(Link, 0);
  const ip = packet.header(Ipv6, LINK_HEADER);
  if (link === null || ip === null || link.type !== ETHERTYPE_IPV6) return TC_NEXT;
  const all = packet.length;
  // A super-packet of 64 KiB or more has no payload length.
  const length = ip.payloadLength !== 0 ? ip.payloadLength + IPV6_HEADER : all - LINK_HEADER;
  if (ip.versionClassLabel >>> 28 !== 6 || length + LINK_HEADER > all) return malformed();
  let protocol = ip.nextHeader;
  let transport = LINK_HEADER + IPV6_HEADER;
  let part = 0;
  if (!isServed(protocol) && protocol !== PROTOCOL_ICMPV6) {
    const found = findTransport(packet, LINK_HEADER);
    if (found === NO_TRANSPORT) return TC_NEXT;
    protocol = found & 0xff;
    transport = (found >>> 8) & 0xfff;
    if ((found & IS_FRAGMENT) !== 0) {
      const fragment = packet.header(FragmentHeader, transport);
      if (fragment === null) return TC_NEXT;
      if ((fragment.offset & FRAGMENT_OFFSET6) !== 0) {
        if (protocol === PROTOCOL_ICMPV6) return TC_NEXT;
        if (outgoing.value) return laterOutgoing(packet, transport);
        return aside.value ? laterFragment(packet, transport, length >>> 0) : stepAside(packet);
      }
      // One that is the whole datagram is treated as such (RFC 6946).
      if ((fragment.offset & FRAGMENT_MORE6) !== 0) part = transport;
      transport = (transport + FRAGMENT_HEADER) & 0xfff;
    }
    const isFit = isServed(protocol) && (part === 0 || hasTransport(protocol, transport, length >>> 0));
    if (!isFit && (protocol !== PROTOCOL_ICMPV6 || part !== 0))
      return part === 0 || outgoing.value ? TC_NEXT : leave(packet);
  }
  const isIcmp = protocol === PROTOCOL_ICMPV6;
  if (aside.value) return isIcmp ? messageOf(packet, transport, length >>> 0) : TC_NEXT;
  if (isIcmp && !admission.value) return stepAside(packet);
  const addresses = packet.header(Ipv6, LINK_HEADER);
  if (addresses === null) return TC_NEXT;
  lookFor(addresses.source, addresses.destination);
  const key = make(FlowKey, {
    source: addressWord(addresses.source),
    destination: addressWord(addresses.destination),
    kind: protocol | KIND_IPV6,
  });
  const verdict = classify(packet, key, transport, length >>> 0, protocol, part);
  return !outgoing.value && part !== 0 && verdict === TC_NEXT ? leave(packet) : verdict;
}

/** A packet between the addresses of `key`, whose transport header begins at `transport`; `part`: see `direct`. */
function classify(packet: Packet, key: FlowKey, transport: u16, length: u32, protocol: u8, part: u16): u32 {
  let what = protocol << 8;
  if (admission.value && protocol === (family.value === 6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP)) {
    what = setQuotedKey(packet, transport, length, key);
    if (what === 0) return TC_NEXT;
  } else if (tcpServices.value && protocol === PROTOCOL_TCP) {
    const tcp = packet.header(Tcp, transport);
    if (tcp === null) return malformed();
    key.sourcePort = tcp.source;
    key.destinationPort = tcp.destination;
    what |= tcp.flags;
  } else if (sctpServices.value && protocol === PROTOCOL_SCTP) {
    const sctp = packet.header(Sctp, transport);
    if (sctp === null) return malformed();
    key.sourcePort = sctp.source;
    key.destinationPort = sctp.destination;
    what |= sctpEvent(packet, transport, sctp.chunk, sctp.chunkLength) & 15;
  } else if (protocol === PROTOCOL_UDP) {
    const udp = packet.header(Udp, transport);
    if (udp === null) return malformed();
    key.sourcePort = udp.source;
    key.destinationPort = udp.destination;
  } else if (udpServices.value) {
    // AH and ESP have no ports: they go with the key exchange that they came of (RFC 7296).
    key.sourcePort = KEY_EXCHANGE_PORT;
    key.destinationPort = KEY_EXCHANGE_PORT;
    key.kind = family.value === 6 ? PROTOCOL_UDP | KIND_IPV6 : PROTOCOL_UDP;
  } else {
    return TC_NEXT;
  }
  if (outgoing.value) return leaveHost(packet, key, transport, length, what, part);
  return admission.value ? admit(packet, key, what) : direct(packet, key, transport, length, what, part);
}

/**
 * A packet of a flow without a connection, or an ICMP error about one: it gets a connection, if it is to, and goes on as a packet that
 * has one.
 */
function admit(packet: Packet, key: FlowKey, what: u16): u32 {
  if (family.value === 4 && packet.ifindex === LOOPBACK && isHandedOver(packet)) return TC_NEXT;
  const ports = ((key.sourcePort << 16) | key.destinationPort) >>> 0;
  const service = askService(key.source, key.destination, ports, what, packet.mark);
  if (service === NOT_OURS) {
    const told = isTold() ? tellServer(packet, key.source, key.sourcePort, what) : TC_NEXT;
    return told === TC_NEXT ? leave(packet) : told;
  }
  let decision = STATELESS;
  if (service !== STATELESS && !mayAdmit()) return TC_SHOT;
  if (service !== STATELESS) decision = chooseServer(service, key.source, key.destination, ports, what);
  if (decision === NOT_OURS) return leave(packet);
  if (decision === REFUSED) return answerRefused(packet);
  if (decision < BY_ITSELF) decision = connect(key.source, key.destination, ports, what, decision);
  if (fullnat.value && decision < BY_ITSELF && !enterLocal(decision)) return TC_SHOT;
  const mine = scratch.lookup(0);
  if (mine === null) return TC_SHOT;
  mine.decision = decision < BY_ITSELF ? 0 : decision;
  mine.decided = (key.source ^ ports) >>> 0;
  mine.admitted = decision < BY_ITSELF && beginsAnew(what) ? decision + 1 : 0;
  mine.begun = decision < BY_ITSELF && isMessage(packet) ? decision + 1 : 0;
  tailCall(packet, programs, family.value === 6 ? PROGRAM_IPV6 : PROGRAM_IPV4);
  mine.decision = 0;
  return TC_SHOT;
}

/** Whether a connection is alive: neither ended, nor to make way for one that this packet begins. */
function isCurrent(connection: Connection, index: u32, direction: u32, what: u16): boolean {
  const word = readOnce(connection, "state");
  if ((word & (STATE_REMOVED | STATE_ENDED)) !== 0) {
    // Until the sweeper comes by, its flow would keep a new connection out.
    if ((word & STATE_REMOVED) === 0) expire(index);
    return false;
  }
  if (direction !== FROM_CLIENT || !beginsAnew(what)) return true;
  return makeWay(index) === 0;
}

/**
 * A packet came that begins a connection where there is one: that ends if it is over, or (IPVS: expire_nodest_conn) if its
 * server is gone or gets no new ones. Returns 1 if so: another is scheduled. @separate
 */
export function makeWay(index: u32): u32 {
  const connection = connectionTable.lookup(index);
  const mine = scratch.lookup(0);
  if (connection === null || mine === null) return 0;
  if (mine.admitted === index + 1) {
    // The packet is the one that this connection was made for.
    mine.admitted = 0;
    return 0;
  }
  const word = readOnce(connection, "state");
  let ends = isReusable(connection.kind, word & STATE_MASK);
  if (!ends && settings.at(0).sysctls[SYSCTL_EXPIRE_NODEST_CONN]! !== 0) {
    const server = destinationTable.lookup(connection.destination);
    ends = server !== null && (server.available === 0 || server.weight === 0);
  }
  return ends && retire(connection, index, word, currentTick()) ? 1 : 0;
}

/** Ends a connection. 0: it lives on, as it changed meanwhile. @separate */
export function expire(index: u32): u32 {
  const connection = connectionTable.lookup(index);
  if (connection === null) return 0;
  return retire(connection, index, readOnce(connection, "state"), currentTick()) ? 1 : 0;
}

/** The template that a connection follows is right if the connection is established, or answered. */
function prove(connection: Connection, state: u32, direction: u32): void {
  const isOpen = state === STATE_ESTABLISHED || (sctpServices.value && state === STATE_SCTP_ESTABLISHED);
  if (isOpen || direction !== FROM_CLIENT) assure(connection);
}

/** The state of a connection after a packet. */
function follow(connection: Connection, server: Destination, direction: u32, what: u16): u32 {
  const protocol = what >>> 8;
  if (tcpServices.value && protocol === PROTOCOL_TCP) {
    return followTcp(connection, server, readOnce(connection, "state"), direction, what & 0xff);
  }
  if (sctpServices.value && protocol === PROTOCOL_SCTP) {
    return followSctp(connection, server, readOnce(connection, "state"), direction, what & 0xff);
  }
  return STATE_UDP;
}

/**
 * A packet of the flow `key` (`what`: protocol × 256 + TCP flags, or SCTP's EVENT_*), of `length` bytes without its link header;
 * `part`: where a first fragment's payload begins (fragment/part.ts), 0 of a whole packet.
 */
function direct(packet: Packet, key: FlowKey, transport: u16, length: u32, what: u16, part: u16): u32 {
  const now = currentTick();
  let index = NO_CONNECTION;
  let direction = FROM_CLIENT;
  const word = findFlow(key, hashOf(key), 0);
  if (word !== 0) {
    index = connectionOf(word);
    direction = directionOf(word);
  }
  let connection = connectionTable.lookup(index);
  if (connection !== null && !isCurrent(connection, index, direction, what)) connection = null;
  const ports = ((key.sourcePort << 16) | key.destinationPort) >>> 0;
  if (connection === null) {
    if (isNobodys(what, now))
      return isTold() ? tellServer(packet, key.source, key.sourcePort, what) : TC_NEXT;
    const mine = scratch.lookup(0);
    if (mine === null) return TC_NEXT;
    // One that was left by another packet, which then had no need of it, is void.
    index = mine.decided === (key.source ^ ports) >>> 0 ? mine.decision : 0;
    mine.decision = 0;
    if (index === 0) {
      tailCall(packet, programs, family.value === 6 ? PROGRAM_IPV6_ADMISSION : PROGRAM_IPV4_ADMISSION);
      return TC_NEXT;
    }
    direction = FROM_CLIENT;
  }

  let way = index;
  let destination = 0;
  let method = FORWARD_MASQ;
  let address = 0;
  let port = 0;
  let hop: NextHop | null = null;
  if (connection !== null) {
    if (part !== 0 && rememberFragments(packet, part, index, 0, direction) !== 0) return TC_SHOT;
    destination = connection.destination;
    method = (connection.kind >>> KIND_FORWARD_SHIFT) & 7;
    const server = destinationTable.lookup(destination);
    if (server === null) return TC_SHOT;
    if (server.available === 0) {
      if (direction === FROM_CLIENT) {
        countOrphaned();
        if (settings.at(0).sysctls[SYSCTL_EXPIRE_NODEST_CONN]! !== 0) {
          // The host answers in the place of the server, so that the client knows.
          expire(index);
          return TC_NEXT;
        }
        return TC_SHOT;
      }
      destination = 0;
    }
    const state = follow(connection, server, direction, what);
    renew(connection, index, state, now);
    if (persistence.value && connection.control !== 0) prove(connection, state, direction);
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
    destination = index & DESTINATION;
    if (index === STATELESS)
      destination = statelessDestination(key.source, key.destination, ports, what >>> 8, packet.mark);
    const server = destinationTable.lookup(destination);
    if (destination !== 0 && server !== null) {
      way = destination;
      method = server.forward;
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
    if (part !== 0 && rememberFragments(packet, part, NO_CONNECTION, destination, direction) !== 0) {
      return TC_SHOT;
    }
    if (index === STATELESS) countStateless();
    else countConnection(destination);
  }
  // Slot 0 is nobody's: traffic of servers that were removed is not counted.
  if (destination !== 0) {
    // A datagram counts as long as it would be in one piece.
    const counted =
      family.value === 6 && part !== 0 ? Math.max(length, FRAGMENT_HEADER) - FRAGMENT_HEADER : length;
    countTraffic(destination, direction, packetsOf(packet), counted >>> 0);
  }
  if (family.value === 6 || method !== FORWARD_MASQ) {
    const place = placeOf(direction, transport, (what >>> 8) & 0xff);
    if (fullnat.value && method === FORWARD_FULLNAT) return forwardFullnat(packet, place, length, index);
    return forwardOtherwise(packet, method, place, length, way, port, now);
  }
  return forward(packet, transport, direction, length, address, port, way, hop, now);
}
