// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * A real server's end of tunnels: takes packets to its virtual addresses out of IP in IP (of either version in either), GUE and
 * GRE, and lets them go up the stack as if they had come so. It does what the kernel's devices tunl0, sit0, ip6tnl0, gre and
 * fou do, where a kernel lacks them, and needs no device.
 *
 * Fragments of tunnels, tunnels with IPv6 extension headers and all else go up the stack untouched.
 */
import {
  atomicAdd,
  make,
  type Packet,
  pullData,
  type s32,
  TC_NEXT,
  TC_SHOT,
  type u32,
} from "../../bpf/index.ts";
import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  FRAGMENT,
  IPV4_HEADER,
  IPV6_HEADER,
  Ipv4,
  Ipv6,
  LINK_HEADER,
  PACKET_HOST,
} from "../headers.ts";
import { CONGESTION_EXPERIENCED, noteCongestion } from "./congestion.ts";
import { readGre } from "./gre.ts";
import { readGue } from "./gue.ts";
import { completeChecksum } from "./remote-checksum.ts";
import { AddressWords, decapsulatedAddresses, TUNNEL_GUE, TUNNEL_IP_IN_IP } from "./tables.ts";
import { takeOff } from "./take-off.ts";
import {
  ACCESSIBLE,
  Accessible,
  FURTHEST_START,
  PROTOCOL_GRE,
  PROTOCOL_IPV4_IN_IP,
  PROTOCOL_IPV6_IN_IP,
  PROTOCOL_UDP,
  Tunnel,
} from "./tunnel.ts";

/** The entry, at traffic control's ingress of the interfaces that tunnels come in by. */
export function decapsulate(packet: Packet): u32 {
  if (packet.vlanPresent !== 0 || packet.type !== PACKET_HOST) return TC_NEXT;
  if (packet.protocol !== ETHERTYPE_IPV4 && packet.protocol !== ETHERTYPE_IPV6) return TC_NEXT;
  if (packet.header(Accessible, 0) === null) {
    if (pullData(packet, Math.min(packet.length, ACCESSIBLE)) !== 0) return TC_NEXT;
  }
  const tunnel = make(Tunnel);
  const protocol =
    packet.protocol === ETHERTYPE_IPV4 ? readOuterIpv4(packet, tunnel) : readOuterIpv6(packet, tunnel);
  if (protocol < 0 || !readTunnel(packet, tunnel, protocol)) return TC_NEXT;
  const carried = tunnel.inner === 4 ? readInnerIpv4(packet, tunnel) : readInnerIpv6(packet, tunnel);
  if (carried < 0) return TC_NEXT;
  if (tunnel.sumStart !== 0 && !completeChecksum(packet, tunnel, carried)) return TC_SHOT;
  if (tunnel.congestion === CONGESTION_EXPERIENCED && !noteCongestion(packet, tunnel)) return TC_SHOT;
  return takeOff(packet, tunnel) ? TC_NEXT : TC_SHOT;
}

/** Gives the protocol that an IPv4 packet carries, -1 if it is none for us. */
function readOuterIpv4(packet: Packet, tunnel: Tunnel): s32 {
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null || ip.versionLength >>> 4 !== 4 || (ip.fragment & FRAGMENT) !== 0) return -1;
  const length = (ip.versionLength & 15) * 4;
  if (length < IPV4_HEADER) return -1;
  tunnel.outer = 4;
  tunnel.start = LINK_HEADER + length;
  tunnel.end = LINK_HEADER + ip.totalLength;
  tunnel.congestion = ip.service & 3;
  return tunnel.end > packet.length ? -1 : ip.protocol;
}

/** The same of an IPv6 packet. */
function readOuterIpv6(packet: Packet, tunnel: Tunnel): s32 {
  const ip = packet.header(Ipv6, LINK_HEADER);
  if (ip === null || ip.versionClassLabel >>> 28 !== 6) return -1;
  tunnel.outer = 6;
  tunnel.start = LINK_HEADER + IPV6_HEADER;
  tunnel.end = LINK_HEADER + IPV6_HEADER + ip.payloadLength;
  tunnel.congestion = (ip.versionClassLabel >>> 20) & 3;
  return tunnel.end > packet.length ? -1 : ip.nextHeader;
}

/** Finds where the packet inside begins; whether there is one. */
function readTunnel(packet: Packet, tunnel: Tunnel, protocol: s32): boolean {
  if (protocol === PROTOCOL_IPV4_IN_IP || protocol === PROTOCOL_IPV6_IN_IP) {
    tunnel.inner = protocol === PROTOCOL_IPV4_IN_IP ? 4 : 6;
    tunnel.kind = TUNNEL_IP_IN_IP;
    return true;
  }
  if (protocol === PROTOCOL_GRE) return readGre(packet, tunnel);
  return protocol === PROTOCOL_UDP && readGue(packet, tunnel);
}

/** Gives the protocol that the IPv4 packet inside carries, -1 if it is not for us. */
function readInnerIpv4(packet: Packet, tunnel: Tunnel): s32 {
  const at = tunnel.start;
  if (at > FURTHEST_START) return -1;
  const ip = packet.header(Ipv4, at);
  if (ip === null || ip.versionLength >>> 4 !== 4) return -1;
  if (ip.totalLength < IPV4_HEADER || at + ip.totalLength > tunnel.end) return -1;
  const key = make(AddressWords);
  key.words[0] = ip.destination;
  return isForUs(key, tunnel) ? ip.protocol : -1;
}

/** The same of an IPv6 packet. */
function readInnerIpv6(packet: Packet, tunnel: Tunnel): s32 {
  const at = tunnel.start;
  if (at > FURTHEST_START) return -1;
  const ip = packet.header(Ipv6, at);
  if (ip === null || ip.versionClassLabel >>> 28 !== 6) return -1;
  if (at + IPV6_HEADER + ip.payloadLength > tunnel.end) return -1;
  const key = make(AddressWords, { words: ip.destination.words });
  return isForUs(key, tunnel) ? ip.nextHeader : -1;
}

/** Whether a packet to this address is taken out of such a tunnel; counts it. */
function isForUs(key: AddressWords, tunnel: Tunnel): boolean {
  const known = decapsulatedAddresses.lookup(key);
  if (known === null || (known.tunnels & tunnel.kind) === 0) return false;
  if (tunnel.kind === TUNNEL_GUE && known.guePort !== tunnel.port) return false;
  atomicAdd(known, "packets", 1n);
  return true;
}
