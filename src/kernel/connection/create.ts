// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { make, readOnce, type u32 } from "../../bpf/index.ts";
import { countConnection } from "../count.ts";
import { countCreated } from "../events.ts";
import {
  connectionOf,
  findFlowByCall,
  hashOf,
  insertFlow,
  isFlowOf,
  NO_CONNECTION,
  removeFlow,
  replaceFlow,
  wordOf,
} from "../flow.ts";
import { activityOf, countIn, countOut } from "../state/activity.ts";
import { timeoutOf } from "../state/follow.ts";
import {
  type Connection,
  connectionTable,
  type Destination,
  due,
  FlowKey,
  FROM_CLIENT,
  FROM_SERVER,
  KIND_FORWARD_SHIFT,
  KIND_OF_FLOW,
  STATE_GENERATION_SHIFT,
  STATE_REMOVED,
} from "../tables.ts";
import { takeSlot } from "./allocate.ts";

/** No connection was made, though there is room. */
export const LOST = 0xfffffffe;

/** The key of what the server sends to the client. */
export function setReplyKey(connection: Connection, key: FlowKey): void {
  key.source = connection.server;
  key.destination = connection.local;
  key.sourcePort = connection.serverPort;
  key.destinationPort = connection.localPort;
  key.kind = connection.kind & KIND_OF_FLOW;
}

/** The slot of the connection that a word names, if it is of the client's flow `key` and not being removed. */
function ownerOf(word: u32, key: FlowKey): u32 {
  const index = connectionOf(word);
  const connection = connectionTable.lookup(index);
  if (connection === null || !isFlowOf(connection, key, FROM_CLIENT)) return NO_CONNECTION;
  return (readOnce(connection, "state") & STATE_REMOVED) === 0 ? index : NO_CONNECTION;
}

function fill(connection: Connection, key: FlowKey, destination: Destination, index: u32, state: u32): u32 {
  const generation = ((connection.state >>> STATE_GENERATION_SHIFT) + 1) & 0xffff;
  const word = (state | activityOf(state & 15) | (generation << STATE_GENERATION_SHIFT)) >>> 0;
  connection.client = key.source;
  connection.virtual = key.destination;
  connection.clientPort = key.sourcePort;
  connection.virtualPort = key.destinationPort;
  connection.server = destination.address.words[0]!;
  connection.serverPort = destination.port === 0 ? key.destinationPort : destination.port;
  connection.kind = (key.kind | (destination.forward << KIND_FORWARD_SHIFT)) & 0xffff;
  connection.destination = index & 0xffff;
  connection.local = key.source;
  connection.localPort = key.sourcePort;
  connection.control = 0;
  connection.hop.interface = 0;
  connection.hop.checkAgain = 0;
  connection.hop.mtu = 0;
  connection.state = word;
  return word;
}

/**
 * Makes the flow of a client's packet (`key`) a connection to the destination in slot `index`. The replies are entered first, so
 * that none finds the door closed. Returns the connection's slot: of the new one, or of the one that another CPU made of the
 * same flow meanwhile; NO_CONNECTION if there is no room; LOST if two CPUs stood in each other's way.
 */
export function createConnection(
  key: FlowKey,
  destination: Destination,
  index: u32,
  state: u32,
  now: u32,
): u32 {
  const expires = (now + timeoutOf(state)) >>> 0;
  const slot = takeSlot(expires);
  const connection = connectionTable.lookup(slot);
  const place = due.lookup(slot);
  if (connection === null || place === null) return NO_CONNECTION;
  const word = fill(connection, key, destination, index, state);
  connection.expires = expires;
  countIn(destination, word);
  const result = publish(connection, key, slot);
  if (result === slot) {
    countConnection(index);
    countCreated();
    return slot;
  }
  connection.state = (word | STATE_REMOVED) >>> 0;
  countOut(destination, word);
  place.tick = 0;
  return result;
}

/** Enters both flows of a connection. Answers as `createConnection`. */
function publish(connection: Connection, key: FlowKey, slot: u32): u32 {
  const reply = make(FlowKey);
  setReplyKey(connection, reply);
  const replyHash = hashOf(reply);
  const replyWord = wordOf(replyHash, slot, FROM_SERVER);
  const known = findFlowByCall(reply, replyHash, 0);
  if (known !== 0) {
    const owner = ownerOf(known, key);
    if (owner !== NO_CONNECTION) return owner;
  }
  // One client port may talk to two services over the same server: the replies belong to whoever spoke last.
  const replaced = known !== 0 && replaceFlow(replyHash, known, replyWord);
  if (!replaced && !insertFlow(replyHash, replyWord)) return NO_CONNECTION;

  const hash = hashOf(key);
  const forward = wordOf(hash, slot, FROM_CLIENT);
  if (!insertFlow(hash, forward)) {
    removeFlow(replyHash, replyWord);
    return NO_CONNECTION;
  }
  const other = findFlowByCall(key, hash, forward);
  if (other === 0) return slot;
  removeFlow(hash, forward);
  removeFlow(replyHash, replyWord);
  const owner = ownerOf(other, key);
  return owner === NO_CONNECTION ? LOST : owner;
}
