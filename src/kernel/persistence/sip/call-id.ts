// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The persistence engine "sip": datagrams with one Call-ID go to one server, whoever sends them. Their template goes by the Call-ID in
 * the place of the client's address; one without a Call-ID is treated as if there were no engine.
 */
import { copy, loadBytes, type Packet, type u16, type u32, type u64 } from "../../../bpf/index.ts";
import { LINK_HEADER, UDP_HEADER, Udp } from "../../headers.ts";
import { family } from "../../options.ts";
import {
  CALL_ID_WORDS,
  type Connection,
  callIds,
  POOL_SIP,
  type Pool,
  PROTOCOL_UDP,
  pools,
  pressure,
  SIP_WINDOW,
  type SipMessage,
  scratch,
  serviceTable,
  sipMessage,
  wide,
} from "../../tables.ts";
import { isSame } from "../../words.ts";
import { scan } from "./scan.ts";

/** Whether the packets of a service's pool are looked into. `what` is as in admit.ts. */
export function isLookedInto(pool: Pool, what: u16): boolean {
  return pool.persistence !== 0 && (pool.flags & POOL_SIP) !== 0 && what >>> 8 === PROTOCOL_UDP;
}

/** Keeps where the packet in hand has what may be a message (admission.ts): so that nobody needs to hold on to it meanwhile. */
export function setPlace(transport: u16, length: u32): void {
  const message = sipMessage.lookup(0);
  if (message === null) return;
  message.transport = transport;
  message.size = length;
}

/** Reads the Call-ID of a packet to a service, if its packets are looked into. `what` is as in admit.ts. Returns its word, or 0. @separate */
export function lookInto(packet: Packet, serviceIndex: u32, what: u16): u32 {
  const message = sipMessage.lookup(0);
  const service = serviceTable.lookup(serviceIndex);
  if (message === null || service === null) return 0;
  message.word = 0;
  const pool = pools.lookup(service.pool);
  if (pool === null || !isLookedInto(pool, what) || message.transport === 0) return 0;
  return readCallId(packet, message.transport, message.size);
}

/**
 * Looks for the Call-ID of the datagram whose UDP header is at `transport`, in an IP packet of `length` bytes; it, and the word that stands for
 * it, are in `sipMessage` from now on. Of a fragmented datagram the first fragment is looked through. Returns that word; 0: there is no
 * Call-ID. @separate
 */
export function readCallId(packet: Packet, transport: u32, length: u32): u32 {
  const message = sipMessage.lookup(0);
  if (message === null) return 0;
  message.word = 0;
  if (transport > 0xffff || length > 0xffffff) return 0;
  const udp = packet.header(Udp, transport);
  if (udp === null) return 0;
  const payload = transport + UDP_HEADER;
  const end = Math.min(LINK_HEADER + length, transport + udp.length);
  const size = end - payload;
  if (size < 1) return 0;
  const window = Math.min(size, SIP_WINDOW);
  if (loadBytes(packet, payload, message.bytes, window) !== 0) return 0;
  if (!scan(message, window)) return 0;
  setHash(message);
  return message.word;
}

/** The number of rounds after a message's last word, as in SipHash-1-3. */
const FINISH = 3;

/** Sets what stands for a Call-ID in flows, from SipHash-1-3 of all of its words, keyed with the flow table's seed. */
function setHash(message: SipMessage): void {
  const key = BigInt(pressure.at(0).seed);
  let v0: u64 = key ^ 0x736f6d6570736575n;
  let v1: u64 = key ^ 0x646f72616e646f6dn;
  let v2: u64 = key ^ 0x6c7967656e657261n;
  let v3: u64 = key ^ 0x7465646279746573n;
  for (let i = 0; i < CALL_ID_WORDS + FINISH; i++) {
    let word: u64 = 0n;
    if (i < CALL_ID_WORDS) word = message.callId.words[i & (CALL_ID_WORDS - 1)]!;
    v3 = v3 ^ word;
    v0 = BigInt.asUintN(64, v0 + v1);
    v1 = BigInt.asUintN(64, (v1 << 13n) | (v1 >> 51n)) ^ v0;
    v0 = BigInt.asUintN(64, (v0 << 32n) | (v0 >> 32n));
    v2 = BigInt.asUintN(64, v2 + v3);
    v3 = BigInt.asUintN(64, (v3 << 16n) | (v3 >> 48n)) ^ v2;
    v0 = BigInt.asUintN(64, v0 + v3);
    v3 = BigInt.asUintN(64, (v3 << 21n) | (v3 >> 43n)) ^ v0;
    v2 = BigInt.asUintN(64, v2 + v1);
    v1 = BigInt.asUintN(64, (v1 << 17n) | (v1 >> 47n)) ^ v2;
    v2 = BigInt.asUintN(64, (v2 << 32n) | (v2 >> 32n));
    v0 = v0 ^ word;
    if (i === CALL_ID_WORDS - 1) v2 = v2 ^ 0xffn;
  }
  const hash: u64 = v0 ^ v1 ^ v2 ^ v3;
  const word = Number(hash & 0xffffffffn);
  message.word = word === 0 ? 1 : word;
  message.more = Number((hash >> 32n) & 0xffffn);
}

/** Whether the template in that slot, with the hash of the Call-ID in hand, is of this Call-ID and of the service asked for: 1 or 0. @separate */
export function isOfCall(slot: u32): u32 {
  const message = sipMessage.lookup(0);
  const kept = callIds.lookup(slot);
  if (message === null || kept === null) return 0;
  let difference: u64 = 0n;
  for (let i = 0; i < CALL_ID_WORDS; i++) {
    difference = difference | (kept.words[i]! ^ message.callId.words[i]!);
  }
  if (difference !== 0n) return 0;
  if (family.value === 4) return 1;
  // Of the virtual address only the word has been compared.
  const mine = scratch.lookup(0);
  const addresses = wide.lookup(slot);
  return mine !== null && addresses !== null && isSame(addresses.virtual, mine.destination) ? 1 : 0;
}

/** The template about to be made in that slot goes by the Call-ID of the message in hand. */
export function keepCallId(template: Connection, slot: u32): void {
  const message = sipMessage.lookup(0);
  const kept = callIds.lookup(slot);
  if (message === null || kept === null) return;
  copy(kept, message.callId);
  template.local = message.client;
}
