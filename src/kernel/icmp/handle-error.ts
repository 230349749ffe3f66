// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * ICMP errors of others about packets of connections (recordings: icmp.json). An error quotes the packet that it is about as its
 * sender saw it, and goes to whoever sent that: from the client's side to the server, by the connection's forwarding
 * method, and from the servers' side to the client. Where addresses are translated, those of the quoted packet are too.
 *
 * Under masquerading and FullNAT both sides' errors come by here. Under direct routing and tunnelling servers send to clients
 * themselves, so only errors from the client's side do; and those about tunnelled packets, which routers send to the director
 * (tunnel-error.ts).
 */
import { make, type Packet, readOnce, TC_NEXT, TC_SHOT, type u16, type u32 } from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { countTraffic } from "../count.ts";
import { countMalformed, countOrphaned } from "../events.ts";
import { NO_TRANSPORT } from "../extensions.ts";
import { connectionOf, directionOf, findFlowByCall, hashOf } from "../flow.ts";
import { MAY_FRAGMENT, MAY_PASS, mayPass } from "../forward/age.ts";
import { adaptQuote } from "../forward/client-address/quote.ts";
import { placeOf } from "../forward/forward6.ts";
import { toBeSent } from "../fragment/send.ts";
import { adaptControlQuote } from "../ftp/quote.ts";
import { ICMP_HEADER, Icmp, LINK_HEADER } from "../headers.ts";
import { clientAddress, family, ftp, fullnat, tunnels } from "../options.ts";
import { SYSCTL_SCHEDULE_ICMP } from "../sysctls.ts";
import {
  type Connection,
  connectionTable,
  destinationTable,
  FlowKey,
  FORWARD_FULLNAT,
  FORWARD_MASQ,
  FROM_CLIENT,
  KIND_FORWARD_SHIFT,
  STATE_ENDED,
  STATE_HELPED,
  STATE_REMOVED,
  scratch,
  settings,
} from "../tables.ts";
import { begin } from "./begin.ts";
import { isIntact } from "./intact.ts";
import { findQuoted, goesToSender, hasPorts, isError, setAnswerKey } from "./quote.ts";
import { translateQuote4, translateQuote6 } from "./translate-quote.ts";
import { explain } from "./tunnel-error.ts";

/** Answer of `handleError` that is no verdict: it may open a connection (sysctl schedule_icmp). */
export const TO_ADMISSION = 0xfffffffe;

/** Whether the connection's forwarding method translates addresses. */
function isTranslated(connection: Connection): boolean {
  const method = (connection.kind >>> KIND_FORWARD_SHIFT) & 7;
  return method === FORWARD_MASQ || (fullnat.value && method === FORWARD_FULLNAT);
}

/** Translates what the error quotes, if its connection's method translates anything. */
function translate(
  packet: Packet,
  transport: u16,
  inside: u16,
  index: u32,
  connection: Connection,
  direction: u32,
): boolean {
  if (!isTranslated(connection)) return true;
  const isFullnat = fullnat.value && ((connection.kind >>> KIND_FORWARD_SHIFT) & 7) === FORWARD_FULLNAT;
  if (clientAddress.value && isFullnat && direction !== FROM_CLIENT)
    adaptQuote(packet, transport, inside, index);
  if (ftp.value && (readOnce(connection, "state") & STATE_HELPED) !== 0 && direction === FROM_CLIENT)
    adaptControlQuote(packet, transport, inside, index);
  if (family.value === 6) {
    return translateQuote6(packet, transport, inside, index, connection, direction, isFullnat);
  }
  return translateQuote4(packet, transport, inside, connection, direction);
}

/**
 * Sends an error of `length` bytes on, whose header is at `transport` and the quoted packet's ports at `inside`; `word`: of the flow
 * that it belongs to. Returns the verdict, or TO_BE_SENT. @separate
 */
export function passOn(packet: Packet, transport: u16, length: u32, inside: u16, word: u32): u32 {
  const index = connectionOf(word);
  const direction = directionOf(word);
  const connection = connectionTable.lookup(index);
  const mine = scratch.lookup(0);
  if (connection === null || mine === null) return TC_NEXT;
  if ((readOnce(connection, "state") & (STATE_REMOVED | STATE_ENDED)) !== 0) return TC_NEXT;
  const server = destinationTable.lookup(connection.destination);
  if (server === null) return TC_NEXT;
  if (isTranslated(connection) && !isIntact(packet, transport, length)) return TC_SHOT;
  if (mine.begun === index + 1) {
    mine.begun = 0;
    begin(connection, server, index, currentTick());
  }
  const passage = mayPass(packet);
  const isTooOld = passage !== MAY_PASS && passage !== MAY_FRAGMENT;
  // As IPVS: those from the servers' side have met the kernel's forwarding first.
  if (isTooOld && direction !== FROM_CLIENT) return TC_NEXT;
  if (server.available !== 0) {
    countTraffic(connection.destination, direction, 1, length);
  } else if (direction === FROM_CLIENT) {
    countOrphaned();
    return TC_SHOT;
  }
  if (isTooOld) return TC_NEXT;
  if (!translate(packet, transport, inside, index, connection, direction)) return TC_SHOT;
  return toBeSent(placeOf(direction, transport, 0), length, index, connection.destination);
}

/**
 * An ICMP message of `length` bytes with its IP header, whose own header begins at `transport`. Returns the verdict,
 * TO_BE_SENT or TO_ADMISSION. @separate
 */
export function handleError(packet: Packet, transport: u16, length: u32): u32 {
  const icmp = packet.header(Icmp, transport);
  if (icmp === null || !isError(icmp.type)) return TC_NEXT;
  const quote = (transport + ICMP_HEADER) & 0xfff;
  const found = findQuoted(packet, quote);
  if (found === NO_TRANSPORT) {
    countMalformed();
    return TC_NEXT;
  }
  if (!goesToSender(packet, quote)) return TC_NEXT;
  const protocol = found & 0xff;
  const inside = (found >>> 8) & 0xfff;
  if (inside + 4 > length + LINK_HEADER) return TC_NEXT;
  const key = make(FlowKey);
  if (hasPorts(protocol) && setAnswerKey(packet, quote, found, key)) {
    const word = findFlowByCall(key, hashOf(key), 0);
    if (word !== 0) return passOn(packet, transport, length, inside, word);
  }
  if (tunnels.value) {
    const verdict = explain(packet, transport, length, inside, protocol);
    if (verdict !== TC_NEXT) return verdict;
  }
  if (!hasPorts(protocol) || settings.at(0).sysctls[SYSCTL_SCHEDULE_ICMP]! === 0) return TC_NEXT;
  const mine = scratch.lookup(0);
  if (mine === null) return TC_NEXT;
  // It comes from there, and still has no connection.
  const decision = mine.decision;
  mine.decision = 0;
  return decision === 0 ? TO_ADMISSION : TC_NEXT;
}
