// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** ICMP errors (RFC 792, RFC 4443), and the packet that one quotes. */
import type { Packet, u8, u16, u32 } from "../../bpf/index.ts";
import { findTransport, IS_FRAGMENT, NO_TRANSPORT } from "../extensions.ts";
import { lookFor } from "../flow.ts";
import {
  FRAGMENT_HEADER,
  FRAGMENT_OFFSET,
  FRAGMENT_OFFSET6,
  FragmentHeader,
  ICMP_PARAMETER_PROBLEM,
  ICMP_SOURCE_QUENCH,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  IPV4_HEADER,
  Ipv4,
  Ipv6,
  LINK_HEADER,
  Ports,
} from "../headers.ts";
import { family } from "../options.ts";
import { type FlowKey, KIND_IPV6, PROTOCOL_SCTP, PROTOCOL_TCP, PROTOCOL_UDP } from "../tables.ts";
import { addressWord, isSame } from "../words.ts";

/** ICMPv6: types from here on are no errors. */
const INFORMATIONAL = 0x80;

/** Whether an ICMP message of that type is an error about a packet. */
export function isError4(type: u8): boolean {
  return (
    type === ICMP_UNREACHABLE ||
    type === ICMP_SOURCE_QUENCH ||
    type === ICMP_TIME_EXCEEDED ||
    type === ICMP_PARAMETER_PROBLEM
  );
}

/** The same of ICMPv6. */
export function isError6(type: u8): boolean {
  return type < INFORMATIONAL;
}

/** The same of the program's family. */
export function isError(type: u8): boolean {
  return family.value === 6 ? isError6(type) : isError4(type);
}

/**
 * The transport header of the IPv4 packet that begins at `at`: bits 0–7 its protocol, 8–19 its offset; or NO_TRANSPORT: it is no
 * IPv4, or a later fragment, which has none.
 */
export function findTransport4(packet: Packet, at: u16): u32 {
  const ip = packet.header(Ipv4, at);
  if (ip === null || ip.versionLength >>> 4 !== 4) return NO_TRANSPORT;
  const header = (ip.versionLength & 15) * 4;
  if (header < IPV4_HEADER || (ip.fragment & FRAGMENT_OFFSET) !== 0) return NO_TRANSPORT;
  return (((at + header) << 8) | ip.protocol) >>> 0;
}

/** The same of IPv6. */
export function findTransport6(packet: Packet, at: u16): u32 {
  const ip = packet.header(Ipv6, at);
  if (ip === null || ip.versionClassLabel >>> 28 !== 6) return NO_TRANSPORT;
  const found = findTransport(packet, at);
  if (found === NO_TRANSPORT || (found & IS_FRAGMENT) === 0) return found;
  const part = (found >>> 8) & 0xfff;
  const fragment = packet.header(FragmentHeader, part);
  if (fragment === null || (fragment.offset & FRAGMENT_OFFSET6) !== 0) return NO_TRANSPORT;
  return (((part + FRAGMENT_HEADER) << 8) | (found & 0xff)) >>> 0;
}

/** The transport header of the packet that begins at `at`, of the program's family. */
export function findQuoted(packet: Packet, at: u16): u32 {
  return family.value === 6 ? findTransport6(packet, at) : findTransport4(packet, at);
}

/** Whether flows of that protocol have ports. */
export function hasPorts(protocol: u8): boolean {
  return protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP || protocol === PROTOCOL_SCTP;
}

/** Whether an error goes to the sender of the packet at `at`, which it quotes. One that does not is forged. */
export function goesToSender(packet: Packet, at: u16): boolean {
  if (family.value === 6) {
    const ip = packet.header(Ipv6, LINK_HEADER);
    const quote = packet.header(Ipv6, at);
    return ip !== null && quote !== null && isSame(ip.destination, quote.source);
  }
  const ip = packet.header(Ipv4, LINK_HEADER);
  const quote = packet.header(Ipv4, at);
  return ip !== null && quote !== null && ip.destination === quote.source;
}

/**
 * Fills in the key of the flow that answers the packet at `at`, whose transport header `found` names: an error about a packet
 * travels the way of its answers. False: the ports are not there.
 */
export function setAnswerKey(packet: Packet, at: u16, found: u32, key: FlowKey): boolean {
  const ports = packet.header(Ports, (found >>> 8) & 0xfff);
  if (ports === null) return false;
  key.sourcePort = ports.destination;
  key.destinationPort = ports.source;
  if (family.value === 6) {
    const quote = packet.header(Ipv6, at);
    if (quote === null) return false;
    lookFor(quote.destination, quote.source);
    key.source = addressWord(quote.destination);
    key.destination = addressWord(quote.source);
    key.kind = (found & 0xff) | KIND_IPV6;
    return true;
  }
  const quote = packet.header(Ipv4, at);
  if (quote === null) return false;
  key.source = quote.destination;
  key.destination = quote.source;
  key.kind = found & 0xff;
  return true;
}
