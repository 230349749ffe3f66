// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Servers under FullNAT are told the client's address, where their service is set so: by TCP option 254 (TOA), which the toa module on
 * the server looks for in the segment that ends the handshake, or by a PROXY protocol header (version 2) in front of the data.
 *
 * TOA goes into the SYN and into every segment that acknowledges nothing but the server's SYN: so it also arrives if the first of them
 * is lost, or not taken for the end of the handshake before data come (TCP_DEFER_ACCEPT).
 *
 * The PROXY header is a part of the stream that the client does not know of. Until the server has acknowledged it, each segment
 * that begins where the client's data begin carries it, whether with data or not: so servers that speak first have it too, and it is
 * repeated whenever the client or the server repeats what belongs to it. The client's sequence numbers behind it
 * are larger for the server, and the server's acknowledgements smaller for the client, by its length. The SYN keeps only options that do
 * not speak of sequence numbers, so there are no selective acknowledgements.
 */
import { type Packet, replaceL4Checksum, swap32, type u16, type u32 } from "../../../bpf/index.ts";
import {
  LINK_HEADER,
  TCP_ACK,
  TCP_CHECKSUM,
  TCP_HEADER,
  TCP_RST,
  TCP_SYN,
  Tcp,
  Word,
} from "../../headers.ts";
import {
  connectionTable,
  FROM_CLIENT,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  TOLD_ACKNOWLEDGED,
  TOLD_ANSWERED,
  TOLD_PROXY,
  TOLD_SENT,
  TOLD_TOA,
} from "../../tables.ts";
import { tcpHeaderLength } from "../wire-length.ts";
import { insertTold, isRoomy } from "./insert.ts";
import { bytesForDatagram, bytesForSegment, knownOf, proxyLength, toaLength } from "./known.ts";
import { ONLY_PLAIN, SHRINK_MSS, tidyOptions } from "./options.ts";

/** A TCP header with timestamps alone, and what its options begin with: two no-operations, kind 8, 10 bytes. */
const WITH_TIMESTAMPS = 32;
const NONE_NONE = 0x0101;
const TIMESTAMPS = 0x080a;

/** What is half of all sequence numbers away, or more, lies behind. */
const HALF = 0x80000000;

/** Whether a segment's options are none, or timestamps alone in the usual way. */
function isUsual(packet: Packet, transport: u16): boolean {
  const tcp = packet.header(Tcp, transport & 0xfff);
  if (tcp === null) return false;
  const header = (tcp.length >>> 4) * 4;
  if (header === TCP_HEADER) return true;
  if (header !== WITH_TIMESTAMPS) return false;
  const first = packet.header(Word, (transport & 0xfff) + TCP_HEADER);
  const second = packet.header(Word, (transport & 0xfff) + TCP_HEADER + 2);
  return first !== null && second !== null && first.value === NONE_NONE && second.value === TIMESTAMPS;
}

/** Takes from a client's segment what its server could take for ours. False: it is malformed. */
export function disarm(packet: Packet, transport: u16, length: u32): boolean {
  return isUsual(packet, transport) || tidyOptions(packet, transport, (length + LINK_HEADER) >>> 0, 0, 0);
}

/** Makes a client's segment one of the server's stream; `count`: bytes that it gets. False: it cannot be. @separate */
export function shiftSequence(packet: Packet, transport: u16, index: u32, length: u32, count: u32): boolean {
  const connection = connectionTable.lookup(index);
  const tcp = packet.header(Tcp, transport & 0xfff);
  if (connection === null || tcp === null) return false;
  const known = knownOf(index, connection);
  if (known === null || (known.told & TOLD_PROXY) === 0) return true;
  if ((tcp.flags & TCP_SYN) !== 0) {
    // Data in a SYN would come before the header. The client sends them again without it.
    const end = (length + LINK_HEADER) >>> 0;
    if (end !== transport + tcpHeaderLength(packet, transport)) return false;
    return tidyOptions(packet, transport, end, ONLY_PLAIN, 0);
  }
  if (count !== 0) {
    known.told = known.told | TOLD_SENT;
    return true;
  }
  const offset = (tcp.sequence - known.clientFirst) >>> 0;
  let isBehind = (known.told & TOLD_ACKNOWLEDGED) !== 0 || (offset !== 0 && offset < HALF);
  // A reset at the very beginning is right where the server is: behind the header, if it has it.
  if (offset === 0 && (tcp.flags & TCP_RST) !== 0 && (known.told & TOLD_SENT) !== 0) isBehind = true;
  if (!isBehind) return true;
  const before = tcp.sequence;
  const after = (before + proxyLength()) >>> 0;
  tcp.sequence = after;
  replaceL4Checksum(packet, transport + TCP_CHECKSUM, swap32(before), swap32(after), 4);
  return true;
}

/** Makes a server's segment one of the client's connection. @separate */
export function shiftAcknowledgement(packet: Packet, transport: u16, index: u32, length: u32): boolean {
  const connection = connectionTable.lookup(index);
  const tcp = packet.header(Tcp, transport & 0xfff);
  if (connection === null || tcp === null) return false;
  const known = knownOf(index, connection);
  if (known === null) return true;
  const told = known.told;
  const flags = tcp.flags;
  if ((told & (TOLD_TOA | TOLD_PROXY)) === 0 || (flags & TCP_ACK) === 0) return true;
  if ((flags & TCP_SYN) !== 0) {
    known.serverFirst = (tcp.sequence + 1) >>> 0;
    known.told = told | TOLD_ANSWERED;
    // So the client's segments leave room for what is put into them.
    const isProxy = (told & TOLD_PROXY) !== 0;
    const what = isProxy ? SHRINK_MSS | ONLY_PLAIN : SHRINK_MSS;
    return tidyOptions(
      packet,
      transport,
      (length + LINK_HEADER) >>> 0,
      what,
      isProxy ? proxyLength() : toaLength(),
    );
  }
  if ((told & TOLD_PROXY) === 0) return true;
  const before = tcp.acknowledgement;
  const offset = (before - known.clientFirst) >>> 0;
  let after = (before - proxyLength()) >>> 0;
  if ((told & TOLD_ACKNOWLEDGED) === 0) {
    if (offset === 0 || offset >= HALF) return true;
    if (offset < proxyLength()) after = known.clientFirst;
    else known.told = told | TOLD_ACKNOWLEDGED;
  }
  tcp.acknowledgement = after;
  replaceL4Checksum(packet, transport + TCP_CHECKSUM, swap32(before), swap32(after), 4);
  return true;
}

/** How many bytes a packet gets. `place` and `index` as in forwardFullnat. */
export function bytesToTell(packet: Packet, place: u32, index: u32): u32 {
  const protocol = place & 0xff;
  if (place >>> 24 !== FROM_CLIENT) return 0;
  if (protocol === PROTOCOL_TCP) return bytesForSegment(packet, (place >>> 8) & 0xfff, index);
  return protocol === PROTOCOL_UDP ? bytesForDatagram(index) : 0;
}

/**
 * Changes a packet for whom it goes to, before its addresses are translated: `place`, `length` and `index` as in forwardFullnat,
 * `count`: bytes that it gets. False: it cannot be sent.
 */
export function tell(packet: Packet, place: u32, length: u32, index: u32, count: u32): boolean {
  const transport = (place >>> 8) & 0xfff;
  if ((place & 0xff) === PROTOCOL_TCP) {
    if (place >>> 24 !== FROM_CLIENT) return shiftAcknowledgement(packet, transport, index, length);
    if (!shiftSequence(packet, transport, index, length, count)) return false;
  }
  if (count === 0) return true;
  return isRoomy(packet, transport, length, count)
    ? insertTold(packet, place, length, index, count)
    : count === toaLength();
}
