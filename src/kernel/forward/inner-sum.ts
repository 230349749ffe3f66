// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The sum of a packet that goes into a tunnel with a checksum, mostly without reading its payload ("local checksum offload"):
 * TCP and UDP are checksummed themselves, so the words of a segment add up to the complement of its pseudo-header's; and
 * those of an IPv4 header to nothing. That also holds where the device will fill in the inner checksum after this program.
 */
import type { Packet, u8, u16, u32 } from "../../bpf/index.ts";
import { FRAGMENT, IPV6_HEADER, Ipv4, Ipv6, LINK_HEADER, Udp } from "../headers.ts";
import { family } from "../options.ts";
import { type Address, PROTOCOL_TCP, PROTOCOL_UDP } from "../tables.ts";
import { sumOf } from "./sum-of.ts";

/** The sum of a 32-bit number's two words. */
export function wordsIn(value: u32): u32 {
  return ((value >>> 16) + (value & 0xffff)) >>> 0;
}

/** The sum of an IPv6 address's eight words. */
export function wordsOfAddress(address: Address): u32 {
  const words = address.words;
  return (wordsIn(words[0]!) + wordsIn(words[1]!) + wordsIn(words[2]!) + wordsIn(words[3]!)) >>> 0;
}

/** A sum carried to 16 bits; 0 only for 0. */
function carried(sum: u32): u32 {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/** Whether the packet has a checksum over all that follows its IP header. */
function isChecked(packet: Packet, transport: u16, protocol: u8): boolean {
  if (family.value === 4) {
    const ip = packet.header(Ipv4, LINK_HEADER);
    if (ip === null || (ip.fragment & FRAGMENT) !== 0) return false;
  } else if (transport !== LINK_HEADER + IPV6_HEADER) {
    return false;
  }
  if (protocol === PROTOCOL_TCP) return true;
  if (protocol !== PROTOCOL_UDP) return false;
  const udp = packet.header(Udp, transport);
  return udp !== null && udp.checksum !== 0;
}

/** The sum of the words of an IP packet of `length` bytes, whose header of `protocol` begins at `transport`; or NO_SUM. */
export function sumOfPacket(packet: Packet, transport: u16, protocol: u8, length: u32): u32 {
  if (!isChecked(packet, transport, protocol)) return sumOf(packet, LINK_HEADER, length);
  const payload = (length - (transport - LINK_HEADER)) & 0xffff;
  if (family.value === 6) {
    const ip = packet.header(Ipv6, LINK_HEADER);
    if (ip === null) return 0;
    // The addresses are in the header and, complemented, in the pseudo-header: they cancel out.
    const header = wordsIn(ip.versionClassLabel) + ip.payloadLength + ((ip.nextHeader << 8) | ip.hopLimit);
    return carried((header + (~payload & 0xffff) + (~protocol & 0xffff)) >>> 0);
  }
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return 0;
  return carried(
    ~carried((wordsIn(ip.source) + wordsIn(ip.destination) + payload + protocol) >>> 0) & 0xffff,
  );
}
