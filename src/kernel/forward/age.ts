// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { Packet, u16 } from "../../bpf/index.ts";
import { DONT_FRAGMENT, Ipv4, Ipv6, LINK_HEADER } from "../headers.ts";
import { family } from "../options.ts";
import { fold } from "./checksum.ts";

/** What may be done with a packet by its IP header: it can go on; it has come too far; its headers are not there. */
export const MAY_PASS = 0;
export const TOO_OLD = 1;
export const NO_HEADER = 2;
/** Part of MAY_PASS: routers may fragment it. */
export const MAY_FRAGMENT = 4;

/** An IPv4 header's checksum after the time to live fell by one. */
export function agedChecksum(checksum: u16): u16 {
  return fold((~checksum & 0xffff) + 0xfeff);
}

/** Whether a packet may go on (RFC 1812 5.3.1, RFC 8200): MAY_PASS (with MAY_FRAGMENT), TOO_OLD or NO_HEADER. */
export function mayPass(packet: Packet): u16 {
  if (family.value === 6) {
    const ip = packet.header(Ipv6, LINK_HEADER);
    if (ip === null) return NO_HEADER;
    return ip.hopLimit <= 1 ? TOO_OLD : MAY_PASS;
  }
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return NO_HEADER;
  if (ip.lifetime <= 1) return TOO_OLD;
  return (ip.fragment & DONT_FRAGMENT) === 0 ? MAY_FRAGMENT : MAY_PASS;
}

/** Takes one off the time to live or hop limit of a packet that may pass. */
export function age(packet: Packet): void {
  if (family.value === 6) {
    const ip = packet.header(Ipv6, LINK_HEADER);
    if (ip !== null) ip.hopLimit = ip.hopLimit - 1;
    return;
  }
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return;
  ip.lifetime = ip.lifetime - 1;
  ip.checksum = agedChecksum(ip.checksum);
}
