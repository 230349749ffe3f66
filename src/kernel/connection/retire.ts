// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { atomicAdd, atomicCompareExchange, type u32 } from "../../bpf/index.ts";
import { countExpired } from "../events.ts";
import { ftp, persistence } from "../options.ts";
import { unfollow } from "../persistence/control.ts";
import { countOut } from "../state/activity.ts";
import { type Connection, destinationTable, due, KIND_TEMPLATE, STATE_REMOVED } from "../tables.ts";
import { MINUS_ONE } from "../words.ts";
import { REST } from "./allocate.ts";
import { withdraw } from "./flows.ts";

/**
 * Ends the connection in slot `index`, whose state word was `word` when the caller decided so. If it changed since, the
 * connection lives on and the answer is false.
 */
export function retire(connection: Connection, index: u32, word: u32, now: u32): boolean {
  const removed = (word | STATE_REMOVED) >>> 0;
  if (removed === word) return false;
  // Before it is removed: a sweeper that comes by takes a removed connection for one that has rested. (One that is not it puts off.)
  const place = due.lookup(index);
  if (place !== null) place.tick = (now + REST) >>> 0;
  if (atomicCompareExchange(connection, "state", word, removed) !== word) return false;
  withdraw(connection, index);
  const server = destinationTable.lookup(connection.destination);
  if ((connection.kind & KIND_TEMPLATE) !== 0) {
    if (server !== null) atomicAdd(server, "persistent", MINUS_ONE);
  } else {
    if (server !== null) countOut(server, word);
    if (persistence.value || ftp.value) unfollow(connection);
    countExpired();
  }
  return true;
}
