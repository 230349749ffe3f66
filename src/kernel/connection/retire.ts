// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { atomicCompareExchange, make, type u32 } from "../../bpf/index.ts";
import { countExpired } from "../events.ts";
import { countOut } from "../state/activity.ts";
import { type Connection, destinationTable, due, FlowKey, flows, STATE_REMOVED } from "../tables.ts";
import { setReplyKey } from "./create.ts";

/** Ticks that a slot rests before it can be used again: longer than any program that may still look at it runs. */
const REST = 2;

/** Deletes the entry of a flow if it is this connection's. */
function deleteFlow(key: FlowKey, index: u32): void {
  const entry = flows.lookup(key);
  if (entry !== null && entry.connection === index) flows.delete(key);
}

/**
 * Ends the connection in slot `index`, whose state word was `word` when the caller decided so. If it changed since, the
 * connection lives on and the answer is false.
 */
export function retire(connection: Connection, index: u32, word: u32, now: u32): boolean {
  const removed = (word | STATE_REMOVED) >>> 0;
  if (removed === word || atomicCompareExchange(connection, "state", word, removed) !== word) return false;
  const key = make(FlowKey, {
    source: connection.client,
    destination: connection.virtual,
    sourcePort: connection.clientPort,
    destinationPort: connection.virtualPort,
    protocol: connection.protocol,
  });
  deleteFlow(key, index);
  setReplyKey(connection, key);
  deleteFlow(key, index);
  const server = destinationTable.lookup(connection.destination);
  if (server !== null) countOut(server, word);
  countExpired();
  const place = due.lookup(index);
  if (place !== null) place.tick = (now + REST) >>> 0;
  return true;
}
