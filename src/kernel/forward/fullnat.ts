// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * FullNAT: both ends are translated. The server sees an address and port of the director (connection/local.ts), so its answers come
 * back whatever its routes are.
 *
 * The packets in either direction are addressed to the director itself, so what cannot go on is never left to the kernel's
 * stack, which would take it for its own: it is answered here, or dropped.
 */
import {
  CHECKSUM_PSEUDO_HEADER,
  CHECKSUM_ZERO_IS_NONE,
  checksumDifference,
  copy,
  FAMILY_IPV4,
  FAMILY_IPV6,
  FibLookup,
  type Infer,
  make,
  type Packet,
  redirectNeighbour,
  replaceL4Checksum,
  struct,
  swap32,
  TC_NEXT,
  TC_SHOT,
  type u8,
  type u16,
  type u32,
  u32be,
} from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { isSettled } from "../connection/local.ts";
import { Ipv4, Ipv6, LINK_HEADER, Ports, TCP_CHECKSUM, UDP_CHECKSUM } from "../headers.ts";
import { answerTimeExceeded, answerTooLarge } from "../icmp/answer.ts";
import { clientAddress, family, sctpServices } from "../options.ts";
import {
  Address,
  type Connection,
  connectionTable,
  destinationTable,
  FROM_CLIENT,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  wide,
} from "../tables.ts";
import { MAY_FRAGMENT, mayPass, NO_HEADER, TOO_OLD } from "./age.ts";
import { replaceAddress, replaceAddressAndAge } from "./checksum.ts";
import { toaLength } from "./client-address/known.ts";
import { bytesToTell, disarm, tell } from "./client-address/tell.ts";
import { mayCut, sendCut } from "./fragments.ts";
import { enterLoopback, rejuvenate } from "./hand-over.ts";
import { askKernel, CHECK_EVERY, isFresh, NO_WAY, sendBy, TOO_LARGE } from "./next-hop.ts";
import { replaceSctpChecksum } from "./sctp-checksum.ts";
import { tellUnreachable } from "./unreachable.ts";
import { lengthOnWire } from "./wire-length.ts";

/** The two addresses of an IPv4 header, and where they begin in a frame. */
export const Ends = struct("Ends", { source: u32be, destination: u32be });
export type Ends = Infer<typeof Ends>;
const ENDS = LINK_HEADER + 12;

/** The same of IPv6. */
export const Ends6 = struct("Ends6", { source: Address, destination: Address });
export type Ends6 = Infer<typeof Ends6>;
const ENDS6 = LINK_HEADER + 8;

/** The addresses that a packet of a direction gets. */
function setEnds(connection: Connection, direction: u32, ends: Ends): void {
  ends.source = direction === FROM_CLIENT ? connection.local : connection.virtual;
  ends.destination = direction === FROM_CLIENT ? connection.server : connection.client;
}

/** The same of IPv6; of the connection in that slot. */
function setEnds6(index: u32, direction: u32, ends: Ends6): void {
  const addresses = wide.lookup(index);
  if (addresses === null) return;
  if (direction === FROM_CLIENT) {
    copy(ends.source, addresses.local);
    copy(ends.destination, addresses.server);
  } else {
    copy(ends.source, addresses.virtual);
    copy(ends.destination, addresses.client);
  }
}

/** Gives an IPv4 packet other addresses, and ages it. Answers by how much the sum of the pseudo-header changes. */
function translateEnds(packet: Packet, connection: Connection, direction: u32): u32 {
  const ip = packet.header(Ipv4, LINK_HEADER);
  const before = packet.header(Ends, ENDS);
  if (ip === null || before === null) return 0;
  const after = make(Ends);
  setEnds(connection, direction, after);
  const change = checksumDifference(before, after, 0);
  const checksum = replaceAddress(ip.checksum, before.source, after.source);
  ip.checksum = replaceAddressAndAge(checksum, before.destination, after.destination);
  ip.lifetime = ip.lifetime - 1;
  before.source = after.source;
  before.destination = after.destination;
  return change;
}

/** The same of IPv6. */
function translateEnds6(packet: Packet, index: u32, direction: u32): u32 {
  const ip = packet.header(Ipv6, LINK_HEADER);
  const before = packet.header(Ends6, ENDS6);
  if (ip === null || before === null) return 0;
  const after = make(Ends6);
  setEnds6(index, direction, after);
  const change = checksumDifference(before, after, 0);
  copy(before, after);
  ip.hopLimit = ip.hopLimit - 1;
  return change;
}

/**
 * Translates a packet of `length` bytes with its IP header. `protocol` is that of the header at `transport`, 0 if there is none
 * (fragments but the first).
 */
export function translateBothEnds(
  packet: Packet,
  index: u32,
  connection: Connection,
  direction: u32,
  transport: u16,
  protocol: u8,
  length: u32,
): boolean {
  let from = 0;
  let to = 0;
  const isSctp = sctpServices.value && protocol === PROTOCOL_SCTP;
  if (protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP || isSctp) {
    const ports = packet.header(Ports, transport);
    if (ports === null) return false;
    from = ((ports.source << 16) | ports.destination) >>> 0;
    if (direction === FROM_CLIENT) {
      ports.source = connection.localPort;
      ports.destination = connection.serverPort;
    } else {
      ports.source = connection.virtualPort;
      ports.destination = connection.clientPort;
    }
    to = ((ports.source << 16) | ports.destination) >>> 0;
    if (isSctp) replaceSctpChecksum(packet, transport, (length + LINK_HEADER - transport) & 0xffff, from, to);
  }
  const change =
    family.value === 6
      ? translateEnds6(packet, index, direction)
      : translateEnds(packet, connection, direction);
  if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) return true;
  const isUdp = protocol === PROTOCOL_UDP;
  const checksum = transport + (isUdp ? UDP_CHECKSUM : TCP_CHECKSUM);
  const flags = isUdp ? CHECKSUM_ZERO_IS_NONE : 0;
  replaceL4Checksum(packet, checksum, 0, change, flags | CHECKSUM_PSEUDO_HEADER);
  replaceL4Checksum(packet, checksum, swap32(from), swap32(to), flags | 4);
  return true;
}

/**
 * Asks the kernel for the way of a packet as it will be; `length`: of its largest part on the wire. Answers as `resolve` does.
 * @separate
 */
export function askBothEnds(packet: Packet, index: u32, direction: u32, length: u32): u32 {
  const connection = connectionTable.lookup(index);
  if (connection === null) return NO_WAY;
  const server = destinationTable.lookup(connection.destination);
  if (server === null) return NO_WAY;
  const hop = direction === FROM_CLIENT ? server.hop : connection.hop;
  hop.checkAgain = (currentTick() + CHECK_EVERY) >>> 0;
  const request = make(FibLookup);
  request.ifindex = packet.ifindex;
  request.totalLength = Math.min(length, 0xffff);
  if (family.value === 6) {
    request.family = FAMILY_IPV6;
    const ends = make(Ends6);
    setEnds6(index, direction, ends);
    copy(request.source, ends.source.words);
    copy(request.destination, ends.destination.words);
  } else {
    request.family = FAMILY_IPV4;
    const ends = make(Ends);
    setEnds(connection, direction, ends);
    request.source[0] = ends.source;
    request.destination[0] = ends.destination;
  }
  return askKernel(packet, request, hop);
}

/**
 * Sends on a packet, of `length` bytes with its IP header, of the connection in slot `index`; `place`: see `placeOf`, of later
 * fragments protocol 0. Returns the verdict. @separate
 */
export function forwardFullnat(packet: Packet, place: u32, length: u32, index: u32): u32 {
  const direction = place >>> 24;
  const transport = (place >>> 8) & 0xffff;
  const protocol = place & 0xff;
  const connection = connectionTable.lookup(index);
  // Without a local endpoint it has only just begun, on another CPU.
  if (connection === null || !isSettled(connection)) return TC_SHOT;
  const server = destinationTable.lookup(connection.destination);
  if (server === null) return TC_SHOT;
  const hop = direction === FROM_CLIENT ? server.hop : connection.hop;
  const passage = mayPass(packet);
  if (passage === NO_HEADER) return TC_SHOT;
  if (passage === TOO_OLD) return answerTimeExceeded(packet);

  const fresh = isFresh(hop, currentTick());
  let out = hop.interface;
  // What the server is told of the client makes the packet longer. The option is left out where it does not fit.
  let told = clientAddress.value ? bytesToTell(packet, place, index) : 0;
  const header = told === toaLength() ? 0 : told;
  if (!fresh || length + told > hop.mtu) {
    const longest = lengthOnWire(packet, transport, protocol, (length + header) >>> 0);
    if (!fresh) out = askBothEnds(packet, index, direction, longest);
    else if (longest > hop.mtu) out = TOO_LARGE;
    if (header === 0 && longest + told > hop.mtu) told = 0;
  }
  if (out === NO_WAY) {
    const told = tellUnreachable(packet, direction, connection.destination);
    if (told !== 0) return told;
  }
  const inParts = family.value === 4 && out === TOO_LARGE && passage === MAY_FRAGMENT;
  if (out === TOO_LARGE && !inParts) return answerTooLarge(packet, (hop.mtu - header) >>> 0);
  if (direction === FROM_CLIENT && protocol === PROTOCOL_TCP && !disarm(packet, transport, length))
    return TC_SHOT;
  if (clientAddress.value && !tell(packet, place, length, index, told)) return TC_SHOT;
  if (!translateBothEnds(packet, index, connection, direction, transport, protocol, length)) return TC_SHOT;
  if (inParts && mayCut(packet, hop)) return sendCut(packet, hop, transport, protocol, (length + told) >>> 0);
  // Whom the kernel forwards nothing to is this host itself. The source, too, is an address of this host.
  if (inParts || out === NO_WAY) {
    if (family.value === 6) return TC_NEXT;
    rejuvenate(packet);
    return enterLoopback(packet);
  }
  return fresh ? sendBy(packet, hop, out) : redirectNeighbour(out, 0);
}
