// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * ICMP errors of ours: the packet itself becomes the error. It is cut to what is quoted, an IP and an ICMP header are put before it,
 * and it goes back the way it came. That is rare and takes room, so it is done by a program beside the others.
 */
import { type Packet, redirect, TC_SHOT, trace, type u16, type u32 } from "../../bpf/index.ts";
import { countAnswered, countUnanswered } from "../events.ts";
import { age } from "../forward/age.ts";
import {
  ICMP_FRAGMENTATION_NEEDED,
  ICMP_HOST_UNREACHABLE,
  ICMP_PORT_UNREACHABLE,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  ICMP6_ADDRESS_UNREACHABLE,
  ICMP6_PORT_UNREACHABLE,
  ICMP6_TIME_EXCEEDED,
  ICMP6_TOO_BIG,
  ICMP6_UNREACHABLE,
  Link,
} from "../headers.ts";
import { family } from "../options.ts";
import { scratch } from "../tables.ts";
import { become4, mayComplain4 } from "./answer4.ts";
import { become6, mayComplain6 } from "./answer6.ts";
import { mayAnswer } from "./limit.ts";

/** Sends the frame back to where it came from. */
function turnAround(packet: Packet): boolean {
  const link = packet.header(Link, 0);
  if (link === null) return false;
  const first = link.addresses[0]!;
  const second = link.addresses[1]!;
  const third = link.addresses[2]!;
  link.addresses[0] = ((second << 16) | (third >>> 16)) >>> 0;
  link.addresses[1] = ((third << 16) | (first >>> 16)) >>> 0;
  link.addresses[2] = ((first << 16) | (second >>> 16)) >>> 0;
  return true;
}

/**
 * What programs return of a packet that is to be answered with an ICMP error: the program beside them (option aside) makes that,
 * and what is to be said stands in `Scratch`.
 */
export const TO_BE_ANSWERED = 0xfffffffd;

/** The packet is to be answered: `what` (type × 256 + code), from `from` (IPv4; 0: from the address it was sent to). */
export function answer(what: u16, mtu: u16, from: u32): u32 {
  const mine = scratch.lookup(0);
  if (mine === null) return TC_SHOT;
  trace("answer", what, mtu);
  mine.answer = what;
  mine.answerMtu = mtu;
  mine.answerFrom = from;
  return TO_BE_ANSWERED;
}

/** Makes the packet the ICMP error that `answer` asked for, and sends it back. Returns the verdict. @separate */
export function answerNow(packet: Packet): u32 {
  const mine = scratch.lookup(0);
  if (mine === null) return TC_SHOT;
  const what = mine.answer & 0xffff;
  mine.answer = 0;
  const isFit = family.value === 6 ? mayComplain6(packet) : mayComplain4(packet);
  if (!isFit) return TC_SHOT;
  if (!mayAnswer()) {
    trace("unanswered");
    countUnanswered();
    return TC_SHOT;
  }
  const mtu = mine.answerMtu & 0xffff;
  const became =
    family.value === 6 ? become6(packet, what, mtu) : become4(packet, what, mtu, mine.answerFrom);
  if (became === 0 || !turnAround(packet)) return TC_SHOT;
  countAnswered();
  return redirect(packet.ifindex, 0);
}

/** Whether a packet that was handed on to this program is to be answered. */
export function isToBeAnswered(): boolean {
  const mine = scratch.lookup(0);
  return mine !== null && mine.answer !== 0;
}

/** No server for a new flow. */
export function answerRefused(_packet: Packet): u32 {
  if (family.value === 6) return answer(ICMP6_UNREACHABLE * 256 + ICMP6_PORT_UNREACHABLE, 0, 0);
  return answer(ICMP_UNREACHABLE * 256 + ICMP_PORT_UNREACHABLE, 0, 0);
}

/** There is no way to the server. As behind any router, the quote has aged by one. */
export function answerUnreachable(packet: Packet): u32 {
  age(packet);
  if (family.value === 6) return answer(ICMP6_UNREACHABLE * 256 + ICMP6_ADDRESS_UNREACHABLE, 0, 0);
  return answer(ICMP_UNREACHABLE * 256 + ICMP_HOST_UNREACHABLE, 0, 0);
}

/** The time to live ran out here. */
export function answerTimeExceeded(_packet: Packet): u32 {
  return answer((family.value === 6 ? ICMP6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED) * 256, 0, 0);
}

/** The packet must not be fragmented and is larger than `mtu`. As behind any router, the quote has aged by one. */
export function answerTooLarge(packet: Packet, mtu: u32): u32 {
  age(packet);
  const most = Math.min(mtu, 0xffff);
  if (family.value === 6) return answer(ICMP6_TOO_BIG * 256, most, 0);
  return answer(ICMP_UNREACHABLE * 256 + ICMP_FRAGMENTATION_NEEDED, most, 0);
}
