// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { make, type Packet, readOnce, TC_NEXT, type u16, type u32 } from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { countTraffic } from "../count.ts";
import { replaceAddressAndAge } from "../forward/checksum.ts";
import { translate6 } from "../forward/translate6.ts";
import { Ipv4, LINK_HEADER } from "../headers.ts";
import { family } from "../options.ts";
import {
  connectionTable,
  DatagramKey,
  datagrams,
  destinationTable,
  FROM_SERVER,
  STATE_REMOVED,
  wide,
} from "../tables.ts";
import { lengthOfPart, NO_PART, partOf } from "./part.ts";
import { generationOf } from "./remember.ts";

/**
 * A fragment, other than the first, that this host sends; `at`: where its payload begins (part.ts). If the first was a masqueraded
 * server's answer (outgoing.ts), it gets the virtual address as that did. Returns the verdict: it always goes on. @separate
 */
export function laterOutgoing(packet: Packet, at: u16): u32 {
  const key = make(DatagramKey);
  const part = partOf(packet, at, key);
  if (part === NO_PART) return TC_NEXT;
  const datagram = datagrams.lookup(key);
  if (datagram === null || datagram.until < currentTick() || datagram.way !== FROM_SERVER) return TC_NEXT;
  const index = datagram.connection;
  const connection = connectionTable.lookup(index);
  if (connection === null) return TC_NEXT;
  const state = readOnce(connection, "state");
  if ((state & STATE_REMOVED) !== 0 || generationOf(state) !== generationOf(datagram.state)) return TC_NEXT;
  const server = destinationTable.lookup(connection.destination);
  if (server === null) return TC_NEXT;
  if (server.available !== 0) countTraffic(connection.destination, FROM_SERVER, 0, lengthOfPart(part));
  if (family.value === 6) {
    const addresses = wide.lookup(index);
    if (addresses !== null) translate6(packet, LINK_HEADER, 0, FROM_SERVER, addresses.virtual, 0);
    return TC_NEXT;
  }
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return TC_NEXT;
  const from = ip.source;
  ip.source = connection.virtual;
  ip.lifetime = ip.lifetime - 1;
  ip.checksum = replaceAddressAndAge(ip.checksum, from, connection.virtual);
  return TC_NEXT;
}
