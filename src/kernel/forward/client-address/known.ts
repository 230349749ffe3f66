// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What is known of a connection whose server is told the client's address: `proxied`, begun by the client's SYN. */
import { type Packet, readOnce, type u16, type u32 } from "../../../bpf/index.ts";
import { TCP_ACK, TCP_HEADER, TCP_RST, TCP_SYN, Tcp } from "../../headers.ts";
import { family } from "../../options.ts";
import {
  type Connection,
  connectionTable,
  destinationTable,
  POOL_PROXY,
  POOL_TOA,
  type Proxied,
  pools,
  proxied,
  STATE_GENERATION_SHIFT,
  serviceTable,
  TOLD_ACKNOWLEDGED,
  TOLD_ANSWERED,
  TOLD_KNOWN,
  TOLD_PROXY,
  TOLD_TOA,
} from "../../tables.ts";
import { tcpHeaderLength } from "../wire-length.ts";

/** Bytes of TOA's option with a port and an address: kind, length, port, address. */
const TOA_IPV4 = 8;
const TOA_IPV6 = 20;
/** Bytes of a PROXY header (version 2): 16, then two addresses and two ports. */
const PROXY_IPV4 = 28;
const PROXY_IPV6 = 52;

/** The longest TCP header. */
const LONGEST_TCP = 60;

/** How long the option is. */
export function toaLength(): u32 {
  return family.value === 6 ? TOA_IPV6 : TOA_IPV4;
}

/** How long the PROXY header is. */
export function proxyLength(): u32 {
  return family.value === 6 ? PROXY_IPV6 : PROXY_IPV4;
}

/** `Pool.flags` of a connection's service. */
function flagsOf(connection: Connection): u32 {
  const server = destinationTable.lookup(connection.destination);
  if (server === null) return 0;
  const service = serviceTable.lookup(server.service);
  if (service === null) return 0;
  const pool = pools.lookup(service.pool);
  return pool === null ? 0 : pool.flags;
}

/** What is known of the connection in that slot; null: nothing, as its SYN was not seen. */
export function knownOf(index: u32, connection: Connection): Proxied | null {
  const known = proxied.lookup(index);
  if (known === null) return null;
  const generation = readOnce(connection, "state") >>> STATE_GENERATION_SHIFT;
  return known.generation === generation && known.told !== 0 ? known : null;
}

/** The client's SYN came, with that sequence number: what its service is set to now holds for all of the connection. */
function begin(index: u32, connection: Connection, sequence: u32): void {
  const known = proxied.lookup(index);
  if (known === null) return;
  const generation = readOnce(connection, "state") >>> STATE_GENERATION_SHIFT;
  const first = (sequence + 1) >>> 0;
  if (known.generation === generation && known.told !== 0 && known.clientFirst === first) return;
  const flags = flagsOf(connection);
  known.told = 0;
  known.clientFirst = first;
  known.generation = generation;
  let told = TOLD_KNOWN;
  if ((flags & POOL_TOA) !== 0) told = TOLD_KNOWN | TOLD_TOA;
  if ((flags & POOL_PROXY) !== 0) told = TOLD_KNOWN | TOLD_PROXY;
  known.told = told;
}

/**
 * How many bytes a client's TCP segment is to get: TOA's option, or the PROXY header. Notes what a SYN begins. Changes nothing of
 * the packet. @separate
 */
export function bytesForSegment(packet: Packet, transport: u16, index: u32): u32 {
  const connection = connectionTable.lookup(index);
  const tcp = packet.header(Tcp, transport & 0xfff);
  if (connection === null || tcp === null) return 0;
  const flags = tcp.flags & (TCP_SYN | TCP_RST | TCP_ACK);
  const sequence = tcp.sequence;
  const acknowledgement = tcp.acknowledgement;
  if (flags === TCP_SYN) begin(index, connection, sequence);
  const known = knownOf(index, connection);
  if (known === null || (flags & TCP_RST) !== 0) return 0;
  const told = known.told;
  if ((told & TOLD_TOA) !== 0) {
    const isFirst =
      flags === TCP_SYN ||
      (flags === TCP_ACK && (told & TOLD_ANSWERED) !== 0 && acknowledgement === known.serverFirst);
    const header = tcpHeaderLength(packet, transport);
    return isFirst && header >= TCP_HEADER && header + toaLength() <= LONGEST_TCP ? toaLength() : 0;
  }
  if ((told & TOLD_PROXY) === 0 || (told & TOLD_ACKNOWLEDGED) !== 0 || flags !== TCP_ACK) return 0;
  return sequence === known.clientFirst ? proxyLength() : 0;
}

/** The same of a UDP datagram: each one has its PROXY header. @separate */
export function bytesForDatagram(index: u32): u32 {
  const connection = connectionTable.lookup(index);
  if (connection === null) return 0;
  return (flagsOf(connection) & POOL_PROXY) !== 0 ? proxyLength() : 0;
}
