// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What an SCTP packet is to the state machine. */
import { loadBytes, make, type Packet, type u8, type u16, type u32 } from "../../bpf/index.ts";
import { SctpChunk } from "../headers.ts";
import {
  EVENT_ABORT,
  EVENT_COOKIE_ABORT,
  EVENT_COOKIE_ACK,
  EVENT_COOKIE_ECHO,
  EVENT_DATA,
} from "./sctp-states.ts";

/** Bytes of SCTP's common header. */
const COMMON_HEADER = 12;

/** Bit n: chunk type n is an event of its own. */
const TELLING = 0x4fc7;

/** The EVENT_* of a packet by the type of its first chunk alone. */
export function eventOf(chunk: u32): u32 {
  return chunk < 16 && ((TELLING >>> chunk) & 1) !== 0 ? chunk : EVENT_DATA;
}

/** Whether an ABORT begins at this offset: 0 or 1. @separate */
export function isAbort(packet: Packet, offset: u32): u32 {
  const chunk = make(SctpChunk);
  return loadBytes(packet, offset, chunk) === 0 && chunk.type === EVENT_ABORT ? 1 : 0;
}

/**
 * The EVENT_* of a packet whose common header is at `transport`, and whose first chunk has this type and length (with its
 * header). Behind a cookie, which may have company, an ABORT counts more.
 */
export function sctpEvent(packet: Packet, transport: u16, chunk: u8, length: u16): u32 {
  const event = eventOf(chunk);
  if (event !== EVENT_COOKIE_ECHO && event !== EVENT_COOKIE_ACK) return event;
  const next = transport + COMMON_HEADER + ((length + 3) & 0x1fffc);
  return isAbort(packet, next >>> 0) !== 0 ? EVENT_COOKIE_ABORT : event;
}
