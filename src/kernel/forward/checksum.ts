// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Internet checksums under change (RFC 1624): sums of 16-bit words in host order, carried out to one word at the end.
 *
 * The IPv4 header's checksum is always in the packet, so it is corrected in place. Those of TCP and UDP may be left to the
 * device (they then hold the sum of the pseudo-header), which a program cannot see: they go through the kernel's helper,
 * which knows. That helper makes views of the packet unusable, so it comes after all other stores.
 */
import {
  CHECKSUM_PSEUDO_HEADER,
  CHECKSUM_ZERO_IS_NONE,
  type Packet,
  replaceL4Checksum,
  swap16,
  swap32,
  type u16,
  type u32,
} from "../../bpf/index.ts";
import { portMapping } from "../options.ts";
import { PROTOCOL_UDP } from "../tables.ts";

/** A sum of at most 65536 words, carried and complemented: a checksum. */
export function fold(sum: u32): u16 {
  const once = (sum & 0xffff) + (sum >>> 16);
  return ~((once & 0xffff) + (once >>> 16)) & 0xffff;
}

/** A checksum after a word changed. */
export function replaceWord(checksum: u16, from: u16, to: u16): u16 {
  return fold((~checksum & 0xffff) + (~from & 0xffff) + to);
}

/** A checksum after two words (an address) changed. */
export function replaceAddress(checksum: u16, from: u32, to: u32): u16 {
  return fold(
    (~checksum & 0xffff) + (~(from >>> 16) & 0xffff) + (~from & 0xffff) + (to >>> 16) + (to & 0xffff),
  );
}

/** An IPv4 header's checksum after an address changed and the time to live fell by one. */
export function replaceAddressAndAge(checksum: u16, from: u32, to: u32): u16 {
  return fold(
    (~checksum & 0xffff) +
      (~(from >>> 16) & 0xffff) +
      (~from & 0xffff) +
      (to >>> 16) +
      (to & 0xffff) +
      // Less 0x0100, the lowest bit of the time to live.
      0xfeff,
  );
}

/**
 * Corrects the TCP or UDP checksum, `offset` bytes into the packet, after an address of the pseudo-header and a port changed.
 * A UDP checksum of 0 (none) stays.
 */
export function replaceTransportChecksum(
  packet: Packet,
  protocol: u32,
  offset: u32,
  from: u32,
  to: u32,
  fromPort: u16,
  toPort: u16,
): void {
  const flags = protocol === PROTOCOL_UDP ? CHECKSUM_ZERO_IS_NONE : 0;
  replaceL4Checksum(packet, offset, swap32(from), swap32(to), flags | CHECKSUM_PSEUDO_HEADER | 4);
  if (portMapping.value && fromPort !== toPort) {
    replaceL4Checksum(packet, offset, swap16(fromPort), swap16(toPort), flags | 2);
  }
}
