// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * What happens to a packet that belongs to no connection. The functions compiled by themselves take numbers: `ports` is source ×
 * 65536 + destination, `what` is protocol × 256 + TCP flags or SCTP's EVENT_*; of IPv6 the addresses are those looked for (`lookFor`), and
 * `source` and `destination` their words.
 */
import { make, trace, type u16, type u32 } from "../bpf/index.ts";
import { currentTick } from "./clock.ts";
import { createConnection, kindOfMethod } from "./connection/create.ts";
import { LOST } from "./connection/flows.ts";
import { countRefused } from "./events.ts";
import { isExpected } from "./ftp/control.ts";
import {
  family,
  ftp,
  fullnat,
  markServices,
  onePacket,
  persistence,
  rules,
  sctpServices,
} from "./options.ts";
import { askTemplate, keepTemplate } from "./persistence/template.ts";
import { choose } from "./schedule/choose.ts";
import { chooseConsistently } from "./schedule/consistent.ts";
import { serviceOf } from "./service.ts";
import { stateAfterSegment, timeoutOf } from "./state/follow.ts";
import { mayOpen } from "./state/reuse.ts";
import { SYSCTL_CACHE_BYPASS } from "./sysctls.ts";
import {
  destinationTable,
  FlowKey,
  FORWARD_FULLNAT,
  FROM_CLIENT,
  KIND_IPV6,
  POOL_ONE_PACKET,
  type Pool,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  pools,
  pressure,
  SERVICE_MARK,
  type Service,
  STATE_ESTABLISHED,
  STATE_LISTEN,
  STATE_NONE,
  STATE_SCTP,
  STATE_UDP,
  scratch,
  serviceTable,
  settings,
} from "./tables.ts";
import { foldedOf } from "./words.ts";

/** Answers of `chooseServer` and `connect` that are not slots; the least of them is LOST (connection/flows.ts). */
export const NOT_OURS = 0xffffffff;
export const REFUSED = 0xfffffffe;
export const STATELESS = 0xfffffffd;
/** Beside the slot of a destination: the packet is forwarded for itself, without a connection. All that is no slot is more than this. */
export const BY_ITSELF = 0x80000000;
export const DESTINATION = 0xffff;

/** Whether the table was full so short a time ago that flows without state may still live. */
export function wasFull(state: u32, now: u32): boolean {
  const fullAt = pressure.at(0).fullAt;
  return fullAt !== 0 && now < fullAt + timeoutOf(state);
}

/** Whether a packet without a connection can be let go without another look: one that opens none. */
export function isNobodys(what: u16, now: u32): boolean {
  return !mayOpen(what) && !wasFull(STATE_ESTABLISHED, now);
}

/** A flow from numbers. */
export function setFlowKey(key: FlowKey, source: u32, destination: u32, ports: u32, protocol: u32): void {
  key.source = source;
  key.destination = destination;
  key.sourcePort = ports >>> 16;
  key.destinationPort = ports & 0xffff;
  key.kind = family.value === 6 ? (protocol & 0xff) | KIND_IPV6 : protocol & 0xff;
}

/**
 * Whether a source is one that must not leave a host: loopback's, or none (RFC 1122 3.2.1.3, RFC 4291 2.5). Of IPv6 it is the address
 * looked for.
 */
function isOfNoHost(source: u32): boolean {
  if (family.value === 4) return source >>> 24 === 127 || source === 0;
  const mine = scratch.lookup(0);
  if (mine === null || mine.source.words[0]! !== 0 || mine.source.words[1]! !== 0) return false;
  return mine.source.words[2]! === 0 && mine.source.words[3]! <= 1;
}

/**
 * The virtual service of a packet that belongs to no connection, if it opens one: a datagram, or a segment with SYN and without RST.
 * (`isNobodys` has been asked before, but where there are rules.) Answers the service's slot, or NOT_OURS, or STATELESS (the flow may have begun when there was no
 * room for a connection). @separate
 */
export function askService(source: u32, destination: u32, ports: u32, what: u16, mark: u32): u32 {
  if (isOfNoHost(source)) return NOT_OURS;
  // Where there are rules, what opens nothing comes by, too.
  if (!mayOpen(what)) return rules.value && isNobodys(what, currentTick()) ? NOT_OURS : STATELESS;
  const key = make(FlowKey);
  setFlowKey(key, source, destination, ports, what >>> 8);
  const service = serviceOf(key, mark);
  trace("service", service);
  if (service !== 0) return service;
  return wasFull(STATE_ESTABLISHED, currentTick()) ? STATELESS : NOT_OURS;
}

/** The destination that a service's scheduler chooses for a new flow; 0: none is usable. @separate */
export function schedule(serviceIndex: u32, source: u32, destination: u32, ports: u32, what: u16): u32 {
  const service = serviceTable.lookup(serviceIndex);
  if (service === null) return 0;
  const pool = pools.lookup(service.pool);
  if (pool === null) return 0;
  if (what >>> 8 === PROTOCOL_UDP && wasFull(STATE_UDP, currentTick())) {
    // It may belong to a flow without state: then it stays with its server.
    const key = make(FlowKey);
    setFlowKey(key, source, destination, ports, PROTOCOL_UDP);
    return chooseConsistently(pool, key);
  }
  if (family.value === 4) return choose(serviceIndex, service.pool, source, destination, ports >>> 16);
  const mine = scratch.lookup(0);
  if (mine === null) return 0;
  const from = foldedOf(mine.source);
  const to = foldedOf(mine.destination);
  return choose(serviceIndex, service.pool, from, to, ports >>> 16);
}

/** What becomes of a packet of that service for which no server is usable: REFUSED, or NOT_OURS: it goes where it was going. */
function withoutServer(service: Service): u32 {
  // IPVS: cache_bypass, of services by mark.
  if (markServices.value && (service.key.kind & SERVICE_MARK) !== 0) {
    if (settings.at(0).sysctls[SYSCTL_CACHE_BYPASS]! !== 0) {
      trace("bypassed");
      return NOT_OURS;
    }
  }
  trace("refused");
  countRefused();
  return REFUSED;
}

/** Whether a packet of that service for a destination is forwarded for itself, without a connection. */
function goesByItself(pool: Pool, chosen: u32, what: u16): boolean {
  if ((pool.flags & POOL_ONE_PACKET) === 0 || what >>> 8 !== PROTOCOL_UDP) return false;
  if (!fullnat.value) return true;
  const server = destinationTable.lookup(chosen);
  return server !== null && server.forward !== FORWARD_FULLNAT;
}

/**
 * The server for a new flow of the service in slot `serviceIndex`: what its client's template says, or else its scheduler. Answers
 * the destination's slot (with BY_ITSELF), NOT_OURS, LOST, or REFUSED: the service has no usable server.
 */
export function chooseServer(serviceIndex: u32, source: u32, destination: u32, ports: u32, what: u16): u32 {
  const service = serviceTable.lookup(serviceIndex);
  const mine = scratch.lookup(0);
  if (service === null || mine === null) return NOT_OURS;
  const pool = pools.lookup(service.pool);
  if (pool === null) return NOT_OURS;
  mine.control = 0;
  const isPersistent = persistence.value && pool.persistence !== 0;
  let chosen = isPersistent ? askTemplate(serviceIndex, source, destination, what) : 0;
  if (chosen === 0) {
    trace("schedule");
    chosen = schedule(serviceIndex, source, destination, ports, what);
    trace("scheduled", chosen);
    if (chosen === 0) return withoutServer(service);
    if (isPersistent) chosen = keepTemplate(serviceIndex, source, destination, what, chosen);
    if (persistence.value && chosen === LOST) return LOST;
  }
  if (onePacket.value && goesByItself(pool, chosen, what)) return ((chosen & DESTINATION) | BY_ITSELF) >>> 0;
  return chosen;
}

/** The state of a connection that a packet opens, forwarded by `method`. SCTP's is followed when the packet comes by again. */
function openingState(what: u16, method: u32): u32 {
  const protocol = what >>> 8;
  if (protocol === PROTOCOL_TCP) {
    if (ftp.value && (what & 0xff) === 0 && isExpected()) return STATE_LISTEN;
    return stateAfterSegment(STATE_NONE, kindOfMethod(method), FROM_CLIENT, what & 0xff);
  }
  if (sctpServices.value && protocol === PROTOCOL_SCTP) return STATE_SCTP;
  return STATE_UDP;
}

/**
 * Makes the flow of a packet a connection to the destination in slot `chosen`. Answers the connection's slot; STATELESS: forward it
 * without, as there is no room; or LOST. @separate
 */
export function connect(source: u32, destination: u32, ports: u32, what: u16, chosen: u32): u32 {
  const server = destinationTable.lookup(chosen);
  if (server === null) return STATELESS;
  const key = make(FlowKey);
  setFlowKey(key, source, destination, ports, what >>> 8);
  const now = currentTick();
  const slot = createConnection(key, server, chosen, openingState(what, server.forward), now);
  if (slot < LOST) {
    trace("made", slot);
    return slot;
  }
  if (slot === LOST) return LOST;
  pressure.at(0).fullAt = now;
  return STATELESS;
}
