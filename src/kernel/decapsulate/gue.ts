// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { type Infer, type Packet, struct, u8, u16be, type u32, u32be } from "../../bpf/index.ts";
import { UDP_HEADER, Udp } from "../headers.ts";
import { TUNNEL_GUE } from "./tables.ts";
import { FURTHEST_START, PROTOCOL_IPV4_IN_IP, PROTOCOL_IPV6_IN_IP, type Tunnel } from "./tunnel.ts";

/**
 * Generic UDP encapsulation (draft-ietf-intarea-gue), version 0:
 *
 * ```
 *  0 version (2 bits), control (1 bit), length of the optional fields in words (5 bits)   1 protocol   2 flags
 *  4 private flags, if the last of the flags is set   8 where remote checksum offload begins, and its field
 * ```
 *
 * Version 1 has no header: the IP packet follows at once, whose version has that of GUE in its first bits.
 */
export const Gue = struct("Gue", { first: u8, protocol: u8, flags: u16be });
export type Gue = Infer<typeof Gue>;

export const GuePrivate = struct("GuePrivate", { flags: u32be, sumStart: u16be, sumField: u16be });
export type GuePrivate = Infer<typeof GuePrivate>;

export const GUE_HEADER = 4;
export const GUE_VERSION_AND_CONTROL = 0xe0;
export const GUE_PRIVATE = 0x0001;
/** Of the private flags. */
export const GUE_REMOTE_CHECKSUM = 0x80000000;

/** Finds the packet inside a datagram that may be GUE: by its port, the address inside decides. Whether there is one. */
export function readGue(packet: Packet, tunnel: Tunnel): boolean {
  const at = tunnel.start;
  if (at > FURTHEST_START) return false;
  const udp = packet.header(Udp, at);
  if (udp === null) return false;
  const length = udp.length;
  if (length < UDP_HEADER + GUE_HEADER || at + length > tunnel.end) return false;
  tunnel.kind = TUNNEL_GUE;
  tunnel.port = udp.destination;
  tunnel.end = at + length;
  tunnel.datagram = at;
  tunnel.checksummed = 1;
  tunnel.start = at + UDP_HEADER;
  const gue = packet.header(Gue, at + UDP_HEADER);
  if (gue === null) return false;
  const first = gue.first;
  const version = first >>> 4;
  if (version === 4 || version === 6) {
    tunnel.inner = version;
    return true;
  }
  if ((first & GUE_VERSION_AND_CONTROL) !== 0) return false;
  if (gue.protocol === PROTOCOL_IPV4_IN_IP) tunnel.inner = 4;
  else if (gue.protocol === PROTOCOL_IPV6_IN_IP) tunnel.inner = 6;
  else return false;
  const options = (first & 31) * 4;
  const flags = gue.flags;
  const start = at + UDP_HEADER + GUE_HEADER + options;
  tunnel.start = start;
  if (flags === 0) return options === 0;
  if (flags !== GUE_PRIVATE) return false;
  return readPrivate(packet, tunnel, at + UDP_HEADER + GUE_HEADER, options);
}

/** What the private flags say: nothing, or that a checksum is left to us. */
function readPrivate(packet: Packet, tunnel: Tunnel, at: u32, options: u32): boolean {
  if (at > FURTHEST_START) return false;
  const fields = packet.header(GuePrivate, at);
  if (fields === null) return false;
  if (fields.flags === 0) return options === 4;
  if (fields.flags !== GUE_REMOTE_CHECKSUM || options !== 8) return false;
  tunnel.sumStart = tunnel.start + fields.sumStart;
  tunnel.sumField = tunnel.start + fields.sumField;
  return true;
}
