// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { atomicAdd, atomicCompareExchange, copy, make, readOnce, type u32 } from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { countConnection } from "../count.ts";
import { countCreated } from "../events.ts";
import {
  connectionOf,
  directionOf,
  findFlowByCall,
  hashOf,
  insertFlow,
  isFlowOf,
  lookFor,
  NO_CONNECTION,
  removeFlow,
  replaceFlow,
  wordOf,
} from "../flow.ts";
import { beginFtp, countUnlessData } from "../ftp/control.ts";
import { family, ftp, fullnat, persistence, sip, tunnels } from "../options.ts";
import { follow, unfollow } from "../persistence/control.ts";
import { keepCallId } from "../persistence/sip/call-id.ts";
import { activityOf, countIn, countOut } from "../state/activity.ts";
import { timeoutOf } from "../state/follow.ts";
import {
  type Connection,
  connectionTable,
  type Destination,
  due,
  FlowKey,
  FORWARD_FULLNAT,
  FORWARD_MASQ,
  FROM_CLIENT,
  FROM_SERVER,
  KIND_ENGINE,
  KIND_FORWARD_SHIFT,
  KIND_NO_OUTPUT,
  KIND_OF_FLOW,
  STATE_ENDED,
  STATE_GENERATION_SHIFT,
  STATE_REMOVED,
  scratch,
  wide,
} from "../tables.ts";
import { addressWord } from "../words.ts";
import { takeSlot } from "./allocate.ts";
import { REST } from "./retire.ts";

/** How often a state word is changed when another CPU was first. */
const TRIES = 8;

/** No connection was made, though there is room. */
export const LOST = 0xfffffffe;

/** The key of what the server sends to its peer. */
export function setReplyKey(connection: Connection, key: FlowKey): void {
  key.source = connection.server;
  key.destination = connection.local;
  key.sourcePort = connection.serverPort;
  key.destinationPort = connection.localPort;
  key.kind = connection.kind & KIND_OF_FLOW;
}

/** The number that stands for a server's address in connections: an IPv4 address itself, of an IPv6 one its word. */
export function serverWordOf(server: Destination): u32 {
  if (family.value === 4) {
    return tunnels.value && server.family === 6 ? addressWord(server.address) : server.address.words[0]!;
  }
  return tunnels.value && server.family === 4 ? server.address.words[0]! : addressWord(server.address);
}

/** Parts of `Connection.kind` that follow from the forwarding method. */
export function kindOfMethod(method: u32): u32 {
  const shifted = ((method & 7) << KIND_FORWARD_SHIFT) >>> 0;
  return method === FORWARD_MASQ || method === FORWARD_FULLNAT ? shifted : (shifted | KIND_NO_OUTPUT) >>> 0;
}

/** A state word for a connection that begins in the slot whose state word is `before`. */
export function firstWord(before: u32, state: u32): u32 {
  const generation = ((before >>> STATE_GENERATION_SHIFT) + 1) & 0xffff;
  return (state | activityOf(state) | (generation << STATE_GENERATION_SHIFT)) >>> 0;
}

/** The slot of the connection that a word names, if it is of the client's flow `key` and not about to go. */
function ownerOf(word: u32, key: FlowKey): u32 {
  const index = connectionOf(word);
  const connection = connectionTable.lookup(index);
  if (connection === null || !isFlowOf(connection, index, key, FROM_CLIENT)) return NO_CONNECTION;
  return (readOnce(connection, "state") & (STATE_REMOVED | STATE_ENDED)) === 0 ? index : NO_CONNECTION;
}

/** Fills in a connection but for its state: of the client's flow `key` with the server in slot `index`. */
export function fill(connection: Connection, slot: u32, key: FlowKey, server: Destination, index: u32): void {
  connection.client = key.source;
  connection.virtual = key.destination;
  connection.clientPort = key.sourcePort;
  connection.virtualPort = key.destinationPort;
  connection.server = serverWordOf(server);
  connection.serverPort = server.port === 0 ? key.destinationPort : server.port;
  connection.kind = (key.kind | kindOfMethod(server.forward)) & 0xffff;
  connection.destination = index & 0xffff;
  const isKept = !fullnat.value || server.forward !== FORWARD_FULLNAT;
  connection.local = isKept ? key.source : 0;
  connection.localPort = isKept ? key.sourcePort : 0;
  connection.control = 0;
  connection.hop.interface = 0;
  connection.hop.checkAgain = 0;
  connection.hop.mtu = 0;
  if (family.value === 4) return;
  const addresses = wide.lookup(slot);
  const mine = scratch.lookup(0);
  if (addresses === null || mine === null) return;
  copy(addresses.client, mine.source);
  copy(addresses.virtual, mine.destination);
  copy(addresses.server, server.address);
  copy(addresses.local, mine.source);
}

/**
 * Makes the flow of a client's packet (`key`) a connection to the destination in slot `index`, which follows the template that
 * `Scratch.control` names. The replies are entered first, so that none finds the door closed. Returns the connection's slot: of
 * the new one, or of the one that another CPU made of the same flow meanwhile; NO_CONNECTION if there is no room; LOST if two
 * CPUs stood in each other's way.
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
  fill(connection, slot, key, destination, index);
  const helped = ftp.value ? beginFtp(slot) : 0;
  const word = (firstWord(connection.state, state) | helped) >>> 0;
  connection.state = word;
  connection.expires = expires;
  countIn(destination, word);
  const result = publish(connection, key, slot);
  if (result === slot) {
    if (persistence.value || ftp.value) {
      follow(connection);
      // Whoever ended it in between did not know of the template.
      if ((readOnce(connection, "state") & STATE_REMOVED) !== 0) unfollow(connection);
    }
    if (ftp.value) countUnlessData(index);
    else countConnection(index);
    countCreated();
    return slot;
  }
  // Another CPU may have found it meanwhile, and may still look at it: the slot rests before it is used again.
  let last = word;
  for (let i = 0; i < TRIES; i++) {
    const seen = readOnce(connection, "state");
    if ((seen & STATE_REMOVED) !== 0) return result;
    last = seen;
    if (atomicCompareExchange(connection, "state", seen, (seen | STATE_REMOVED) >>> 0) === seen) break;
  }
  place.tick = (now + REST) >>> 0;
  countOut(destination, last);
  return result;
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
 * The flow of a word that was just replaced: if it was a connection's requests, that has none left, and ends with the next sweep. It would
 * stay in the table else, known to nobody, when the one that took them is gone.
 */
function endDeprived(word: u32, now: u32): void {
  if (directionOf(word) !== FROM_CLIENT) return;
  const slot = connectionOf(word);
  const connection = connectionTable.lookup(slot);
  const place = due.lookup(slot);
  if (connection === null || place === null) return;
  const state = readOnce(connection, "state");
  if ((state & STATE_REMOVED) !== 0) return;
  if (atomicCompareExchange(connection, "state", state, (state | STATE_ENDED) >>> 0) === state)
    place.tick = now;
}

/**
 * Enters the replies of a connection under NAT; answers as `publish`. One client port may talk to two services over the same
 * server: the replies belong to whoever spoke last. So do packets that look as another connection's requests, as a server's late datagram
 * that came by a mark.
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
    if (replaceFlow(hash, known, word)) {
      endDeprived(known, currentTick());
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

/** Enters both flows of a connection, or the one that passes here. Answers as `createConnection`. */
function publish(connection: Connection, key: FlowKey, slot: u32): u32 {
  if ((connection.kind & KIND_NO_OUTPUT) === 0) {
    // Under FullNAT there are no replies before there is a local endpoint (local.ts).
    if (!fullnat.value || connection.localPort !== 0) {
      if (family.value === 6) lookForReply(slot);
      const entered = publishReplies(connection, key, slot);
      if (family.value === 6) lookForRequest(slot);
      if (entered !== slot) return entered;
    }
  }
  const hash = hashOf(key);
  const forward = wordOf(hash, slot, FROM_CLIENT);
  if (!insertFlow(hash, forward)) {
    withdrawReplies(connection, slot);
    return NO_CONNECTION;
  }
  const other = findFlowByCall(key, hash, forward);
  if (other === 0) return slot;
  removeFlow(hash, forward);
  withdrawReplies(connection, slot);
  const owner = ownerOf(other, key);
  return owner === NO_CONNECTION ? LOST : owner;
}

/**
 * Makes a persistence template: connections of clients like `key` go to the server in slot `index`, at `port` of it (0: the one asked for),
 * until `expires`. Answers its slot, or NO_CONNECTION.
 */
export function createTemplate(key: FlowKey, server: Destination, index: u32, state: u32, expires: u32): u32 {
  const slot = takeSlot(expires);
  const template = connectionTable.lookup(slot);
  const place = due.lookup(slot);
  if (template === null || place === null) return NO_CONNECTION;
  fill(template, slot, key, server, index);
  template.kind = (template.kind | KIND_NO_OUTPUT) & 0xffff;
  if (sip.value && (key.kind & KIND_ENGINE) !== 0) keepCallId(template, slot);
  // A template of every port keeps the port that is asked for.
  if (key.destinationPort === 0) template.serverPort = 0;
  template.expires = expires;
  const word = firstWord(template.state, state);
  template.state = word;
  const hash = hashOf(key);
  const entry = wordOf(hash, slot, FROM_CLIENT);
  if (insertFlow(hash, entry)) {
    const other = findFlowByCall(key, hash, entry);
    if (other === 0) {
      atomicAdd(server, "persistent", 1);
      return slot;
    }
    removeFlow(hash, entry);
    template.state = (word | STATE_REMOVED) >>> 0;
    place.tick = 0;
    return ownerOf(other, key);
  }
  template.state = (word | STATE_REMOVED) >>> 0;
  place.tick = 0;
  return NO_CONNECTION;
}

/** Lets a connection that ends go from the template, or control connection, that it follows. */
export function leaveTemplate(connection: Connection): void {
  if (persistence.value || ftp.value) unfollow(connection);
}
