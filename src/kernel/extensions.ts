// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** The extension headers of IPv6 (RFC 8200 section 4). */
import type { Packet, u16, u32 } from "../bpf/index.ts";
import {
  EXTENSION_DESTINATION,
  EXTENSION_FRAGMENT,
  EXTENSION_HOP_BY_HOP,
  EXTENSION_MOBILITY,
  EXTENSION_ROUTING,
  Extension,
  FragmentHeader,
  IPV6_HEADER,
  Ipv6,
  LONGEST_HEADERS,
} from "./headers.ts";
import { PROTOCOL_AH } from "./tables.ts";

/** Answer of `findTransport`: there is none within reach. */
export const NO_TRANSPORT = 0xffffffff;
/** Part of its answer: the packet is a fragment, whose header is what was found. */
export const IS_FRAGMENT = 0x100000;

/** Headers looked at, at most. More than one of each kind is nothing that hosts send. */
const MOST_HEADERS = 6;

/**
 * What comes behind the extension headers of the IPv6 packet that begins at `network` in the frame: bits 0–7 its protocol, 8–19 its offset in the frame; with IS_FRAGMENT the offset is
 * that of a fragment header and the protocol what follows that. @separate
 */
export function findTransport(packet: Packet, network: u16): u32 {
  const ip = packet.header(Ipv6, network);
  if (ip === null) return NO_TRANSPORT;
  let protocol = ip.nextHeader;
  let offset = network + IPV6_HEADER;
  for (let i = 0; i < MOST_HEADERS; i++) {
    const at = offset & 0x1ff;
    if (protocol === EXTENSION_FRAGMENT) {
      const fragment = packet.header(FragmentHeader, at);
      if (fragment === null) return NO_TRANSPORT;
      return (IS_FRAGMENT | (at << 8) | fragment.nextHeader) >>> 0;
    }
    if (
      protocol !== EXTENSION_HOP_BY_HOP &&
      protocol !== EXTENSION_ROUTING &&
      protocol !== EXTENSION_DESTINATION &&
      protocol !== EXTENSION_MOBILITY &&
      protocol !== PROTOCOL_AH
    ) {
      return ((at << 8) | protocol) >>> 0;
    }
    const extension = packet.header(Extension, at);
    if (extension === null) return NO_TRANSPORT;
    offset = at + (protocol === PROTOCOL_AH ? (extension.length + 2) * 4 : (extension.length + 1) * 8);
    if (offset > LONGEST_HEADERS) return NO_TRANSPORT;
    protocol = extension.nextHeader;
  }
  return NO_TRANSPORT;
}
