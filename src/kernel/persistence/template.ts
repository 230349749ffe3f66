// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Persistence: the connections of one client, or client network, go to one server. A *template* in the connection table
 * says to which: it lives for the service's persistence timeout after the last connection began that it decided about,
 * and at least as long as any of these. It overrides weight 0 and thresholds (recordings: scheduling/persistence).
 */
import { copy, make, readOnce, type u16, type u32 } from "../../bpf/index.ts";
import { createTemplate } from "../connection/create.ts";
import { retire } from "../connection/retire.ts";
import { connectionOf, findFlowByCall, hashOf, lookFor, NO_CONNECTION } from "../flow.ts";
import { family, markServices } from "../options.ts";
import { choose } from "../schedule/choose.ts";
import { dueNoLaterThan } from "../state/follow.ts";
import { SYSCTL_EXPIRE_QUIESCENT_TEMPLATE } from "../sysctls.ts";
import {
  Address,
  connectionTable,
  destinationTable,
  FlowKey,
  KIND_IPV6,
  KIND_MARK,
  KIND_TEMPLATE,
  type Pool,
  SERVICE_MARK,
  type Service,
  STATE_ENDED,
  STATE_REMOVED,
  STATE_UNASSURED,
  scratch,
  settings,
} from "../tables.ts";
import { addressWord } from "../words.ts";

/** Ticks that a template lives on, again and again, while connections follow it: a minute. */
export const PUT_OFF = 447;

/** The key of the template that decides about a client's flow `key`; of IPv6 its addresses are looked for from now on. */
function setTemplateKey(key: FlowKey, service: Service, pool: Pool, template: FlowKey): void {
  const isMarked = markServices.value && (service.key.kind & SERVICE_MARK) !== 0;
  template.sourcePort = 0;
  template.destinationPort = service.key.port;
  template.destination = key.destination;
  template.kind = key.kind | KIND_TEMPLATE;
  if (isMarked) {
    template.destinationPort = 0;
    template.destination = service.key.address.words[0]!;
    template.kind = (key.kind & KIND_IPV6) | KIND_TEMPLATE | KIND_MARK;
  }
  if (family.value === 4) {
    template.source = (key.source & pool.mask.words[0]!) >>> 0;
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
}

/** The server that an existing template names, 0 if there is none that holds; its time begins anew. */
function decided(template: FlowKey, lifetime: u32, now: u32): u32 {
  const word = findFlowByCall(template, hashOf(template), 0);
  if (word === 0) return 0;
  const slot = connectionOf(word);
  const found = connectionTable.lookup(slot);
  if (found === null) return 0;
  const state = readOnce(found, "state");
  if ((state & (STATE_REMOVED | STATE_ENDED)) !== 0) return 0;
  const destination = found.destination;
  const server = destinationTable.lookup(destination);
  if (server === null) return 0;
  const isQuiescent = server.weight === 0 && settings.at(0).sysctls[SYSCTL_EXPIRE_QUIESCENT_TEMPLATE]! !== 0;
  if (server.available === 0 || isQuiescent) {
    retire(found, slot, state, now);
    return 0;
  }
  const expires = (now + lifetime) >>> 0;
  const before = found.expires;
  found.expires = expires;
  if (expires < before) dueNoLaterThan(slot, expires);
  setControl(slot);
  return destination;
}

/** The connection about to be made follows the template in that slot. */
function setControl(slot: u32): void {
  const mine = scratch.lookup(0);
  if (mine !== null) mine.control = (slot + 1) >>> 0;
}

/**
 * The destination for a client's new flow to a persistent service: the template's, or one that the scheduler chooses and a new
 * template keeps. 0: none is usable. Leaves the template in `Scratch.control`. `source`, `destination` and `port` are as
 * `choose` takes them.
 */
export function chooseByTemplate(
  key: FlowKey,
  serviceIndex: u32,
  service: Service,
  pool: Pool,
  source: u32,
  destination: u32,
  port: u16,
  now: u32,
): u32 {
  const client = make(Address);
  const virtual = make(Address);
  if (family.value === 6) {
    const mine = scratch.lookup(0);
    if (mine === null) return 0;
    copy(client, mine.source);
    copy(virtual, mine.destination);
  }
  const template = make(FlowKey);
  setTemplateKey(key, service, pool, template);
  let chosen = decided(template, pool.persistence, now);
  if (chosen === 0) {
    chosen = choose(serviceIndex, service.pool, source, destination, port);
    const server = destinationTable.lookup(chosen);
    if (chosen !== 0 && server !== null) {
      const expires = (now + pool.persistence) >>> 0;
      const slot = createTemplate(template, server, chosen, STATE_UNASSURED, expires);
      const made = connectionTable.lookup(slot);
      // Another CPU may have made one meanwhile, and decided otherwise.
      if (slot !== NO_CONNECTION && made !== null) {
        setControl(slot);
        chosen = made.destination;
      }
    }
  }
  if (family.value === 6) lookFor(client, virtual);
  return chosen;
}
