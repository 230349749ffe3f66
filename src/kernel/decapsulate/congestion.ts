// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** Explicit congestion notification across tunnels (RFC 6040). */
import {
  type Infer,
  make,
  type Packet,
  STORE_RECOMPUTE_CHECKSUM,
  storeBytes,
  struct,
  u16be,
} from "../../bpf/index.ts";
import { replaceWord } from "../forward/checksum.ts";
import { Ipv4 } from "../headers.ts";
import { FURTHEST_START, type Tunnel } from "./tunnel.ts";

/** The two bits of a packet that met congestion; of one whose sender cannot be told. */
export const CONGESTION_EXPERIENCED = 3;
const NOT_CAPABLE = 0;

/** The first word of an IPv6 header: version (4 bits), class (8), the first bits of the label. */
export const FirstWord = struct("FirstWord", { value: u16be });
export type FirstWord = Infer<typeof FirstWord>;

/** Tells the packet inside that the tunnel met congestion; whether it may go on: a sender that cannot be told loses it. */
export function noteCongestion(packet: Packet, tunnel: Tunnel): boolean {
  const at = tunnel.start;
  if (at > FURTHEST_START) return false;
  if (tunnel.inner === 4) {
    const ip = packet.header(Ipv4, at);
    if (ip === null || (ip.service & 3) === NOT_CAPABLE) return false;
    const service = ip.service;
    ip.service = service | CONGESTION_EXPERIENCED;
    ip.checksum = replaceWord(ip.checksum, service, service | CONGESTION_EXPERIENCED);
    return true;
  }
  const first = packet.header(FirstWord, at);
  if (first === null || ((first.value >>> 4) & 3) === NOT_CAPABLE) return false;
  const told = make(FirstWord, { value: first.value | (CONGESTION_EXPERIENCED << 4) });
  return storeBytes(packet, at, told, STORE_RECOMPUTE_CHECKSUM) === 0;
}
