// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** Connections that an ICMP error opens (sysctl schedule_icmp). */
import { atomicCompareExchange, type Packet, readOnce, type u16, type u32 } from "../../bpf/index.ts";
import { NO_TRANSPORT } from "../extensions.ts";
import { ICMP_HEADER, Icmp, Ipv4, Ipv6, LINK_HEADER, TCP_SYN } from "../headers.ts";
import { family } from "../options.ts";
import { recount } from "../state/activity.ts";
import {
  type Connection,
  type Destination,
  due,
  type FlowKey,
  KIND_PROTOCOL,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  STATE_BEGUN,
  STATE_INACTIVE,
  STATE_MASK,
} from "../tables.ts";
import { findQuoted, goesToSender, hasPorts, isError, setAnswerKey } from "./quote.ts";

/** Ticks that such a connection lives unless a packet of its own comes: 3 s (recordings: icmp.json). */
const LIFE = 22;

/** Whether the packet is an ICMP message (of IPv6 without extension headers). */
export function isMessage(packet: Packet): boolean {
  if (family.value === 6) {
    const ip = packet.header(Ipv6, LINK_HEADER);
    return ip !== null && ip.nextHeader === PROTOCOL_ICMPV6;
  }
  const ip = packet.header(Ipv4, LINK_HEADER);
  return ip !== null && ip.protocol === PROTOCOL_ICMP;
}

/**
 * Fills in the key of the flow that an ICMP error would open: from the receiver of the packet that it quotes to its sender, the virtual service. Answers
 * `what` is to be scheduled: protocol × 256 + flags; 0: nothing.
 */
export function setQuotedKey(packet: Packet, transport: u16, length: u32, key: FlowKey): u16 {
  const icmp = packet.header(Icmp, transport);
  if (icmp === null || !isError(icmp.type)) return 0;
  const quote = (transport + ICMP_HEADER) & 0xfff;
  const found = findQuoted(packet, quote);
  if (found === NO_TRANSPORT || !goesToSender(packet, quote)) return 0;
  const protocol = found & 0xff;
  if (!hasPorts(protocol) || ((found >>> 8) & 0xfff) + 4 > length + LINK_HEADER) return 0;
  if (!setAnswerKey(packet, quote, found, key)) return 0;
  // As far as scheduling is concerned, it opens a connection.
  return ((protocol << 8) | (protocol === PROTOCOL_TCP ? TCP_SYN : 1)) & 0xffff;
}

/** Gives a connection that an ICMP error has just opened its state and time. */
export function begin(connection: Connection, server: Destination, index: u32, now: u32): void {
  const place = due.lookup(index);
  if (place === null) return;
  if ((connection.kind & KIND_PROTOCOL) === PROTOCOL_TCP) {
    const before = readOnce(connection, "state");
    const after = ((before & ~STATE_MASK) | STATE_BEGUN | STATE_INACTIVE) >>> 0;
    if (atomicCompareExchange(connection, "state", before, after) !== before) return;
    recount(server, before, after);
  }
  const end = (now + LIFE) >>> 0;
  connection.expires = end;
  if (place.tick > end) place.tick = end;
}
