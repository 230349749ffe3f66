// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * What happens to a packet that belongs to no connection. The functions compiled by themselves take numbers: `ports` is source ×
 * 65536 + destination, `what` is protocol × 256 + TCP flags; of IPv6 the addresses are those looked for (`lookFor`), and
 * `source` and `destination` their words.
 */
import { make, type u16, type u32 } from "../bpf/index.ts";
import { currentTick } from "./clock.ts";
import { createConnection, LOST } from "./connection/create.ts";
import { countRefused } from "./events.ts";
import { TCP_RST, TCP_SYN } from "./headers.ts";
import { family, fullnat, markServices, onePacket, persistence, sctpServices } from "./options.ts";
import { chooseByTemplate } from "./persistence/template.ts";
import { choose } from "./schedule/choose.ts";
import { chooseConsistently } from "./schedule/consistent.ts";
import { serviceOf } from "./service.ts";
import { stateAfterSegment, timeoutOf } from "./state/follow.ts";
import { SYSCTL_CACHE_BYPASS, SYSCTL_SLOPPY_SCTP, SYSCTL_SLOPPY_TCP } from "./sysctls.ts";
import {
  destinationTable,
  FlowKey,
  FORWARD_FULLNAT,
  FROM_CLIENT,
  KIND_IPV6,
  POOL_ONE_PACKET,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  pools,
  pressure,
  SERVICE_MARK,
  STATE_ESTABLISHED,
  STATE_NONE,
  STATE_SCTP,
  STATE_UDP,
  scratch,
  serviceTable,
  settings,
} from "./tables.ts";
import { foldedOf } from "./words.ts";

/** Answers of `chooseServer` and `connect` that are not slots. */
export const NOT_OURS = 0xffffffff;
export const REFUSED = 0xfffffffe;
export const STATELESS = 0xfffffffd;
/** Beside the slot of a destination: the packet is forwarded for itself, without a connection. All that is no slot is more than this. */
export const BY_ITSELF = 0x80000000;
export const DESTINATION = 0xffff;

/** What SCTP's first chunk is in `what`, where TCP has flags: its type, an INIT. */
export const SCTP_INIT = 1;

/** Whether the table was full so short a time ago that flows without state may still live. */
export function wasFull(state: u32, now: u32): boolean {
  const fullAt = pressure.at(0).fullAt;
  return fullAt !== 0 && now < fullAt + timeoutOf(state);
}

/** Whether a packet opens a connection of its protocol. */
function mayOpen(what: u16): boolean {
  const protocol = what >>> 8;
  if (protocol === PROTOCOL_TCP) {
    if ((what & TCP_RST) !== 0) return false;
    return (what & TCP_SYN) !== 0 || settings.at(0).sysctls[SYSCTL_SLOPPY_TCP]! !== 0;
  }
  if (sctpServices.value && protocol === PROTOCOL_SCTP) {
    return (what & 0xff) === SCTP_INIT || settings.at(0).sysctls[SYSCTL_SLOPPY_SCTP]! !== 0;
  }
  return true;
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
 * The server for a packet that belongs to no connection, if it opens one: a datagram, or a segment with SYN and without RST, to
 * a virtual service. (`isNobodys` has been asked before.) Answers the destination's slot (with BY_ITSELF), or NOT_OURS, REFUSED (the service
 * has no usable server) or STATELESS (the flow may have begun when there was no room for a connection). @separate
 */
export function chooseServer(source: u32, destination: u32, ports: u32, what: u16, mark: u32): u32 {
  const now = currentTick();
  if (!mayOpen(what)) return STATELESS;
  const key = make(FlowKey);
  setFlowKey(key, source, destination, ports, what >>> 8);
  const serviceIndex = serviceOf(key, mark);
  if (serviceIndex === 0) return wasFull(STATE_ESTABLISHED, now) ? STATELESS : NOT_OURS;
  const service = serviceTable.lookup(serviceIndex);
  if (service === null) return NOT_OURS;
  const pool = pools.lookup(service.pool);
  if (pool === null) return NOT_OURS;
  const mine = scratch.lookup(0);
  if (mine === null) return NOT_OURS;
  mine.control = 0;
  const from = family.value === 6 ? foldedOf(mine.source) : source;
  const to = family.value === 6 ? foldedOf(mine.destination) : destination;
  let chosen = 0;
  if (what >>> 8 === PROTOCOL_UDP && wasFull(STATE_UDP, now)) {
    // It may belong to a flow without state: then it stays with its server.
    chosen = chooseConsistently(pool, key);
  } else if (persistence.value && pool.persistence !== 0) {
    chosen = chooseByTemplate(key, serviceIndex, service, pool, from, to, ports >>> 16, now);
  } else {
    chosen = choose(serviceIndex, service.pool, from, to, ports >>> 16);
  }
  if (chosen !== 0) {
    if (onePacket.value && (pool.flags & POOL_ONE_PACKET) !== 0 && what >>> 8 === PROTOCOL_UDP) {
      const server = destinationTable.lookup(chosen);
      const needsState = fullnat.value && server !== null && server.forward === FORWARD_FULLNAT;
      if (!needsState) return ((chosen & DESTINATION) | BY_ITSELF) >>> 0;
    }
    return chosen;
  }
  if (markServices.value && (service.key.kind & SERVICE_MARK) !== 0) {
    if (settings.at(0).sysctls[SYSCTL_CACHE_BYPASS]! !== 0) return NOT_OURS;
  }
  countRefused();
  return REFUSED;
}

/** The state of a connection that a packet opens. */
function openingState(what: u16): u32 {
  const protocol = what >>> 8;
  if (protocol === PROTOCOL_TCP) return stateAfterSegment(STATE_NONE, FROM_CLIENT, what & 0xff);
  if (sctpServices.value && protocol === PROTOCOL_SCTP) return STATE_SCTP;
  return STATE_UDP;
}

/**
 * Makes the flow of a packet a connection to the destination in slot `chosen`. Answers the connection's slot, or STATELESS:
 * forward it without, as there is no room. @separate
 */
export function connect(source: u32, destination: u32, ports: u32, what: u16, chosen: u32): u32 {
  const server = destinationTable.lookup(chosen);
  if (server === null) return STATELESS;
  const key = make(FlowKey);
  setFlowKey(key, source, destination, ports, what >>> 8);
  const now = currentTick();
  const slot = createConnection(key, server, chosen, openingState(what), now);
  if (slot < STATELESS) return slot;
  if (slot !== LOST) pressure.at(0).fullAt = now;
  return STATELESS;
}
