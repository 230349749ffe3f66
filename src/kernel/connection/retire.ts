// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { atomicCompareExchange, make, type u32 } from "../../bpf/index.ts";
import { countExpired } from "../events.ts";
import { hashOf, removeFlow, wordOf } from "../flow.ts";
import { countOut } from "../state/activity.ts";
import {
  type Connection,
  destinationTable,
  due,
  FlowKey,
  FROM_CLIENT,
  FROM_SERVER,
  KIND_OF_FLOW,
  STATE_REMOVED,
} from "../tables.ts";
import { setReplyKey } from "./create.ts";

/** Ticks that a slot rests before it can be used again: longer than any program that may still look at it runs. */
const REST = 2;

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
    kind: connection.kind & KIND_OF_FLOW,
  });
  const hash = hashOf(key);
  removeFlow(hash, wordOf(hash, index, FROM_CLIENT));
  setReplyKey(connection, key);
  const replyHash = hashOf(key);
  removeFlow(replyHash, wordOf(replyHash, index, FROM_SERVER));
  const server = destinationTable.lookup(connection.destination);
  if (server !== null) countOut(server, word);
  countExpired();
  const place = due.lookup(index);
  if (place !== null) place.tick = (now + REST) >>> 0;
  return true;
}
