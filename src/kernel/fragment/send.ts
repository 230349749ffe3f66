// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** Sends packets of which only the addresses change on the way: fragments but the first, ICMP errors. */
import { type Packet, redirectNeighbour, TC_NEXT, TC_SHOT, type u32 } from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { NO_CONNECTION } from "../flow.ts";
import { replaceAddressAndAge } from "../forward/checksum.ts";
import { mayCut, sendCut } from "../forward/fragments.ts";
import { forwardFullnat } from "../forward/fullnat.ts";
import { handOver } from "../forward/hand-over.ts";
import { forwardOtherwise } from "../forward/methods.ts";
import { hopOf, isFresh, NO_WAY, resolve, sendBy, TOO_LARGE } from "../forward/next-hop.ts";
import { tellUnreachable } from "../forward/unreachable.ts";
import { DONT_FRAGMENT, Ipv4, LINK_HEADER } from "../headers.ts";
import { answerTooLarge } from "../icmp/answer.ts";
import { family, fullnat } from "../options.ts";
import {
  connectionTable,
  destinationTable,
  FORWARD_FULLNAT,
  FORWARD_MASQ,
  FROM_CLIENT,
  KIND_FORWARD_SHIFT,
  scratch,
  servers,
} from "../tables.ts";

/** The address that an IPv4 packet gets under masquerading; `way` as for `hopOf`; NO_CONNECTION: of the key in `Scratch.server`. */
function addressFor(direction: u32, index: u32, way: u32): u32 {
  const connection = connectionTable.lookup(index);
  if (connection !== null) return direction === FROM_CLIENT ? connection.server : connection.virtual;
  if (direction === FROM_CLIENT) {
    const server = destinationTable.lookup(way);
    return server === null ? 0 : server.address.words[0]!;
  }
  const mine = scratch.lookup(0);
  if (mine === null) return 0;
  const reply = servers.lookup(mine.server);
  return reply === null ? 0 : reply.virtual.words[0]!;
}

/** Masquerading of IPv4. */
function masquerade(packet: Packet, direction: u32, length: u32, index: u32, way: u32): u32 {
  const ip = packet.header(Ipv4, LINK_HEADER);
  const hop = hopOf(direction, way);
  if (ip === null || hop === null) return TC_SHOT;
  // Left to the kernel, which comes to the same end. There is nothing that we would say about these packets.
  if (ip.lifetime <= 1) return TC_NEXT;
  const mayFragment = (ip.fragment & DONT_FRAGMENT) === 0;
  const address = addressFor(direction, index, way);
  const fresh = way !== NO_CONNECTION && isFresh(hop, currentTick());
  let out = hop.interface;
  if (!fresh) out = resolve(packet, direction, way, address, length);
  else if (length > hop.mtu) out = TOO_LARGE;
  if (out === NO_WAY && direction !== FROM_CLIENT && way === NO_CONNECTION) return TC_NEXT;
  if (out === NO_WAY) {
    const told = tellUnreachable(packet, direction, way);
    if (told !== 0) return told;
  }
  if (out === TOO_LARGE && !mayFragment) {
    return direction === FROM_CLIENT ? answerTooLarge(packet, hop.mtu) : TC_NEXT;
  }
  const aged = packet.header(Ipv4, LINK_HEADER);
  if (aged === null) return TC_SHOT;
  const from = direction === FROM_CLIENT ? aged.destination : aged.source;
  if (direction === FROM_CLIENT) aged.destination = address;
  else aged.source = address;
  aged.lifetime = aged.lifetime - 1;
  aged.checksum = replaceAddressAndAge(aged.checksum, from, address);
  if (out === TOO_LARGE && mayCut(packet, hop)) return sendCut(packet, hop, 0, 0, length);
  if (out === NO_WAY || out === TOO_LARGE) return handOver(packet, direction);
  return fresh ? sendBy(packet, hop, out) : redirectNeighbour(out, 0);
}

/** What `toBeSent` answers: no verdict, the packet is to be sent by `send`. */
export const TO_BE_SENT = 0xfffffffc;

/**
 * Keeps what `send` is to know of a packet of `length` bytes with its IP header, so that it need not stand on the stack meanwhile. `place`: see
 * `placeOf`, with protocol 0 (its transport part is not translated); `index`: its connection's slot, or NO_CONNECTION, and
 * `slot` the destination's then.
 */
export function toBeSent(place: u32, length: u32, index: u32, slot: u32): u32 {
  const mine = scratch.lookup(0);
  if (mine === null) return TC_SHOT;
  mine.place = place;
  mine.length = length;
  mine.connection = index;
  mine.slot = slot;
  return TO_BE_SENT;
}

/** Sends on the packet that is `toBeSent`. Returns the verdict. @separate */
export function send(packet: Packet): u32 {
  const mine = scratch.lookup(0);
  if (mine === null) return TC_SHOT;
  const place = mine.place;
  const length = mine.length;
  const index = mine.connection;
  const direction = place >>> 24;
  const connection = connectionTable.lookup(index);
  let method = FORWARD_MASQ;
  let slot = mine.slot;
  if (connection !== null) {
    method = (connection.kind >>> KIND_FORWARD_SHIFT) & 7;
    slot = connection.destination;
  } else if (direction === FROM_CLIENT) {
    const server = destinationTable.lookup(slot);
    if (server === null) return TC_SHOT;
    method = server.forward;
  }
  const way = direction === FROM_CLIENT ? slot : index;
  if (fullnat.value && method === FORWARD_FULLNAT) return forwardFullnat(packet, place, length, index);
  if (family.value === 4 && method === FORWARD_MASQ) return masquerade(packet, direction, length, index, way);
  return forwardOtherwise(packet, method, place, length, way, 0, currentTick());
}
