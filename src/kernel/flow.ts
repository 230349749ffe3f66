// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** Flows: which connection a packet belongs to. */
import type { u32 } from "../bpf/index.ts";
import { type Connection, type FlowKey, FROM_CLIENT } from "./tables.ts";

/** No slot of the connection table. */
export const NO_CONNECTION = 0xffffffff;

/**
 * Whether a packet with that key, going in that direction, is this connection's. What `flows` answers may be an element
 * that was given to another flow in the same moment, so it is only a hint.
 */
export function isFlowOf(connection: Connection, key: FlowKey, direction: u32): boolean {
  if (connection.protocol !== key.protocol) return false;
  return direction === FROM_CLIENT
    ? connection.client === key.source &&
        connection.virtual === key.destination &&
        connection.clientPort === key.sourcePort &&
        connection.virtualPort === key.destinationPort
    : connection.server === key.source &&
        connection.client === key.destination &&
        connection.serverPort === key.sourcePort &&
        connection.clientPort === key.destinationPort;
}
