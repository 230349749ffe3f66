// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { Packet, u8, u16, u32 } from "../../bpf/index.ts";
import { FRAGMENT, Ipv4, Ipv6, LINK_HEADER, Ports } from "../headers.ts";
import { family } from "../options.ts";
import { PROTOCOL_SCTP, PROTOCOL_TCP, PROTOCOL_UDP, pressure } from "../tables.ts";
import { addressWord } from "../words.ts";

/** Odd constants with well-mixed bits. */
const FIRST_FACTOR = 0x9e3779b1;
const SECOND_FACTOR = 0x85ebca6b;

/** A number that is the same for all packets of a flow. Of fragments, only the addresses count: the later ones have no ports. */
export function flowNumber(packet: Packet, transport: u16, protocol: u8): u32 {
  let mixed = pressure.at(0).seed;
  let hasPorts = protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP || protocol === PROTOCOL_SCTP;
  if (family.value === 6) {
    const ip = packet.header(Ipv6, LINK_HEADER);
    if (ip === null) return 0;
    mixed = (mixed ^ addressWord(ip.source) ^ Math.imul(addressWord(ip.destination), SECOND_FACTOR)) >>> 0;
  } else {
    const ip = packet.header(Ipv4, LINK_HEADER);
    if (ip === null) return 0;
    mixed = (mixed ^ ip.source ^ Math.imul(ip.destination, SECOND_FACTOR)) >>> 0;
    if ((ip.fragment & FRAGMENT) !== 0) hasPorts = false;
  }
  const ports = packet.header(Ports, transport);
  if (hasPorts && ports !== null) {
    const both = ((ports.source << 16) | ports.destination) >>> 0;
    mixed = (Math.imul(mixed ^ (mixed >>> 15), FIRST_FACTOR) ^ both) >>> 0;
  }
  mixed = Math.imul(mixed ^ (mixed >>> 16), FIRST_FACTOR) >>> 0;
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
