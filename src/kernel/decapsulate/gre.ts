// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { type Infer, type Packet, struct, u16be, type u32 } from "../../bpf/index.ts";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from "../headers.ts";
import { TUNNEL_GRE } from "./tables.ts";
import { FURTHEST_START, type Tunnel } from "./tunnel.ts";

/** GRE (RFC 2784, RFC 2890): flags, then the EtherType of what is inside; 4 bytes more for each of the flags below. */
export const Gre = struct("Gre", { flags: u16be, protocol: u16be });
export type Gre = Infer<typeof Gre>;

export const GRE_CHECKSUM = 0x8000;
export const GRE_KEY = 0x2000;
export const GRE_SEQUENCE = 0x1000;
/** Source routing and other versions are not for us. */
const REFUSED = 0x4fff;

/**
 * Finds the packet inside; whether there is one that we take out. The checksum is not verified (that of the packet inside
 * says the same): IPVS on Linux 6.1 sends wrong ones (recordings: packets/tun-gre-csum-tcp).
 */
export function readGre(packet: Packet, tunnel: Tunnel): boolean {
  const at = tunnel.start;
  if (at > FURTHEST_START) return false;
  const gre = packet.header(Gre, at);
  if (gre === null) return false;
  const flags: u32 = gre.flags;
  if ((flags & REFUSED) !== 0) return false;
  const protocol = gre.protocol;
  if (protocol === ETHERTYPE_IPV4) tunnel.inner = 4;
  else if (protocol === ETHERTYPE_IPV6) tunnel.inner = 6;
  else return false;
  let length = 4;
  if ((flags & GRE_CHECKSUM) !== 0) {
    length += 4;
    tunnel.checksummed = 1;
  }
  if ((flags & GRE_KEY) !== 0) length += 4;
  if ((flags & GRE_SEQUENCE) !== 0) length += 4;
  tunnel.kind = TUNNEL_GRE;
  tunnel.start = at + length;
  return true;
}
