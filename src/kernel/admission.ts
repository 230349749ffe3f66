// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * A packet that belongs to no connection, in the program that admits new flows. What it decides is in admit.ts; here the packet is
 * answered, dropped, left, or handed back to the program that forwards.
 */
import { type Packet, TC_NEXT, TC_SHOT, tailCall, type u16, type u32 } from "../bpf/index.ts";
import { askService, BY_ITSELF, chooseServer, connect, NOT_OURS, REFUSED, STATELESS } from "./admit.ts";
import { enterLocal } from "./connection/local.ts";
import { mayAdmit } from "./defence/drop-packet.ts";
import { isHandedOver, LOOPBACK } from "./forward/hand-over.ts";
import { leave } from "./fragment/leave.ts";
import { answerRefused } from "./icmp/answer.ts";
import { isMessage } from "./icmp/begin.ts";
import { isTold, tellServer } from "./icmp/unwanted.ts";
import { family, fullnat, sip } from "./options.ts";
import { lookInto } from "./persistence/sip/call-id.ts";
import { isOfServer } from "./persistence/sip/server.ts";
import { beginsAnew } from "./state/reuse.ts";
import { type FlowKey, PROGRAM_IPV4, PROGRAM_IPV6, programs, scratch } from "./tables.ts";

/**
 * A packet of a flow without a connection, or an ICMP error about one: it gets a connection, if it is to, and goes on as a packet that
 * has one. The IP packet has `length` bytes, its transport header is at `transport` (0 of an ICMP error); `what`: see admit.ts.
 */
export function admit(packet: Packet, key: FlowKey, transport: u16, length: u32, what: u16): u32 {
  if (family.value === 4 && packet.ifindex === LOOPBACK && isHandedOver(packet)) return TC_NEXT;
  const ports = ((key.sourcePort << 16) | key.destinationPort) >>> 0;
  const service = askService(key.source, key.destination, ports, what, packet.mark);
  if (service === NOT_OURS) {
    if (sip.value && isOfServer(packet, key, transport, length, what))
      return handBack(packet, key.source, ports, what, BY_ITSELF);
    const told = isTold() ? tellServer(packet, key.source, key.sourcePort, what) : TC_NEXT;
    return told === TC_NEXT ? leave(packet) : told;
  }
  let decision = STATELESS;
  if (service !== STATELESS && !mayAdmit()) return TC_SHOT;
  if (sip.value && service !== STATELESS) lookInto(packet, service, transport, length, what);
  if (service !== STATELESS) decision = chooseServer(service, key.source, key.destination, ports, what);
  if (decision === NOT_OURS) return leave(packet);
  if (decision === REFUSED) return answerRefused(packet);
  if (decision < BY_ITSELF) decision = connect(key.source, key.destination, ports, what, decision);
  if (fullnat.value && decision < BY_ITSELF && !enterLocal(decision)) return TC_SHOT;
  return handBack(packet, key.source, ports, what, decision);
}

/** Hands the packet back to the program that forwards, with what has been decided about it. */
function handBack(packet: Packet, source: u32, ports: u32, what: u16, decision: u32): u32 {
  const mine = scratch.lookup(0);
  if (mine === null) return TC_SHOT;
  mine.decision = decision < BY_ITSELF ? 0 : decision;
  mine.decided = (source ^ ports) >>> 0;
  mine.admitted = decision < BY_ITSELF && beginsAnew(what) ? decision + 1 : 0;
  mine.begun = decision < BY_ITSELF && isMessage(packet) ? decision + 1 : 0;
  tailCall(packet, programs, family.value === 6 ? PROGRAM_IPV6 : PROGRAM_IPV4);
  mine.decision = 0;
  return TC_SHOT;
}
