// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What the persistence engine "sip" keeps: the Call-IDs of its templates, and the message in hand. */
import { array, arrayMap, bytes, type Infer, perCpuArrayMap, struct, u32, u64 } from "../../bpf/index.ts";

/** Bytes of a Call-ID, at most: as many as IPVS keeps. */
export const CALL_ID_LENGTH = 255;

/** Words of 8 bytes that a Call-ID is kept in. */
export const CALL_ID_WORDS = 32;

/**
 * A Call-ID: byte i is bits 8·(i mod 8) and up of word i/8. Zeroes follow, at least one: in a Call-ID there are none.
 */
export const CallId = struct("CallId", { words: array(u64, CALL_ID_WORDS) });
export type CallId = Infer<typeof CallId>;

/**
 * The Call-IDs of templates that go by one (KIND_ENGINE), in the same slots as these. Written before the template's word is in `flows`.
 * Runtime.
 */
export const callIds = arrayMap("call_ids", { value: CallId, entries: 262144, mappable: true });

/** Bytes of a SIP message that are looked through for its Call-ID. */
export const SIP_WINDOW = 2048;

/** A SIP message that is looked through, and what was found. */
export const SipMessage = struct("SipMessage", {
  /** Where its UDP header is (0: nowhere), and the bytes of its IP packet. */
  transport: u32,
  size: u32,
  /** What stands for its Call-ID in flows, a hash: in the place of the client's address (0: the packet in hand has none) and of its port. */
  word: u32,
  more: u32,
  /** Where the search stands (call-id.ts): SCAN_*, bytes of the header field's name that fitted, and the byte before. */
  scan: u32,
  fitted: u32,
  before: u32,
  /** Bytes of the Call-ID so far. */
  length: u32,
  /** IPv4: the client's address, masked, for the template that is made. */
  client: u32,
  callId: CallId,
  bytes: bytes(SIP_WINDOW),
});
export type SipMessage = Infer<typeof SipMessage>;
/** Per CPU. Runtime. */
export const sipMessage = perCpuArrayMap("sip_message", { value: SipMessage, entries: 1 });
