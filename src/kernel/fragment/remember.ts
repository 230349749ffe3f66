// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { ANY, copy, make, type Packet, type u16, type u32 } from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { NO_CONNECTION } from "../flow.ts";
import { outgoing } from "../options.ts";
import {
  connectionTable,
  Datagram,
  DatagramKey,
  datagrams,
  FROM_SERVER,
  STATE_GENERATION_SHIFT,
  scratch,
} from "../tables.ts";
import { release } from "./hold.ts";
import { lengthOfPart, NO_PART, partOf } from "./part.ts";

/** Ticks that a datagram is known: 30 s, as long as hosts wait for the parts of one. */
const MEMORY = 224;

/** The number of a connection among those that had its slot. */
export function generationOf(state: u32): u32 {
  return state >>> STATE_GENERATION_SHIFT;
}

/**
 * To be called with the first fragment of a datagram, before anything in it is changed: the others go the same way. `at`: where
 * its payload begins (part.ts). `way`: FROM_CLIENT or FROM_SERVER, then `index` is its connection's slot and
 * `destination` the server's (0: it does not count), or without a connection NO_CONNECTION and, from a client, the server's; or
 * WAY_LEFT (not ours) or WAY_DROPPED.
 *
 * Answers 1 if others were waiting for it: then the packet is used up, and comes again. @separate
 */
export function rememberFragments(packet: Packet, at: u16, index: u32, destination: u32, way: u32): u32 {
  const key = make(DatagramKey);
  const part = partOf(packet, at, key);
  if (part === NO_PART) return 0;
  const now = currentTick();
  const datagram = make(Datagram, {
    way,
    until: (now + MEMORY) >>> 0,
    connection: NO_CONNECTION,
    destination,
    covered: lengthOfPart(part),
  });
  const connection = connectionTable.lookup(index);
  if (connection !== null) {
    datagram.connection = index;
    datagram.state = connection.state;
  } else if (way === FROM_SERVER) {
    // Whoever found out that it is a reply of a flow without state has looked it up by this key.
    const mine = scratch.lookup(0);
    if (mine !== null) copy(datagram.server, mine.server);
  }
  datagrams.update(key, datagram, ANY);
  // Where packets go out, none wait: the host sends them in order.
  return !outgoing.value && release(packet, key, now) ? 1 : 0;
}
