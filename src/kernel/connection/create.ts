// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { ANY, make, NO_EXIST, readOnce, type u32 } from "../../bpf/index.ts";
import { countConnection } from "../count.ts";
import { countCreated } from "../events.ts";
import { isFlowOf, NO_CONNECTION } from "../flow.ts";
import { activityOf, countIn, countOut } from "../state/activity.ts";
import { timeoutOf } from "../state/follow.ts";
import {
  type Connection,
  connectionTable,
  type Destination,
  due,
  FlowEntry,
  FlowKey,
  FROM_CLIENT,
  FROM_SERVER,
  flows,
  STATE_GENERATION_SHIFT,
  STATE_REMOVED,
} from "../tables.ts";
import { takeSlot } from "./allocate.ts";

const EEXIST = -17;

/** The key of what the server sends to the client. */
export function setReplyKey(connection: Connection, key: FlowKey): void {
  key.source = connection.server;
  key.destination = connection.client;
  key.sourcePort = connection.serverPort;
  key.destinationPort = connection.clientPort;
  key.protocol = connection.protocol;
}

/** The connection under `entryKey`, if it is one of the client's flow `key` and not being removed; else NO_CONNECTION. */
function ownerOf(entryKey: FlowKey, key: FlowKey): u32 {
  const entry = flows.lookup(entryKey);
  if (entry === null) return NO_CONNECTION;
  const index = entry.connection;
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
  connection.server = destination.address;
  connection.serverPort = destination.port === 0 ? key.destinationPort : destination.port;
  connection.protocol = key.protocol & 0xff;
  connection.forward = destination.forward;
  connection.destination = index;
  connection.flags = 0;
  connection.hop.interface = 0;
  connection.hop.checkAgain = 0;
  connection.hop.mtu = 0;
  connection.state = word;
  return word;
}

/**
 * Makes the flow of a client's packet (`key`) a connection to the destination in slot `index`. The entry of the replies is
 * published first, so that no reply finds the door closed. Returns the connection's slot: of the new one, or of the one
 * that another CPU made of the same flow meanwhile; NO_CONNECTION if there is no room.
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

  const reply = make(FlowKey);
  setReplyKey(connection, reply);
  const entry = make(FlowEntry, { connection: slot, direction: FROM_SERVER });
  let status = flows.update(reply, entry, NO_EXIST);
  let winner = NO_CONNECTION;
  if (status === EEXIST) {
    winner = ownerOf(reply, key);
    // One client port may talk to two services over the same server: the replies belong to whoever spoke last.
    if (winner === NO_CONNECTION) status = flows.update(reply, entry, ANY);
  }
  if (status === 0) {
    entry.direction = FROM_CLIENT;
    status = flows.update(key, entry, NO_EXIST);
    if (status === 0) {
      countConnection(index);
      countCreated();
      return slot;
    }
    flows.delete(reply);
    if (status === EEXIST) winner = ownerOf(key, key);
  }
  connection.state = (word | STATE_REMOVED) >>> 0;
  countOut(destination, word);
  place.tick = 0;
  return winner;
}
