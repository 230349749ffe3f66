// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** A packet of a flow, in the program that forwards: its connection is found and followed, and it is counted and sent. */
import {
  type Packet,
  readOnce,
  TC_NEXT,
  TC_SHOT,
  tailCall,
  trace,
  type u16,
  type u32,
} from "../bpf/index.ts";
import { DESTINATION, isNobodys, STATELESS } from "./admit.ts";
import { currentTick } from "./clock.ts";
import { retire } from "./connection/retire.ts";
import { countConnection, countTraffic, packetsOf } from "./count.ts";
import { countOrphaned, countStateless } from "./events.ts";
import { connectionOf, directionOf, findFlow, hashOf, NO_CONNECTION } from "./flow.ts";
import { forward } from "./forward/forward.ts";
import { placeOf } from "./forward/forward6.ts";
import { forwardFullnat } from "./forward/fullnat.ts";
import { forwardOtherwise } from "./forward/methods.ts";
import { releaseHeld } from "./fragment/release-held.ts";
import { rememberFragments } from "./fragment/remember.ts";
import { isRead } from "./ftp/control.ts";
import { FRAGMENT_HEADER } from "./headers.ts";
import { isTold, tellServer } from "./icmp/unwanted.ts";
import { family, ftp, fullnat, persistence, ruleDrops, rules, sctpServices, tcpServices } from "./options.ts";
import { prove } from "./persistence/control.ts";
import { askRules, NO_PROGRAM } from "./rules/ask.ts";
import { IS_DROPPED, IS_UNKNOWN, verdictFor } from "./rules/verdict.ts";
import { serverPortOf } from "./server-port.ts";
import { followSctp, followTcp, renew } from "./state/follow.ts";
import { beginsAnew, isReusable } from "./state/reuse.ts";
import { statelessDestination, statelessReply } from "./stateless.ts";
import { SYSCTL_EXPIRE_NODEST_CONN } from "./sysctls.ts";
import {
  type Connection,
  connectionTable,
  type Destination,
  destinationTable,
  type FlowKey,
  FORWARD_FULLNAT,
  FORWARD_MASQ,
  FROM_CLIENT,
  FROM_SERVER,
  KIND_FORWARD_SHIFT,
  type NextHop,
  PROGRAM_IPV4,
  PROGRAM_IPV4_ADMISSION,
  PROGRAM_IPV4_PAYLOAD,
  PROGRAM_IPV6,
  PROGRAM_IPV6_ADMISSION,
  PROGRAM_IPV6_PAYLOAD,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  programs,
  STATE_ENDED,
  STATE_HELPED,
  STATE_MASK,
  STATE_REMOVED,
  STATE_UDP,
  scratch,
  settings,
} from "./tables.ts";

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
  // One that follows a template, or a control connection, goes on.
  let ends = connection.control === 0 && isReusable(connection.kind, word & STATE_MASK);
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

/** A packet without a connection meets the rules first, and goes on to admission if it is `ofInterest` there. */
function meetRules(packet: Packet, part: u16, ofInterest: boolean): u32 {
  if (part !== 0 && releaseHeld(packet, part) !== 0) return TC_SHOT;
  if (!ofInterest) return askRules(NO_PROGRAM);
  return askRules(family.value === 6 ? PROGRAM_IPV6_ADMISSION : PROGRAM_IPV4_ADMISSION);
}

/** Lets the rules tell whether a connection's packets pass in that direction; the packet comes back here if so. */
function askAbout(index: u32, direction: u32): u32 {
  const verdict = askRules(family.value === 6 ? PROGRAM_IPV6 : PROGRAM_IPV4);
  const mine = scratch.lookup(0);
  if (mine === null) return TC_SHOT;
  mine.askedFor = index + 1;
  mine.askedWay = direction;
  return verdict;
}

/**
 * A packet of the flow `key` (`what`: protocol × 256 + TCP flags, or SCTP's EVENT_*), of `length` bytes without its link header;
 * `part`: where a first fragment's payload begins (fragment/part.ts), 0 of a whole packet.
 */
export function direct(packet: Packet, key: FlowKey, transport: u16, length: u32, what: u16, part: u16): u32 {
  const now = currentTick();
  let index = NO_CONNECTION;
  let direction = FROM_CLIENT;
  const word = findFlow(key, hashOf(key), 0);
  if (word !== 0) {
    index = connectionOf(word);
    direction = directionOf(word);
  }
  let connection = connectionTable.lookup(index);
  // A packet that comes back from where its payload is read is a current connection's, and passes: neither is asked again.
  let isBack = false;
  if (ftp.value && connection !== null && (readOnce(connection, "state") & STATE_HELPED) !== 0)
    isBack = isRead(index);
  if (connection !== null && (!ftp.value || !isBack) && !isCurrent(connection, index, direction, what)) {
    trace("over", index, direction);
    connection = null;
  }
  const ports = ((key.sourcePort << 16) | key.destinationPort) >>> 0;
  if (connection === null) {
    trace("unknown", key.source, key.destination);
    if (isNobodys(what, now)) {
      if (rules.value) return meetRules(packet, part, part !== 0 || isTold());
      return isTold() ? tellServer(packet, key.source, key.sourcePort, what) : TC_NEXT;
    }
    const mine = scratch.lookup(0);
    if (mine === null) return TC_NEXT;
    // One that was left by another packet, which then had no need of it, is void.
    index = mine.decided === (key.source ^ ports) >>> 0 ? mine.decision : 0;
    mine.decision = 0;
    if (index === 0) {
      if (rules.value) return meetRules(packet, part, true);
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
    trace("connection", index, direction);
    if (ruleDrops.value && (!ftp.value || !isBack)) {
      const verdict = verdictFor(index, direction);
      if (verdict === IS_DROPPED) {
        trace("rules-dropped");
        return TC_SHOT;
      }
      if (verdict === IS_UNKNOWN) return askAbout(index, direction);
    }
    // Behind the rules: what is read is also changed, which must happen once, and not to a packet that is dropped.
    if (ftp.value && !isBack && (readOnce(connection, "state") & STATE_HELPED) !== 0) {
      tailCall(packet, programs, family.value === 6 ? PROGRAM_IPV6_PAYLOAD : PROGRAM_IPV4_PAYLOAD);
      return TC_SHOT;
    }
    if (part !== 0 && rememberFragments(packet, part, index, 0, direction) !== 0) return TC_SHOT;
    destination = connection.destination;
    method = (connection.kind >>> KIND_FORWARD_SHIFT) & 7;
    const server = destinationTable.lookup(destination);
    if (server === null) return TC_SHOT;
    if (server.available === 0) {
      if (direction === FROM_CLIENT) {
        trace("orphaned", index);
        countOrphaned();
        if (settings.at(0).sysctls[SYSCTL_EXPIRE_NODEST_CONN]! !== 0) {
          // It comes by again, as a packet without a connection: it is scheduled, or the host tells the client.
          expire(index);
          tailCall(packet, programs, family.value === 6 ? PROGRAM_IPV6 : PROGRAM_IPV4);
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
      trace("by-itself", destination, index === STATELESS);
      way = destination;
      method = server.forward;
      address = server.address.words[0]!;
      port = serverPortOf(server, key.destinationPort);
      hop = server.hop;
    } else {
      const reply = statelessReply(key);
      const mine = scratch.lookup(0);
      if (reply === null || mine === null) return TC_NEXT;
      trace("stateless-reply", reply.destination);
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
