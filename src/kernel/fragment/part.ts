// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Fragments of IPv4 (RFC 791) and IPv6 (RFC 8200 section 4.5): which datagram one is part of, and which part.
 *
 * Where a fragment's payload begins is found by `at`: of IPv4 the end of its header; of IPv6 its fragment header.
 */
import type { Packet, u16, u32 } from "../../bpf/index.ts";
import {
  FRAGMENT_HEADER,
  FRAGMENT_MORE6,
  FRAGMENT_OFFSET,
  FRAGMENT_OFFSET6,
  FragmentHeader,
  IPV6_HEADER,
  Ipv4,
  Ipv6,
  LINK_HEADER,
  MORE_FRAGMENTS,
} from "../headers.ts";
import { family } from "../options.ts";
import { type DatagramKey, KIND_IPV6, PROTOCOL_SCTP, PROTOCOL_TCP } from "../tables.ts";
import { addressWord } from "../words.ts";

/** The longest datagram, without its IP header. */
const LONGEST = 65535;

/** What transport headers have at least. */
const LEAST_TCP = 20;
const LEAST_SCTP = 16;
const LEAST = 8;

/** Answer of `partOf`: a fragment that no datagram can have. */
export const NO_PART = 0xffffffff;

/**
 * Fills in whose part a fragment is. Answers its place in the datagram (bits 0–15) and its length (16–31), bytes; or NO_PART: it
 * is not there, its length or end are impossible, or it is empty.
 */
export function partOf(packet: Packet, at: u16, key: DatagramKey): u32 {
  let offset = 0;
  let more = false;
  let end = 0;
  let begin = at;
  if (family.value === 6) {
    const ip = packet.header(Ipv6, LINK_HEADER);
    const part = packet.header(FragmentHeader, at);
    if (ip === null || part === null) return NO_PART;
    key.source = addressWord(ip.source);
    key.destination = addressWord(ip.destination);
    key.identification = part.identification;
    key.protocol = KIND_IPV6;
    offset = part.offset & FRAGMENT_OFFSET6;
    more = (part.offset & FRAGMENT_MORE6) !== 0;
    end = ip.payloadLength + IPV6_HEADER + LINK_HEADER;
    begin = (at + FRAGMENT_HEADER) >>> 0;
  } else {
    const ip = packet.header(Ipv4, LINK_HEADER);
    if (ip === null) return NO_PART;
    key.source = ip.source;
    key.destination = ip.destination;
    key.identification = ip.identification;
    key.protocol = ip.protocol;
    offset = (ip.fragment & FRAGMENT_OFFSET) * 8;
    more = (ip.fragment & MORE_FRAGMENTS) !== 0;
    end = ip.totalLength + LINK_HEADER;
  }
  const payload = (end - begin) >>> 0;
  if (end <= begin || offset + payload > LONGEST || (more && (payload & 7) !== 0)) return NO_PART;
  return ((payload << 16) | offset) >>> 0;
}

/** Of what `partOf` answers: the place in the datagram, and the length. */
export function placeOfPart(part: u32): u16 {
  return part & 0xffff;
}
export function lengthOfPart(part: u32): u16 {
  return part >>> 16;
}

/**
 * Whether a first fragment, whose transport header begins at `transport`, has all of that header. One that has not is
 * nothing that hosts send, but was made to hide ports and flags (RFC 1858, RFC 3128): it is never balanced.
 */
export function hasTransport(protocol: u32, transport: u16, length: u32): boolean {
  const least = protocol === PROTOCOL_TCP ? LEAST_TCP : protocol === PROTOCOL_SCTP ? LEAST_SCTP : LEAST;
  return transport + least <= length + LINK_HEADER;
}
