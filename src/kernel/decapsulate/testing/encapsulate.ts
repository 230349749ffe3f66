// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What `decapsulate` undoes, for its tests: puts packets to the virtual addresses into tunnels, super-packets as a whole. */
import {
  adjustRoom,
  option,
  type Packet,
  ROOM_ENCAPSULATE_GRE,
  ROOM_ENCAPSULATE_IPV4,
  ROOM_ENCAPSULATE_IPV6,
  ROOM_ENCAPSULATE_UDP,
  ROOM_FIXED_GSO,
  ROOM_MAC,
  TC_NEXT,
  TC_SHOT,
  type u32,
} from "../../../bpf/index.ts";
import { fold } from "../../forward/checksum.ts";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, Ipv4, Ipv6, LINK_HEADER, Link, Udp } from "../../headers.ts";
import { Gre } from "../gre.ts";
import { Gue } from "../gue.ts";

export const IP_IN_IP = 0;
export const GRE = 1;
export const GUE = 2;

export const kind = option("kind", IP_IN_IP);
export const outer = option("outer", 4);
export const port = option("port", 6080);

/** 192.0.2.1 and the first words of 2001:db8:f::1. */
const VIRTUAL4 = 0xc0000201;
const VIRTUAL6 = 0x000f0000;
/** 10.0.0.254 and 10.0.0.1: as good as any, the server looks at the packet inside. */
const FROM = 0x0a0000fe;
const TO = 0x0a000001;

export function encapsulate(packet: Packet): u32 {
  const version = versionOf(packet);
  if (version === 0) return TC_NEXT;
  const head = outer.value === 4 ? 20 : 40;
  const rest = kind.value === GRE ? 4 : kind.value === GUE ? 12 : 0;
  const what = outer.value === 4 ? ROOM_ENCAPSULATE_IPV4 : ROOM_ENCAPSULATE_IPV6;
  const how = kind.value === GRE ? ROOM_ENCAPSULATE_GRE : kind.value === GUE ? ROOM_ENCAPSULATE_UDP : 0n;
  if (adjustRoom(packet, head + rest, ROOM_MAC, what | how | ROOM_FIXED_GSO) !== 0) return TC_SHOT;
  const total = (packet.length - LINK_HEADER) & 0xffff;
  const inIp = version === 4 ? 4 : 41;
  const protocol = kind.value === GRE ? 47 : kind.value === GUE ? 17 : inIp;
  if (!writeOuter(packet, total, protocol)) return TC_SHOT;
  if (kind.value === GRE) {
    const gre = packet.header(Gre, LINK_HEADER + head);
    if (gre === null) return TC_SHOT;
    gre.protocol = version === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
  }
  if (kind.value === GUE) {
    const udp = packet.header(Udp, LINK_HEADER + head);
    const gue = packet.header(Gue, LINK_HEADER + head + 8);
    if (udp === null || gue === null) return TC_SHOT;
    udp.source = 50000;
    udp.destination = port.value;
    udp.length = total - head;
    gue.protocol = inIp;
  }
  return TC_NEXT;
}

/** The version of a packet to a virtual address, else 0. */
function versionOf(packet: Packet): u32 {
  if (packet.protocol === ETHERTYPE_IPV4) {
    const ip = packet.header(Ipv4, LINK_HEADER);
    return ip !== null && ip.destination === VIRTUAL4 ? 4 : 0;
  }
  if (packet.protocol !== ETHERTYPE_IPV6) return 0;
  const ip = packet.header(Ipv6, LINK_HEADER);
  return ip !== null && ip.destination.words[1] === VIRTUAL6 ? 6 : 0;
}

function writeOuter(packet: Packet, total: u32, protocol: u32): boolean {
  const link = packet.header(Link, 0);
  if (link === null) return false;
  if (outer.value === 6) {
    link.type = ETHERTYPE_IPV6;
    const ip = packet.header(Ipv6, LINK_HEADER);
    if (ip === null) return false;
    ip.versionClassLabel = 0x60000000;
    ip.payloadLength = total - 40;
    ip.nextHeader = protocol;
    ip.hopLimit = 64;
    ip.source.words[0] = FROM;
    ip.destination.words[0] = TO;
    return true;
  }
  link.type = ETHERTYPE_IPV4;
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return false;
  ip.versionLength = 0x45;
  ip.totalLength = total;
  ip.lifetime = 64;
  ip.protocol = protocol;
  ip.source = FROM;
  ip.destination = TO;
  const addresses = (FROM >>> 16) + (FROM & 0xffff) + (TO >>> 16) + (TO & 0xffff);
  ip.checksum = fold((0x4500 + total + 0x4000 + protocol + addresses) >>> 0);
  return true;
}
