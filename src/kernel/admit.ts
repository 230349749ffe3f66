// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What happens to a packet that belongs to no connection. */
import { make, type u8, type u16, type u32 } from "../bpf/index.ts";
import { currentTick } from "./clock.ts";
import { createConnection, LOST } from "./connection/create.ts";
import { countRefused } from "./events.ts";
import { TCP_RST, TCP_SYN } from "./headers.ts";
import { choose } from "./schedule/choose.ts";
import { chooseConsistently } from "./schedule/consistent.ts";
import { serviceOf } from "./service.ts";
import { stateAfterSegment, timeoutOf } from "./state/follow.ts";
import {
  destinationTable,
  FlowKey,
  FROM_CLIENT,
  PROTOCOL_TCP,
  pools,
  pressure,
  STATE_ESTABLISHED,
  STATE_NONE,
  STATE_UDP,
  serviceTable,
} from "./tables.ts";

/** Answers of `chooseServer` and `connect` that are not slots. */
export const NOT_OURS = 0xffffffff;
export const REFUSED = 0xfffffffe;
export const STATELESS = 0xfffffffd;

/** Whether the table was full so short a time ago that flows without state may still live. */
export function wasFull(state: u32, now: u32): boolean {
  const fullAt = pressure.at(0).fullAt;
  return fullAt !== 0 && now < fullAt + timeoutOf(state);
}

/** Whether a packet without a connection can be let go without another look: a TCP segment that opens none. */
export function isNobodys(protocol: u8, flags: u8, now: u32): boolean {
  return (
    protocol === PROTOCOL_TCP && (flags & (TCP_SYN | TCP_RST)) !== TCP_SYN && !wasFull(STATE_ESTABLISHED, now)
  );
}

/** A flow from the numbers that functions compiled by themselves take: `ports` is source × 65536 + destination. */
export function setFlowKey(key: FlowKey, source: u32, destination: u32, ports: u32, protocol: u8): void {
  key.source = source;
  key.destination = destination;
  key.sourcePort = ports >>> 16;
  key.destinationPort = ports & 0xffff;
  key.kind = protocol;
}

/**
 * The server for a packet that belongs to no connection, if it opens one: a datagram, or a segment with SYN and without RST, to
 * a virtual service. (`isNobodys` has been asked before.) Answers the destination's slot, or NOT_OURS, REFUSED (the service has no usable server) or STATELESS (the
 * flow may have begun when there was no room for a connection). @separate
 */
export function chooseServer(source: u32, destination: u32, ports: u32, protocol: u8, flags: u8): u32 {
  const now = currentTick();
  const isTcp = protocol === PROTOCOL_TCP;
  if (isTcp && (flags & (TCP_SYN | TCP_RST)) !== TCP_SYN) return STATELESS;
  const key = make(FlowKey);
  setFlowKey(key, source, destination, ports, protocol);
  const serviceIndex = serviceOf(key);
  if (serviceIndex === 0) return wasFull(STATE_ESTABLISHED, now) ? STATELESS : NOT_OURS;
  const service = serviceTable.lookup(serviceIndex);
  if (service === null) return NOT_OURS;
  const poolIndex = service.pool;
  const pool = pools.lookup(poolIndex);
  if (pool === null) return NOT_OURS;
  // A datagram may belong to a flow without state: then it stays with its server.
  const chosen =
    !isTcp && wasFull(STATE_UDP, now) ? chooseConsistently(pool, key) : choose(serviceIndex, poolIndex, pool);
  if (chosen !== 0) return chosen;
  countRefused();
  return REFUSED;
}

/**
 * Makes the flow of a packet (`what`: protocol × 256 + TCP flags) a connection to the destination in slot `chosen`. Answers the
 * connection's slot, or STATELESS: forward it without, as there is no room. @separate
 */
export function connect(source: u32, destination: u32, ports: u32, what: u16, chosen: u32): u32 {
  const server = destinationTable.lookup(chosen);
  if (server === null) return STATELESS;
  const protocol = what >>> 8;
  const key = make(FlowKey);
  setFlowKey(key, source, destination, ports, protocol);
  const isTcp = protocol === PROTOCOL_TCP;
  const state = isTcp ? stateAfterSegment(STATE_NONE, FROM_CLIENT, what & 0xff) : STATE_UDP;
  const now = currentTick();
  const slot = createConnection(key, server, chosen, state, now);
  if (slot < STATELESS) return slot;
  if (slot !== LOST) pressure.at(0).fullAt = now;
  return STATELESS;
}
