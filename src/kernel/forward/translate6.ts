// SPDX-License-Identifier: MIT OR GPL-2.0-only
import {
  CHECKSUM_PSEUDO_HEADER,
  CHECKSUM_ZERO_IS_NONE,
  checksumDifference,
  copy,
  type Packet,
  replaceL4Checksum,
  swap16,
  type u8,
  type u16,
  type u32,
} from "../../bpf/index.ts";
import { IPV6_HEADER, Ipv6, LINK_HEADER, Ports, TCP_CHECKSUM, UDP_CHECKSUM } from "../headers.ts";
import { portMapping, sctpServices } from "../options.ts";
import { type Address, FROM_CLIENT, PROTOCOL_SCTP, PROTOCOL_TCP, PROTOCOL_UDP } from "../tables.ts";
import { translateSctpPort } from "./translate-other.ts";

/**
 * Network address translation of IPv6, in place: a client's packet gets another destination, a server's another source, and the
 * hop limit falls by one. Answers what to pass to `replaceL4Checksum` for the change of address.
 */
function translateAddress6(packet: Packet, direction: u32, to: Address): u32 {
  const ip = packet.header(Ipv6, LINK_HEADER);
  if (ip === null) return 0;
  ip.hopLimit = ip.hopLimit - 1;
  if (direction === FROM_CLIENT) {
    const change = checksumDifference(ip.destination, to, 0);
    copy(ip.destination, to);
    return change;
  }
  const change = checksumDifference(ip.source, to, 0);
  copy(ip.source, to);
  return change;
}

/**
 * `translate` for IPv6: the packet's transport header of `protocol`, which begins at `transport`, follows. Of protocols without
 * ports, and of fragments but the first (protocol 0), only the address changes. False: the headers are not there (nothing has been changed).
 */
export function translate6(
  packet: Packet,
  transport: u16,
  protocol: u8,
  direction: u32,
  to: Address,
  port: u16,
): boolean {
  const ip = packet.header(Ipv6, LINK_HEADER);
  if (ip === null) return false;
  if (sctpServices.value && protocol === PROTOCOL_SCTP) {
    const length = (ip.payloadLength - (transport - LINK_HEADER - IPV6_HEADER)) & 0xffff;
    if (!translateSctpPort(packet, transport, length, direction, port)) return false;
  }
  let fromPort = port;
  const isUdp = protocol === PROTOCOL_UDP;
  if (protocol === PROTOCOL_TCP || isUdp) {
    const ports = packet.header(Ports, transport);
    if (ports === null) return false;
    if (portMapping.value) {
      if (direction === FROM_CLIENT) {
        fromPort = ports.destination;
        ports.destination = port;
      } else {
        fromPort = ports.source;
        ports.source = port;
      }
    }
  }
  const change = translateAddress6(packet, direction, to);
  if (protocol !== PROTOCOL_TCP && !isUdp) return true;
  const checksum = transport + (isUdp ? UDP_CHECKSUM : TCP_CHECKSUM);
  const flags = isUdp ? CHECKSUM_ZERO_IS_NONE : 0;
  replaceL4Checksum(packet, checksum, 0, change, flags | CHECKSUM_PSEUDO_HEADER);
  if (portMapping.value && fromPort !== port) {
    replaceL4Checksum(packet, checksum, swap16(fromPort), swap16(port), flags | 2);
  }
  return true;
}
