// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Local endpoints of FullNAT connections: what the server sees as its peer. A port is free if no connection has it towards the
 * same server and port, so one local address carries as many connections to *each* server as there are ports.
 *
 * A destination's ports are handed out in turn, over all of its service's local addresses: so one that became free rests as
 * long as possible before it is used again, and a server's TIME_WAIT seldom meets it. (RFC 6191, RFC 7323 appendix B.)
 */
import {
  atomicAdd,
  atomicCompareExchange,
  atomicFetchAdd,
  copy,
  type Infer,
  make,
  readOnce,
  repeat,
  struct,
  u32,
} from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { findFlowByCall, hashOf, insertFlow, lookFor, removeFlow, wordOf } from "../flow.ts";
import { family } from "../options.ts";
import {
  type Connection,
  connectionTable,
  destinationTable,
  FlowKey,
  FORWARD_FULLNAT,
  FROM_SERVER,
  KIND_FORWARD_SHIFT,
  localAddresses,
  type Pool,
  pools,
  STATE_REMOVED,
  serviceTable,
  wide,
} from "../tables.ts";
import { addressWord, isSame } from "../words.ts";
import { setReplyKey, withdrawReplies } from "./flows.ts";
import { retire } from "./retire.ts";

/** Ports tried before giving up. */
const TRIES = 64;

/** So many are tried in a row. */
const RUN = 8;

/** An odd constant with well-mixed bits. */
const FAR = 0x9e3779b1;

/** What `Connection.hop.checkAgain` is while a local endpoint is searched for, and from when on it has one. */
const SEARCHING = 1;
const SETTLED = 2;

/** Ports of local addresses that the host itself does not use towards the server, and of the one that it does: below those that Linux gives its own sockets. */
const FIRST_PORT = 1024;
const PORTS = 64512;
const OWN_PORTS = 31744;

export const LocalSearch = struct("LocalSearch", { slot: u32, start: u32, count: u32, found: u32 });
export type LocalSearch = Infer<typeof LocalSearch>;

/** Gives the connection the local address and port of a turn. False: there is no address. */
function setLocal(connection: Connection, search: LocalSearch, turn: u32): boolean {
  const server = destinationTable.lookup(connection.destination);
  if (server === null) return false;
  let address = server.source;
  if (search.count !== 0) {
    const given = localAddresses.lookup((search.start + ((turn % search.count) >>> 0)) >>> 0);
    if (given === null) return false;
    address = given;
    const ports = isSame(given, server.source) ? OWN_PORTS : PORTS;
    connection.localPort = FIRST_PORT + (((turn / search.count) >>> 0) % ports);
  } else {
    connection.localPort = FIRST_PORT + (turn % OWN_PORTS);
  }
  if (family.value === 4) {
    connection.local = address.words[0]!;
    return connection.local !== 0;
  }
  const addresses = wide.lookup(search.slot);
  if (addresses === null) return false;
  copy(addresses.local, address);
  connection.local = addressWord(address);
  lookFor(addresses.server, addresses.local);
  return connection.local !== 0;
}

function tryPort(round: u32, search: LocalSearch): u32 {
  const connection = connectionTable.lookup(search.slot);
  if (connection === null) return 1;
  const server = destinationTable.lookup(connection.destination);
  if (server === null) return 1;
  // Where ports in a row are taken the search goes on elsewhere.
  if (round % RUN === RUN - 1) atomicAdd(server, "portCursor", Math.imul(server.portCursor, FAR) >>> 16);
  if (!setLocal(connection, search, atomicFetchAdd(server, "portCursor", 1))) return 1;
  const reply = make(FlowKey);
  setReplyKey(connection, reply);
  const hash = hashOf(reply);
  if (findFlowByCall(reply, hash, 0) !== 0) return 0;
  const word = wordOf(hash, search.slot, FROM_SERVER);
  if (!insertFlow(hash, word)) return 0;
  if (findFlowByCall(reply, hash, word) === 0) {
    search.found = 1;
    return 1;
  }
  removeFlow(hash, word);
  return 0;
}

function poolOf(connection: Connection): Pool | null {
  const server = destinationTable.lookup(connection.destination);
  if (server === null) return null;
  const service = serviceTable.lookup(server.service);
  return service === null ? null : pools.lookup(service.pool);
}

/**
 * Gives the FullNAT connection in that slot a local address and port, if it has none, and enters the server's replies to it. Until
 * then its packets are dropped. False: none is free, and the connection ends. @separate
 */
export function enterLocal(slot: u32): boolean {
  const connection = connectionTable.lookup(slot);
  if (connection === null) return false;
  if (((connection.kind >>> KIND_FORWARD_SHIFT) & 7) !== FORWARD_FULLNAT || connection.localPort !== 0)
    return true;
  // Of two CPUs with packets of one new flow, one does it. (No packet looks at the way to the client yet.)
  if (atomicCompareExchange(connection.hop, "checkAgain", 0, SEARCHING) !== 0) return true;
  const isFound = findLocal(slot, connection);
  if (isFound) connection.hop.checkAgain = SETTLED;
  const state = readOnce(connection, "state");
  if (isFound && (state & STATE_REMOVED) === 0) return true;
  // Whoever ended it in between knew of no replies.
  if (!retire(connection, slot, state, currentTick()) && isFound) withdrawReplies(connection, slot);
  return false;
}

/** Whether the host had an address towards the connection's server when it was last asked for: without a way it has none. */
export function hasWay(slot: u32): boolean {
  const connection = connectionTable.lookup(slot);
  if (connection === null) return true;
  const server = destinationTable.lookup(connection.destination);
  if (server === null) return true;
  const words = server.source.words;
  return (words[0]! | words[1]! | words[2]! | words[3]!) !== 0;
}

/** Whether a FullNAT connection has its local endpoint: without, its packets are dropped. */
export function isSettled(connection: Connection): boolean {
  return connection.hop.checkAgain >= SETTLED;
}

/** Searches for a free local endpoint. */
function findLocal(slot: u32, connection: Connection): boolean {
  const pool = poolOf(connection);
  if (pool === null) return false;
  const search = make(LocalSearch, {
    slot,
    start: pool.localStart,
    count: pool.localCount,
    found: pool.zero,
  });
  repeat(TRIES, tryPort, search);
  return search.found !== 0;
}
