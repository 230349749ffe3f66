// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { Packet, u16, u32 } from "../../bpf/index.ts";
import { LINK_HEADER, Tcp, UDP_HEADER } from "../headers.ts";
import { PROTOCOL_SCTP, PROTOCOL_TCP } from "../tables.ts";

/** The largest offset of a transport header, and more. */
const FURTHEST = 0xfff;

/** The bytes of the TCP header that begins at `transport`; 0: it is not there. Kernel 6.1 believes the offset only here. @separate */
export function tcpHeaderLength(packet: Packet, transport: u16): u32 {
  const tcp = packet.header(Tcp, transport & FURTHEST);
  return tcp === null ? 0 : (tcp.length >>> 4) * 4;
}

/**
 * The length of the largest IP packet that this one (of `length` bytes) is on the wire: of a super-packet, its segments, whose
 * headers end with the one that begins at `transport`. SCTP's are cut where its chunks end: each fits the way that its sender knew.
 */
export function lengthOnWire(packet: Packet, transport: u16, protocol: u32, length: u32): u32 {
  const payload = packet.gsoSize;
  if (payload === 0) return length;
  if (protocol === PROTOCOL_SCTP) return 0;
  let header = UDP_HEADER;
  if (protocol === PROTOCOL_TCP) {
    header = tcpHeaderLength(packet, transport);
    if (header === 0) return length;
  }
  return (transport - LINK_HEADER + header + payload) >>> 0;
}
