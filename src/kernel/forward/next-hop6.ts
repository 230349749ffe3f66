// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** Where frames with IPv6 packets go: see next-hop.ts. */
import {
  copy,
  FAMILY_IPV6,
  FibLookup,
  make,
  type Packet,
  type u8,
  type u16,
  type u32,
} from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { Ipv6, LINK_HEADER, Ports } from "../headers.ts";
import {
  type Address,
  destinationTable,
  FROM_CLIENT,
  type NextHop,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  scratch,
  servers,
  wide,
} from "../tables.ts";
import { askKernel, CHECK_EVERY } from "./next-hop.ts";

/** The traffic class and flow label of an IPv6 header's first word. */
const CLASS_AND_LABEL = 0x0fffffff;

/**
 * What a packet of a direction is to have for its destination, or a server's, for its source. `way` as for `hopOf`; without a
 * connection, a server's packet has been found in `servers` by the key in `Scratch.server`.
 */
export function addressOf(direction: u32, way: u32): Address | null {
  if (direction === FROM_CLIENT) {
    const destination = destinationTable.lookup(way);
    return destination === null ? null : destination.address;
  }
  const addresses = wide.lookup(way);
  if (addresses !== null) return addresses.virtual;
  const mine = scratch.lookup(0);
  if (mine === null) return null;
  const reply = servers.lookup(mine.server);
  return reply === null ? null : reply.virtual;
}

/** Describes the packet to the routing table as it will be with `to`. */
function describe(
  packet: Packet,
  direction: u32,
  transport: u16,
  protocol: u8,
  to: Address,
  request: FibLookup,
): void {
  const ip = packet.header(Ipv6, LINK_HEADER);
  if (ip === null) return;
  request.family = FAMILY_IPV6;
  request.protocol = protocol;
  request.ifindex = packet.ifindex;
  request.flow = (ip.versionClassLabel & CLASS_AND_LABEL) >>> 0;
  if (direction === FROM_CLIENT) {
    copy(request.source, ip.source.words);
    copy(request.destination, to.words);
  } else {
    copy(request.source, to.words);
    copy(request.destination, ip.destination.words);
  }
  if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) return;
  const ports = packet.header(Ports, transport);
  if (ports === null) return;
  request.sourcePort = ports.source;
  request.destinationPort = ports.destination;
}

/**
 * Asks the kernel for the way of the packet as it will be with `to`, and keeps it in `hop`; `length` is that of its largest part
 * on the wire. Answers as `resolve` does.
 */
export function resolve6(
  packet: Packet,
  direction: u32,
  transport: u16,
  protocol: u8,
  to: Address,
  hop: NextHop,
  length: u32,
): u32 {
  hop.checkAgain = (currentTick() + CHECK_EVERY) >>> 0;
  const request = make(FibLookup);
  describe(packet, direction, transport, protocol, to, request);
  request.totalLength = Math.min(length, 0xffff);
  return askKernel(packet, request, hop);
}
