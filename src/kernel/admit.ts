// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What happens to a packet that belongs to no connection. */
import type { u32 } from "../bpf/index.ts";
import { createConnection, LOST } from "./connection/create.ts";
import { countRefused } from "./events.ts";
import { TCP_RST, TCP_SYN } from "./headers.ts";
import { choose } from "./schedule/choose.ts";
import { chooseConsistently } from "./schedule/consistent.ts";
import { serviceOf } from "./service.ts";
import { stateAfterSegment, timeoutOf } from "./state/follow.ts";
import {
  destinationTable,
  type FlowKey,
  FROM_CLIENT,
  PROTOCOL_TCP,
  pools,
  pressure,
  STATE_ESTABLISHED,
  STATE_NONE,
  STATE_UDP,
  serviceTable,
} from "./tables.ts";

/** Answers of `admit` that are not slots of the connection table. */
export const NOT_OURS = 0xffffffff;
export const REFUSED = 0xfffffffe;
export const STATELESS = 0xfffffffd;

/** Whether the table was full so short a time ago that flows without state may still live. */
export function wasFull(state: u32, now: u32): boolean {
  const fullAt = pressure.at(0).fullAt;
  return fullAt !== 0 && now < fullAt + timeoutOf(state);
}

/**
 * Makes a connection of a packet if it opens one: a datagram, or a segment with SYN and without RST, to a virtual service.
 * Answers the connection's slot, or NOT_OURS, REFUSED (the service has no usable server) or STATELESS (forward it
 * without a connection: there is no room, or the flow may have begun when there was none).
 */
export function admit(key: FlowKey, flags: u32, now: u32): u32 {
  const isTcp = key.protocol === PROTOCOL_TCP;
  if (isTcp && (flags & (TCP_SYN | TCP_RST)) !== TCP_SYN) {
    return wasFull(STATE_ESTABLISHED, now) ? STATELESS : NOT_OURS;
  }
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
  const server = destinationTable.lookup(chosen);
  if (chosen === 0 || server === null) {
    countRefused();
    return REFUSED;
  }
  const state = isTcp ? stateAfterSegment(STATE_NONE, FROM_CLIENT, flags) : STATE_UDP;
  const slot = createConnection(key, server, chosen, state, now);
  if (slot < STATELESS) return slot;
  if (slot !== LOST) pressure.at(0).fullAt = now;
  return STATELESS;
}
