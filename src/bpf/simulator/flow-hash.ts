import { ETHERNET_LENGTH } from "../../net/index.ts";
import type { SimulatedPacket } from "./packet.ts";

/** Where addresses and (without IPv4 options and extension headers) ports are, from the start of the IP header. */
const PLACES = { 2048: [12, 24], 34525: [8, 44] } as const;
const FRAGMENT = 0x3fff;

/**
 * `flowHash`: the hash that the packet has, or one of its addresses and ports. Not that of any kernel, which nobody can
 * foresee: it has a secret.
 */
export function hashOf(packet: SimulatedPacket): number {
  if (packet.hash !== 0) return packet.hash;
  const place = PLACES[packet.protocol as keyof typeof PLACES];
  if (place === undefined) return 0;
  const { data } = packet;
  const fragment = packet.protocol === 0x0800 && (data.getUint16(ETHERNET_LENGTH + 6) & FRAGMENT) !== 0;
  const end = Math.min(packet.length, ETHERNET_LENGTH + place[1] - (fragment ? 4 : 0));
  let hash = 0x811c9dc5;
  for (let at = ETHERNET_LENGTH + place[0]; at < end; at++) {
    hash = Math.imul(hash ^ data.getUint8(at), 0x01000193) >>> 0;
  }
  packet.hash = hash === 0 ? 1 : hash;
  return packet.hash;
}
