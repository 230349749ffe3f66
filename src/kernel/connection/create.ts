// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { atomicAdd, atomicCompareExchange, copy, readOnce, type u32 } from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { countConnection } from "../count.ts";
import { countCreated } from "../events.ts";
import { NO_CONNECTION } from "../flow.ts";
import { beginFtp, countUnlessData } from "../ftp/control.ts";
import { family, ftp, fullnat, persistence, sip, tunnels } from "../options.ts";
import { follow, unfollow } from "../persistence/control.ts";
import { keepCallId } from "../persistence/sip/call-id.ts";
import { serverPortOf } from "../server-port.ts";
import { activityOf, countIn, countOut } from "../state/activity.ts";
import { timeoutOf } from "../state/follow.ts";
import {
  type Connection,
  connectionTable,
  type Destination,
  type Due,
  due,
  type FlowKey,
  FORWARD_FULLNAT,
  FORWARD_MASQ,
  KIND_ENGINE,
  KIND_FORWARD_SHIFT,
  KIND_NO_OUTPUT,
  STATE_GENERATION_SHIFT,
  STATE_REMOVED,
  scratch,
  wide,
} from "../tables.ts";
import { addressWord, MINUS_ONE } from "../words.ts";
import { REST, takeSlot } from "./allocate.ts";
import { enterRequests, publish } from "./flows.ts";

/** How often a state word is changed when another CPU was first. */
const TRIES = 8;

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

/** Fills in a connection but for its state: of the client's flow `key` with the server in slot `index`. */
export function fill(connection: Connection, slot: u32, key: FlowKey, server: Destination, index: u32): void {
  connection.client = key.source;
  connection.virtual = key.destination;
  connection.clientPort = key.sourcePort;
  connection.virtualPort = key.destinationPort;
  connection.server = serverWordOf(server);
  connection.serverPort = serverPortOf(server, key.destinationPort);
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
  const last = giveUp(connection, place, now);
  if ((last & STATE_REMOVED) === 0) countOut(destination, last);
  return result;
}

/**
 * Ends an entry whose flow found no room. Answers its state word until then; with STATE_REMOVED, somebody else has ended it. Another
 * CPU may have found it meanwhile, and may still look at it: the slot rests before it is used again.
 */
function giveUp(entry: Connection, place: Due, now: u32): u32 {
  place.tick = (now + REST) >>> 0;
  let seen = readOnce(entry, "state");
  for (let i = 0; i < TRIES; i++) {
    if ((seen & STATE_REMOVED) !== 0) return seen;
    const found = atomicCompareExchange(entry, "state", seen, (seen | STATE_REMOVED) >>> 0);
    if (found === seen) return seen;
    seen = found;
  }
  return seen;
}

/**
 * Makes a persistence template: connections of clients like `key` go to the server in slot `index`, at `port` of it (0: the one asked for),
 * until `expires`. Answers its slot, or that of the one that another CPU made meanwhile; NO_CONNECTION and LOST as `createConnection`.
 */
export function createTemplate(key: FlowKey, server: Destination, index: u32, state: u32, expires: u32): u32 {
  const slot = takeSlot(expires);
  const template = connectionTable.lookup(slot);
  const place = due.lookup(slot);
  if (template === null || place === null) return NO_CONNECTION;
  fill(template, slot, key, server, index);
  template.kind = (template.kind | KIND_NO_OUTPUT) & 0xffff;
  if (sip.value && (key.kind & KIND_ENGINE) !== 0) keepCallId(template, slot);
  // A template of every port keeps the port that is asked for. (It is for people only.)
  template.serverPort = key.destinationPort === 0 ? 0 : server.port;
  template.expires = expires;
  template.state = firstWord(template.state, state);
  // Before it can be found, and ended, by others.
  atomicAdd(server, "persistent", 1);
  const entered = enterRequests(key, slot);
  if (entered === slot) return slot;
  const last = giveUp(template, place, currentTick());
  if ((last & STATE_REMOVED) === 0) atomicAdd(server, "persistent", MINUS_ONE);
  return entered;
}
