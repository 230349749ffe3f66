// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * A packet that belongs to no connection, in the program that admits new flows. What it decides is in admit.ts; here the packet is
 * answered, dropped, left, or handed back to the program that forwards.
 */
import { type Packet, TC_NEXT, TC_SHOT, tailCall, trace, type u16, type u32 } from "../bpf/index.ts";
import { askService, BY_ITSELF, chooseServer, connect, NOT_OURS, REFUSED, STATELESS } from "./admit.ts";
import { enterLocal } from "./connection/local.ts";
import { mayAdmit } from "./defence/drop-packet.ts";
import { isHandedOver, LOOPBACK } from "./forward/hand-over.ts";
import { leave } from "./fragment/leave.ts";
import { answerRefused } from "./icmp/answer.ts";
import { isMessage } from "./icmp/begin.ts";
import { isTold, tellServer } from "./icmp/unwanted.ts";
import { family, fullnat } from "./options.ts";
import { beginsAnew } from "./state/reuse.ts";
import { type FlowKey, PROGRAM_IPV4, PROGRAM_IPV6, programs, scratch } from "./tables.ts";

/**
 * A packet of a flow without a connection, or an ICMP error about one: it gets a connection, if it is to, and goes on as a packet that
 * has one.
 */
export function admit(packet: Packet, key: FlowKey, what: u16): u32 {
  if (family.value === 4 && packet.ifindex === LOOPBACK && isHandedOver(packet)) return TC_NEXT;
  const ports = ((key.sourcePort << 16) | key.destinationPort) >>> 0;
  const service = askService(key.source, key.destination, ports, what, packet.mark);
  if (service === NOT_OURS) {
    const told = isTold() ? tellServer(packet, key.source, key.sourcePort, what) : TC_NEXT;
    return told === TC_NEXT ? leave(packet) : told;
  }
  let decision = STATELESS;
  if (service !== STATELESS && !mayAdmit()) {
    trace("defended");
    return TC_SHOT;
  }
  if (service !== STATELESS) decision = chooseServer(service, key.source, key.destination, ports, what);
  if (decision === NOT_OURS) return leave(packet);
  if (decision === REFUSED) return answerRefused(packet);
  if (decision < BY_ITSELF) decision = connect(key.source, key.destination, ports, what, decision);
  if (fullnat.value && decision < BY_ITSELF && !enterLocal(decision)) {
    trace("no-local-endpoint", decision);
    return TC_SHOT;
  }
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
