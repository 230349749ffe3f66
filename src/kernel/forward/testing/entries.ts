// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** Programs that forward every packet by one method to the server in slot 2: the methods by themselves, for tests. */
import { type Packet, pullData, TC_NEXT, type u32 } from "../../../bpf/index.ts";
import { currentTick } from "../../clock.ts";
import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  IPV6_HEADER,
  Ipv4,
  Ipv6,
  LINK_HEADER,
  LONGEST_HEADERS,
} from "../../headers.ts";
import { answerNow, TO_BE_ANSWERED } from "../../icmp/answer.ts";
import { family } from "../../options.ts";
import { destinationTable } from "../../tables.ts";
import { routeTo } from "../route.ts";
import { tunnelTo } from "../tunnel.ts";

/** The slot of the only server of a configuration with one service. */
export const SERVER = 2;

/** Bits 0–7 the transport protocol, 8–15 where its header begins; 0: no such packet. */
function transportOf(packet: Packet): u32 {
  const length = packet.length;
  pullData(packet, Math.min(length, LONGEST_HEADERS));
  if (family.value === 6) {
    const ip = packet.header(Ipv6, LINK_HEADER);
    if (ip === null || packet.protocol !== ETHERTYPE_IPV6) return 0;
    return ((LINK_HEADER + IPV6_HEADER) << 8) | ip.nextHeader;
  }
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null || packet.protocol !== ETHERTYPE_IPV4) return 0;
  return ((LINK_HEADER + (ip.versionLength & 15) * 4) << 8) | ip.protocol;
}

/** The verdict on a packet that may be to be answered, which in the datapath another program does. */
function answered(packet: Packet, verdict: u32): u32 {
  return verdict === TO_BE_ANSWERED ? answerNow(packet) : verdict;
}

/** Direct routing of IPv4 or (option `family`) IPv6. */
export function routeEntry(packet: Packet): u32 {
  const found = transportOf(packet);
  const server = destinationTable.lookup(SERVER);
  if (found === 0 || server === null) return TC_NEXT;
  const length = (packet.length - LINK_HEADER) & 0xffff;
  return answered(
    packet,
    routeTo(packet, (found >>> 8) & 0xffff, found & 0xff, length, SERVER, server, currentTick()),
  );
}

/** Tunnelling of IPv4 or (option `family`) IPv6. */
export function tunnelEntry(packet: Packet): u32 {
  const found = transportOf(packet);
  if (found === 0) return TC_NEXT;
  const length = (packet.length - LINK_HEADER) & 0xffff;
  return answered(packet, tunnelTo(packet, (found >>> 8) & 0xffff, found & 0xff, length, SERVER));
}
