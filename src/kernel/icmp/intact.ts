// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { Packet, u16, u32 } from "../../bpf/index.ts";
import { fold } from "../forward/checksum.ts";
import { wordsOfAddress } from "../forward/inner-sum.ts";
import { NO_SUM, sumOf } from "../forward/sum-of.ts";
import { Ipv6, LINK_HEADER } from "../headers.ts";
import { family } from "../options.ts";
import { PROTOCOL_ICMPV6 } from "../tables.ts";

/** Whether the checksum of an ICMP message, in an IP packet of `length` bytes, its header at `transport`, is right. */
export function isIntact(packet: Packet, transport: u16, length: u32): boolean {
  const end = length + LINK_HEADER;
  if (end <= transport) return false;
  const size = (end - transport) >>> 0;
  const sum = sumOf(packet, transport, size);
  if (sum === NO_SUM) return false;
  if (family.value === 4) return fold(sum & 0xffff) === 0;
  const ip = packet.header(Ipv6, LINK_HEADER);
  if (ip === null) return false;
  const addresses = wordsOfAddress(ip.source) + wordsOfAddress(ip.destination);
  return fold(((sum & 0xffff) + addresses + (size & 0xffff) + PROTOCOL_ICMPV6) >>> 0) === 0;
}
