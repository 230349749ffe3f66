// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * ICMP errors from the servers' side about packets that servers are told something in: what they quote, and the MTU they speak of, as
 * the client knows it. (Errors about a server's packets quote its own sequence numbers.)
 */
import {
  type Infer,
  type Packet,
  replaceL4Checksum,
  struct,
  swap16,
  swap32,
  type u16,
  u16be,
  type u32,
  u32be,
} from "../../../bpf/index.ts";
import {
  ICMP_CHECKSUM,
  ICMP_FRAGMENTATION_NEEDED,
  ICMP_UNREACHABLE,
  ICMP6_TOO_BIG,
  Icmp,
  LEAST_MTU,
  LEAST_MTU6,
} from "../../headers.ts";
import { family } from "../../options.ts";
import {
  connectionTable,
  KIND_PROTOCOL,
  PROTOCOL_TCP,
  TOLD_ACKNOWLEDGED,
  TOLD_PROXY,
  TOLD_TOA,
} from "../../tables.ts";
import { bytesForDatagram, knownOf, proxyLength, toaLength } from "./known.ts";

/** What an error quotes of a TCP header at least. */
export const QuotedTcp = struct("QuotedTcp", { source: u16be, destination: u16be, sequence: u32be });
export type QuotedTcp = Infer<typeof QuotedTcp>;

/** Whether the error says that a packet was too large. */
function isTooLarge(icmp: Icmp): boolean {
  if (family.value === 6) return icmp.type === ICMP6_TOO_BIG;
  return icmp.type === ICMP_UNREACHABLE && icmp.code === ICMP_FRAGMENTATION_NEEDED;
}

/** Packets must leave room for `count` bytes. (IPv6's MTU has 32 bits, of which it uses the lower half.) */
function lowerMtu(packet: Packet, transport: u16, count: u32): void {
  const icmp = packet.header(Icmp, transport);
  if (icmp === null || count === 0 || !isTooLarge(icmp)) return;
  const before = icmp.mtu;
  if (before < (family.value === 6 ? LEAST_MTU6 : LEAST_MTU) + count) return;
  const after = (before - count) & 0xffff;
  icmp.mtu = after;
  replaceL4Checksum(packet, transport + ICMP_CHECKSUM, swap16(before), swap16(after), 2);
}

/**
 * Adapts an error that goes to the client of the connection in slot `index`; its header is at `transport`, the quoted packet's
 * transport header at `inside`. @separate
 */
export function adaptQuote(packet: Packet, transport: u16, inside: u16, index: u32): u32 {
  const connection = connectionTable.lookup(index);
  if (connection === null) return 0;
  if ((connection.kind & KIND_PROTOCOL) !== PROTOCOL_TCP) {
    lowerMtu(packet, transport & 0xfff, bytesForDatagram(index));
    return 0;
  }
  const known = knownOf(index, connection);
  if (known === null) return 0;
  const told = known.told;
  if ((told & TOLD_TOA) !== 0) lowerMtu(packet, transport & 0xfff, toaLength());
  if ((told & TOLD_PROXY) === 0) return 0;
  if ((told & TOLD_ACKNOWLEDGED) === 0) lowerMtu(packet, transport & 0xfff, proxyLength());
  const quote = packet.header(QuotedTcp, inside & 0xfff);
  if (quote === null) return 0;
  const before = quote.sequence;
  const offset = (before - known.clientFirst) >>> 0;
  // The SYN, and what begins with the header.
  if ((told & TOLD_ACKNOWLEDGED) === 0 && (offset < proxyLength() || offset >= 0x80000000)) return 0;
  const after = (before - proxyLength()) >>> 0;
  quote.sequence = after;
  replaceL4Checksum(packet, transport + ICMP_CHECKSUM, swap32(before), swap32(after), 4);
  return 0;
}
