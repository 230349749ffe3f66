// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Fragments other than the first of their datagram. They have no ports: they go the way that the first one went, with the same
 * addresses. Nothing is put together, so nothing can be exhausted; what is not as it should be is dropped (RFC 3128, RFC 5722).
 */
import { copy, make, type Packet, readOnce, TC_NEXT, TC_SHOT, type u16, type u32 } from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { countTraffic } from "../count.ts";
import { countHeld, countMalformed, countOrphaned, countUnheld } from "../events.ts";
import { placeOf } from "../forward/forward6.ts";
import { LINK_HEADER } from "../headers.ts";
import {
  connectionTable,
  type Datagram,
  DatagramKey,
  datagrams,
  destinationTable,
  FROM_CLIENT,
  STATE_REMOVED,
  scratch,
  WAY_DROPPED,
  WAY_LEFT,
} from "../tables.ts";
import { hold, NO_PLACE, takeBack } from "./hold.ts";
import { lengthOfPart, NO_PART, partOf, placeOfPart } from "./part.ts";
import { generationOf } from "./remember.ts";
import { toBeSent } from "./send.ts";

/** What is known of a datagram at present; null: nothing. */
function find(key: DatagramKey, now: u32): Datagram | null {
  const datagram = datagrams.lookup(key);
  return datagram === null || datagram.until < now ? null : datagram;
}

/**
 * A fragment that is not the first of its datagram, in an IP packet of `length` bytes; `at`: where its payload begins
 * (part.ts). Returns the verdict, or TO_BE_SENT. @separate
 */
export function laterFragment(packet: Packet, at: u16, length: u32): u32 {
  const key = make(DatagramKey);
  const part = partOf(packet, at, key);
  if (part === NO_PART) {
    countMalformed();
    return TC_NEXT;
  }
  const now = currentTick();
  let datagram = find(key, now);
  if (datagram === null) {
    const place = hold(packet, key, now);
    if (place === NO_PLACE) {
      countUnheld();
      return TC_NEXT;
    }
    // Whoever handled the first one meanwhile may have looked for this one too early.
    datagram = find(key, now);
    if (datagram === null || !takeBack(place)) {
      countHeld();
      return TC_SHOT;
    }
  }
  if (datagram.way === WAY_LEFT) return TC_NEXT;
  if (placeOfPart(part) < datagram.covered) {
    // It would overwrite what the first one was judged by: the whole datagram is void.
    datagram.way = WAY_DROPPED;
    countMalformed();
  }
  if (datagram.way === WAY_DROPPED) return TC_SHOT;
  return follow(datagram, length, lengthOfPart(part));
}

function follow(datagram: Datagram, length: u32, payload: u32): u32 {
  const way = datagram.way & 1;
  const index = datagram.connection;
  let slot = datagram.destination;
  const connection = connectionTable.lookup(index);
  if (connection !== null) {
    const state = readOnce(connection, "state");
    if ((state & STATE_REMOVED) !== 0 || generationOf(state) !== generationOf(datagram.state)) return TC_SHOT;
    slot = connection.destination;
  } else {
    const mine = scratch.lookup(0);
    if (mine === null) return TC_SHOT;
    copy(mine.server, datagram.server);
  }
  const server = destinationTable.lookup(slot);
  if (server === null) return TC_SHOT;
  if (server.available === 0 && way === FROM_CLIENT) {
    countOrphaned();
    return TC_SHOT;
  }
  // A datagram counts once, as long as it would be in one piece (recordings: packets/fragments-nat).
  if (server.available !== 0) countTraffic(slot, way, 0, payload);
  return toBeSent(placeOf(way, LINK_HEADER, 0), length, index, slot);
}
