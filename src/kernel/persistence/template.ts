// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Persistence: the connections of one client, or client network, go to one server. A *template* in the connection table
 * says to which: it lives for the service's persistence timeout after the last connection began that it decided about,
 * and at least as long as any of these. It overrides weight 0 and thresholds (recordings: scheduling/persistence). A service may look into
 * the payload instead of at the client's address (sip/).
 */
import { copy, make, readOnce, trace, type u16, type u32 } from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { createTemplate } from "../connection/create.ts";
import { LOST } from "../connection/flows.ts";
import { retire } from "../connection/retire.ts";
import { connectionOf, findFlowByCall, hashOf, lookFor } from "../flow.ts";
import { FTP_PORT } from "../ftp/control.ts";
import { anyPortServices, family, markServices, sip } from "../options.ts";
import { dueNoLaterThan } from "../state/follow.ts";
import { SYSCTL_EXPIRE_QUIESCENT_TEMPLATE } from "../sysctls.ts";
import {
  Address,
  connectionTable,
  destinationTable,
  FlowKey,
  KIND_ENGINE,
  KIND_IPV6,
  KIND_MARK,
  KIND_OF_FLOW,
  KIND_TEMPLATE,
  type Pool,
  PROTOCOL_TCP,
  pools,
  SERVICE_MARK,
  type Service,
  STATE_ENDED,
  STATE_REMOVED,
  STATE_UNASSURED,
  scratch,
  serviceTable,
  settings,
  sipMessage,
} from "../tables.ts";
import { addressWord } from "../words.ts";
import { controlOf } from "./control.ts";
import { isLookedInto, isOfCall } from "./sip/call-id.ts";

/** Ticks that a template lives on, again and again, while connections follow it: a minute. */
export const PUT_OFF = 447;

/** The key of the template that decides about a client's flow; of IPv6 its addresses are looked for from now on. */
function setTemplateKey(
  source: u32,
  destination: u32,
  what: u16,
  service: Service,
  pool: Pool,
  template: FlowKey,
): void {
  const ipVersion = family.value === 6 ? KIND_IPV6 : 0;
  const isMarked = markServices.value && (service.key.kind & SERVICE_MARK) !== 0;
  template.sourcePort = 0;
  // A persistent FTP service's is for its data connections, too.
  const isFtp =
    anyPortServices.value && service.key.port === FTP_PORT && service.key.protocol === PROTOCOL_TCP;
  template.destinationPort = isFtp ? 0 : service.key.port;
  template.destination = destination;
  template.kind = (what >>> 8) | ipVersion | KIND_TEMPLATE;
  if (isMarked) {
    template.destinationPort = 0;
    template.destination = service.key.address.words[0]!;
    template.kind = ipVersion | KIND_TEMPLATE | KIND_MARK;
  }
  if (family.value === 4) {
    template.source = (source & pool.mask.words[0]!) >>> 0;
    if (sip.value) goByCallId(what, pool, template);
    return;
  }
  const mine = scratch.lookup(0);
  if (mine === null) return;
  for (let i = 0; i < 4; i++) mine.source.words[i] = (mine.source.words[i]! & pool.mask.words[i]!) >>> 0;
  template.source = addressWord(mine.source);
  if (isMarked) {
    const nothing = make(Address);
    nothing.words[0] = template.destination;
    copy(mine.destination, nothing);
  }
  if (sip.value) goByCallId(what, pool, template);
}

/** If the packet in hand has a Call-ID (`readCallId`), its template goes by this in the place of the client's address. */
function goByCallId(what: u16, pool: Pool, template: FlowKey): void {
  const message = sipMessage.lookup(0);
  if (message === null || message.word === 0 || !isLookedInto(pool, what)) return;
  const client = template.source;
  message.client = client;
  template.source = message.word;
  template.sourcePort = message.more;
  template.kind = (template.kind | KIND_ENGINE) & KIND_OF_FLOW;
  const known = findFlowByCall(template, hashOf(template), 0);
  if (known === 0 || isOfCall(connectionOf(known)) !== 0) return;
  // Once in 2^48 pairs of Call-IDs have one hash: the later one is treated as if it were none.
  template.source = client;
  template.sourcePort = 0;
  template.kind = template.kind & ~KIND_ENGINE & KIND_OF_FLOW;
}

/** The server that an existing template names, 0 if there is none that holds; its time begins anew. */
function decided(template: FlowKey, lifetime: u32, now: u32): u32 {
  const word = findFlowByCall(template, hashOf(template), 0);
  if (word === 0) return 0;
  const slot = connectionOf(word);
  const found = connectionTable.lookup(slot);
  if (found === null) return 0;
  const state = readOnce(found, "state");
  if ((state & (STATE_REMOVED | STATE_ENDED)) !== 0) {
    if ((state & STATE_REMOVED) === 0) retire(found, slot, state, now);
    return 0;
  }
  const destination = found.destination;
  const server = destinationTable.lookup(destination);
  if (server === null) return 0;
  const isQuiescent = server.weight === 0 && settings.at(0).sysctls[SYSCTL_EXPIRE_QUIESCENT_TEMPLATE]! !== 0;
  if (server.available === 0 || isQuiescent) {
    trace("template-void", slot, destination);
    retire(found, slot, state, now);
    return 0;
  }
  const expires = (now + lifetime) >>> 0;
  const before = found.expires;
  found.expires = expires;
  if (expires < before) dueNoLaterThan(slot, expires);
  setControl(slot, state);
  trace("template", slot, destination);
  return destination;
}

/** The connection about to be made follows the template in that slot, whose state word is `state`. */
function setControl(slot: u32, state: u32): void {
  const mine = scratch.lookup(0);
  if (mine !== null) mine.control = controlOf(slot, state);
}

/**
 * The destination that a template says a client's new flow to a persistent service belongs to; 0: none does. Leaves the template in
 * `Scratch.control`. `what` is as in admit.ts. @separate
 */
export function askTemplate(serviceIndex: u32, source: u32, destination: u32, what: u16): u32 {
  const service = serviceTable.lookup(serviceIndex);
  const mine = scratch.lookup(0);
  if (service === null || mine === null) return 0;
  const pool = pools.lookup(service.pool);
  if (pool === null) return 0;
  const client = make(Address);
  const virtual = make(Address);
  copy(client, mine.source);
  copy(virtual, mine.destination);
  const template = make(FlowKey);
  setTemplateKey(source, destination, what, service, pool, template);
  const chosen = decided(template, pool.persistence, currentTick());
  if (family.value === 6) lookFor(client, virtual);
  return chosen;
}

/**
 * Makes a template that says that the client's flows belong to the destination `chosen`. Answers the destination: another one, if
 * another CPU made a template meanwhile; LOST, if the two stood in each other's way. @separate
 */
export function keepTemplate(serviceIndex: u32, source: u32, destination: u32, what: u16, chosen: u32): u32 {
  const service = serviceTable.lookup(serviceIndex);
  const server = destinationTable.lookup(chosen);
  const mine = scratch.lookup(0);
  if (service === null || server === null || mine === null) return chosen;
  const pool = pools.lookup(service.pool);
  if (pool === null) return chosen;
  const client = make(Address);
  const virtual = make(Address);
  copy(client, mine.source);
  copy(virtual, mine.destination);
  const template = make(FlowKey);
  setTemplateKey(source, destination, what, service, pool, template);
  const expires = (currentTick() + pool.persistence) >>> 0;
  const slot = createTemplate(template, server, chosen, STATE_UNASSURED, expires);
  const made = connectionTable.lookup(slot);
  let answer = slot === LOST ? LOST : chosen;
  if (made !== null) {
    setControl(slot, readOnce(made, "state"));
    answer = made.destination;
    trace("template-made", slot, answer);
  }
  if (family.value === 6) lookFor(client, virtual);
  return answer;
}
