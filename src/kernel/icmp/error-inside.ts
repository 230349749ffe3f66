// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { Packet, u8, u16, u32 } from "../../bpf/index.ts";
import {
  DONT_FRAGMENT,
  ICMP_FRAGMENTATION_NEEDED,
  ICMP_HOST_UNREACHABLE,
  ICMP_PARAMETER_PROBLEM,
  ICMP_SOURCE_QUENCH,
  ICMP_UNREACHABLE,
  ICMP6_ADDRESS_UNREACHABLE,
  ICMP6_TOO_BIG,
  ICMP6_UNREACHABLE,
  Ipv4,
  LEAST_MTU,
  LEAST_MTU6,
} from "../headers.ts";
import { family } from "../options.ts";

/** Answer of `errorInside`: nothing that the client could do anything about. */
export const NO_ERROR = 0;

const TOO_LARGE4 = ICMP_UNREACHABLE * 256 + ICMP_FRAGMENTATION_NEEDED;
const UNREACHABLE4 = ICMP_UNREACHABLE * 256 + ICMP_HOST_UNREACHABLE;
const UNREACHABLE6 = ICMP6_UNREACHABLE * 256 + ICMP6_ADDRESS_UNREACHABLE;

/**
 * What the sender of the packet inside a tunnel (at `inner`) is to be told when the tunnel's own end was told `what` (type × 256 +
 * code) and, where it was too large, `mtu`: type × 256 + code in bits 16–31, the MTU that is left behind headers of `overhead` bytes in
 * bits 0–15; or NO_ERROR. Inside IPv4 in IPv4 an error stays what it is, as in IPVS; else it is translated as RFC 2473 says.
 */
export function errorInside(
  packet: Packet,
  inner: u16,
  what: u16,
  mtu: u16,
  overhead: u8,
  isIpv6: boolean,
): u32 {
  const isTooLarge = family.value === 6 ? what >>> 8 === ICMP6_TOO_BIG : what === TOO_LARGE4;
  if (isTooLarge) {
    const room = Math.max(mtu, overhead) - overhead;
    if (isIpv6) return ((ICMP6_TOO_BIG << 24) | Math.max(room, LEAST_MTU6)) >>> 0;
    const ip = packet.header(Ipv4, inner);
    // Routers may fragment what is inside.
    if (ip === null || (ip.fragment & DONT_FRAGMENT) === 0) return NO_ERROR;
    return ((TOO_LARGE4 << 16) | (room > LEAST_MTU ? room : mtu)) >>> 0;
  }
  if (family.value === 6) return ((isIpv6 ? UNREACHABLE6 : UNREACHABLE4) << 16) >>> 0;
  const type = what >>> 8;
  if (type === ICMP_PARAMETER_PROBLEM) return NO_ERROR;
  if (!isIpv6) return (what << 16) >>> 0;
  return type === ICMP_SOURCE_QUENCH ? NO_ERROR : (UNREACHABLE6 << 16) >>> 0;
}
