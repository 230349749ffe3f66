// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * A packet that belongs to no connection, in the program that admits new flows. What it decides is in admit.ts; here the packet is
 * answered, dropped, left, or handed back to the program that forwards.
 */
import { type Packet, TC_NEXT, TC_SHOT, tailCall, trace, type u16, type u32 } from "../bpf/index.ts";
import { askService, BY_ITSELF, chooseServer, connect, NOT_OURS, REFUSED, STATELESS } from "./admit.ts";
import { LOST } from "./connection/flows.ts";
import { enterLocal, hasWay } from "./connection/local.ts";
import { mayAdmit } from "./defence/drop-packet.ts";
import { isHandedOver } from "./forward/hand-over.ts";
import { leave } from "./fragment/leave.ts";
import { askExpected, endExpected } from "./ftp/expect.ts";
import { LOOPBACK } from "./headers.ts";
import { answerRefused, answerUnreachable } from "./icmp/answer.ts";
import { isMessage } from "./icmp/begin.ts";
import { isTold, tellServer } from "./icmp/unwanted.ts";
import { family, ftp, fullnat, ruleDrops, rules, sip } from "./options.ts";
import { lookInto, setPlace } from "./persistence/sip/call-id.ts";
import { isOfServer } from "./persistence/sip/server.ts";
import { noteAdmitted } from "./rules/verdict.ts";
import { beginsAnew } from "./state/reuse.ts";
import {
  type FlowKey,
  PROGRAM_IPV4,
  PROGRAM_IPV4_ASIDE,
  PROGRAM_IPV6,
  PROGRAM_IPV6_ASIDE,
  programs,
  scratch,
} from "./tables.ts";

/**
 * Notes what the program that forwards must know of a packet that admission decided about; `decided`: as in `Scratch`. Answers the slot of
 * the program that it goes on to.
 */
function handBack(packet: Packet, decision: u32, decided: u32, what: u16): u32 {
  const mine = scratch.lookup(0);
  if (mine === null) return PROGRAM_IPV4;
  const isConnection = decision < BY_ITSELF;
  const isAbout = isMessage(packet);
  mine.decision = isConnection || decision === LOST ? 0 : decision;
  mine.decided = decided;
  mine.admitted = isConnection && beginsAnew(what) ? decision + 1 : 0;
  mine.begun = isConnection && isAbout ? decision + 1 : 0;
  if (ruleDrops.value && isConnection) noteAdmitted(decision, mine.passed);
  // The rules have seen it already.
  if (rules.value && isAbout) return family.value === 6 ? PROGRAM_IPV6_ASIDE : PROGRAM_IPV4_ASIDE;
  return family.value === 6 ? PROGRAM_IPV6 : PROGRAM_IPV4;
}

/**
 * A packet of a flow without a connection, or an ICMP error about one: it gets a connection, if it is to, and goes on as a packet that
 * has one. The IP packet has `length` bytes, its transport header is at `transport` (0 of an ICMP error); `what`: see admit.ts.
 */
export function admit(packet: Packet, key: FlowKey, transport: u16, length: u32, what: u16): u32 {
  if (sip.value) setPlace(transport, length);
  if (family.value === 4 && packet.ifindex === LOOPBACK && isHandedOver(packet)) return TC_NEXT;
  const ports = ((key.sourcePort << 16) | key.destinationPort) >>> 0;
  if (ftp.value && !isMessage(packet)) {
    const server = askExpected(key.source, key.destination, ports, what);
    if (server !== NOT_OURS) {
      trace("expected", server);
      const data = endExpected(connect(key.source, key.destination, ports, what, server));
      if (data !== NOT_OURS) return goOn(packet, data, (key.source ^ ports) >>> 0, what);
    }
  }
  const service = askService(key.source, key.destination, ports, what, packet.mark);
  if (service === NOT_OURS) {
    if (sip.value && isOfServer(packet, key, what))
      return goOn(packet, BY_ITSELF, (key.source ^ ports) >>> 0, what);
    const told = isTold() ? tellServer(packet, key.source, key.sourcePort, what) : TC_NEXT;
    return told === TC_NEXT ? leave(packet) : told;
  }
  let decision = STATELESS;
  if (service !== STATELESS && !mayAdmit()) {
    trace("defended");
    return TC_SHOT;
  }
  if (sip.value && service !== STATELESS) lookInto(packet, service, what);
  if (service !== STATELESS) decision = chooseServer(service, key.source, key.destination, ports, what);
  if (decision === NOT_OURS) return leave(packet);
  if (decision === REFUSED) return answerRefused(packet);
  if (decision < BY_ITSELF) decision = connect(key.source, key.destination, ports, what, decision);
  if (fullnat.value && decision < BY_ITSELF && !enterLocal(decision)) {
    trace("no-local-endpoint", decision);
    return hasWay(decision) ? TC_SHOT : answerUnreachable(packet);
  }
  return goOn(packet, decision, (key.source ^ ports) >>> 0, what);
}

/** Hands the packet on, with what has been decided about it. Comes back only if nobody is there. */
function goOn(packet: Packet, decision: u32, decided: u32, what: u16): u32 {
  const next = handBack(packet, decision, decided, what);
  // An index that is known beforehand makes a cheaper jump.
  tailCall(packet, programs, rules.value ? next : family.value === 6 ? PROGRAM_IPV6 : PROGRAM_IPV4);
  const mine = scratch.lookup(0);
  if (mine !== null) mine.decision = 0;
  return TC_SHOT;
}
