// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** The flows by which packets find a connection: entered when it begins, and withdrawn when it ends. */
import { atomicCompareExchange, make, readOnce, type u32, type u64 } from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import {
  ABSENT,
  connectionOf,
  directionOf,
  findFlowByCall,
  hashOf,
  IN_FRONT,
  insertFlow,
  isFlowOf,
  lookFor,
  NO_CONNECTION,
  putInFront,
  removeFlow,
  wordOf,
} from "../flow.ts";
import { family, fullnat } from "../options.ts";
import {
  type Connection,
  connectionTable,
  due,
  FlowKey,
  FROM_CLIENT,
  FROM_SERVER,
  KIND_NO_OUTPUT,
  KIND_OF_FLOW,
  STATE_ENDED,
  STATE_MASK,
  STATE_REMOVED,
  STATE_UDP,
  wide,
} from "../tables.ts";

/** No connection was made, though there is room, as two CPUs stood in each other's way: the packet is to be looked at again. */
export const LOST = 0xfffffffc;

/** The key of what the server sends to its peer. */
export function setReplyKey(connection: Connection, key: FlowKey): void {
  key.source = connection.server;
  key.destination = connection.local;
  key.sourcePort = connection.serverPort;
  key.destinationPort = connection.localPort;
  key.kind = connection.kind & KIND_OF_FLOW;
}

/** The slot of the connection that a word names, if it is of the client's flow `key` and not about to go. */
function ownerOf(word: u32, key: FlowKey): u32 {
  const index = connectionOf(word);
  const connection = connectionTable.lookup(index);
  if (connection === null || !isFlowOf(connection, index, key, FROM_CLIENT)) return NO_CONNECTION;
  return (readOnce(connection, "state") & (STATE_REMOVED | STATE_ENDED)) === 0 ? index : NO_CONNECTION;
}

/** IPv6: what is looked for is a reply of this connection. */
function lookForReply(slot: u32): void {
  const addresses = wide.lookup(slot);
  if (addresses !== null) lookFor(addresses.server, addresses.local);
}

/** IPv6: what is looked for is the client's flow of this connection. */
function lookForRequest(slot: u32): void {
  const addresses = wide.lookup(slot);
  if (addresses !== null) lookFor(addresses.client, addresses.virtual);
}

/**
 * The connection of a word that another was put before (`where`: as `putInFront` answers). One that has none left in the table ends with
 * the next sweep, if it is of no use without: if they were its requests, or the answers to datagrams, which then begin another.
 */
function giveWay(word: u32, hash: u64, where: u32): void {
  const slot = connectionOf(word);
  const connection = connectionTable.lookup(slot);
  const place = due.lookup(slot);
  if (connection === null || place === null) return;
  const state = readOnce(connection, "state");
  if ((state & STATE_REMOVED) !== 0) {
    // Whoever ended it may have looked for the word before it was back.
    if (where === IN_FRONT) removeFlow(hash, word);
    return;
  }
  if (where === IN_FRONT) return;
  if (directionOf(word) === FROM_SERVER && (state & STATE_MASK) !== STATE_UDP) return;
  if (atomicCompareExchange(connection, "state", state, (state | STATE_ENDED) >>> 0) === state)
    place.tick = currentTick();
}

/**
 * Enters the replies of a connection under NAT; answers as `enterRequests`. One client port may talk to two services over the same
 * server: the replies belong to the latest connection, and when that has ended, to the one before it. So do packets that look as another
 * connection's requests, as a server's late datagram that came by a mark.
 */
function publishReplies(connection: Connection, key: FlowKey, slot: u32): u32 {
  const reply = make(FlowKey);
  setReplyKey(connection, reply);
  const hash = hashOf(reply);
  const word = wordOf(hash, slot, FROM_SERVER);
  const known = findFlowByCall(reply, hash, 0);
  if (known !== 0) {
    if (family.value === 6) lookForRequest(slot);
    const owner = ownerOf(known, key);
    if (owner !== NO_CONNECTION) return owner;
    const where = putInFront(hash, known, word);
    if (where !== ABSENT) {
      giveWay(known, hash, where);
      return slot;
    }
  }
  return insertFlow(hash, word) ? slot : NO_CONNECTION;
}

/** Takes the replies' flow of a connection out of the table. */
export function withdrawReplies(connection: Connection, slot: u32): void {
  if ((connection.kind & KIND_NO_OUTPUT) !== 0) return;
  const reply = make(FlowKey);
  setReplyKey(connection, reply);
  const hash = hashOf(reply);
  removeFlow(hash, wordOf(hash, slot, FROM_SERVER));
}

/**
 * Enters a client's flow of the connection, or template, in that slot. Answers the slot; that of another connection that has the flow;
 * NO_CONNECTION if there is no room; LOST if two CPUs stood in each other's way.
 */
export function enterRequests(key: FlowKey, slot: u32): u32 {
  const hash = hashOf(key);
  const word = wordOf(hash, slot, FROM_CLIENT);
  if (!insertFlow(hash, word)) return NO_CONNECTION;
  const other = findFlowByCall(key, hash, word);
  if (other === 0) return slot;
  removeFlow(hash, word);
  const owner = ownerOf(other, key);
  return owner === NO_CONNECTION ? LOST : owner;
}

/**
 * Enters both flows of the connection in that slot, whose client's is `key`, or the one that passes here: the replies first, so that none
 * finds the door closed. Answers as `enterRequests`.
 */
export function publish(connection: Connection, key: FlowKey, slot: u32): u32 {
  if ((connection.kind & KIND_NO_OUTPUT) === 0) {
    // Under FullNAT there are no replies before there is a local endpoint (local.ts).
    if (!fullnat.value || connection.localPort !== 0) {
      if (family.value === 6) lookForReply(slot);
      const entered = publishReplies(connection, key, slot);
      if (family.value === 6) lookForRequest(slot);
      if (entered !== slot) return entered;
    }
  }
  const entered = enterRequests(key, slot);
  if (entered !== slot) withdrawReplies(connection, slot);
  return entered;
}

/** Takes both flows of the connection in that slot out of the table. */
export function withdraw(connection: Connection, slot: u32): void {
  const key = make(FlowKey, {
    source: connection.client,
    destination: connection.virtual,
    sourcePort: connection.clientPort,
    destinationPort: connection.virtualPort,
    kind: connection.kind & KIND_OF_FLOW,
  });
  const hash = hashOf(key);
  removeFlow(hash, wordOf(hash, slot, FROM_CLIENT));
  withdrawReplies(connection, slot);
}
