// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The way of a packet, at tc ingress of every interface of the namespace: parse, find its connection or make one, follow
 * its state, count, forward. What is not ours goes on to the kernel's stack untouched.
 *
 * Interfaces without Ethernet headers are not for this program. At loopback it meets what the host says to itself.
 */
import {
  make,
  type Packet,
  pullData,
  TC_NEXT,
  TC_SHOT,
  tailCall,
  trace,
  type u8,
  type u16,
  type u32,
} from "../bpf/index.ts";
import { admit } from "./admission.ts";
import { direct } from "./direct.ts";
import { countMalformed } from "./events.ts";
import { findTransport, IS_FRAGMENT, NO_TRANSPORT } from "./extensions.ts";
import { lookFor } from "./flow.ts";
import { isHandedOver } from "./forward/hand-over.ts";
import { laterFragment } from "./fragment/later.ts";
import { leave } from "./fragment/leave.ts";
import { laterOutgoing } from "./fragment/outgoing.ts";
import { hasTransport } from "./fragment/part.ts";
import { send, TO_BE_SENT } from "./fragment/send.ts";
import { readPayload } from "./ftp/payload.ts";
import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  FRAGMENT,
  FRAGMENT_HEADER,
  FRAGMENT_MORE6,
  FRAGMENT_OFFSET,
  FRAGMENT_OFFSET6,
  FragmentHeader,
  Headers,
  Headers6,
  IPV4_HEADER,
  IPV6_HEADER,
  Ipv4,
  Ipv6,
  LINK_HEADER,
  Link,
  LONGEST_HEADERS,
  LOOPBACK,
  PACKET_HOST,
  PACKET_OTHERHOST,
  Sctp,
  Tcp,
  Udp,
} from "./headers.ts";
import { answerNow, isToBeAnswered, TO_BE_ANSWERED } from "./icmp/answer.ts";
import { setQuotedKey } from "./icmp/begin.ts";
import { handleError, TO_ADMISSION } from "./icmp/handle-error.ts";
import { TO_BE_TOLD, tellSender } from "./icmp/tunnel-error.ts";
import {
  admission,
  aside,
  family,
  ipv6Services,
  outgoing,
  payload,
  ruleDrops,
  rules,
  ruling,
  sctpServices,
  tcpServices,
  tunnels,
  udpServices,
} from "./options.ts";
import { leaveHost } from "./outgoing.ts";
import { askRules, NO_PROGRAM, notOurs, TO_RULES, toRules } from "./rules/ask.ts";
import { rule } from "./rules/rule.ts";
import { sctpEvent } from "./state/sctp-event.ts";
import {
  FlowKey,
  KIND_IPV6,
  PROGRAM_IPV4_ADMISSION,
  PROGRAM_IPV4_ASIDE,
  PROGRAM_IPV6,
  PROGRAM_IPV6_ADMISSION,
  PROGRAM_IPV6_ASIDE,
  PROGRAM_IPV6_OUTGOING,
  PROTOCOL_AH,
  PROTOCOL_ESP,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  programs,
} from "./tables.ts";
import { addressWord } from "./words.ts";

/** The UDP port of IKE, which agrees about IPsec's keys, at both ends. */
const KEY_EXCHANGE_PORT = 500;

/** IP version 4 and a header of 5 words: without options. */
const PLAIN_HEADER = 0x45;

/** The program of traffic control. Returns its verdict. */
export function ingress(packet: Packet): u32 {
  if (family.value === 4) {
    if (packet.protocol !== ETHERTYPE_IPV4) {
      if (ipv6Services.value && packet.protocol === ETHERTYPE_IPV6)
        tailCall(packet, programs, outgoing.value ? PROGRAM_IPV6_OUTGOING : PROGRAM_IPV6);
      return TC_NEXT;
    }
  } else if (packet.protocol !== ETHERTYPE_IPV6) {
    return TC_NEXT;
  }
  // A packet with a VLAN tag beside it comes by again on the VLAN's own interface.
  if (packet.vlanPresent !== 0) return TC_NEXT;
  if (ruling.value) return rule(packet);
  if (packet.type !== PACKET_HOST) return packet.type === PACKET_OTHERHOST ? TC_NEXT : toOthers(packet);
  if (aside.value && isToBeAnswered()) return answerNow(packet);
  let verdict = look(packet);
  if (aside.value && verdict === TO_BE_SENT) verdict = send(packet);
  if (aside.value && tunnels.value && verdict === TO_BE_TOLD) verdict = tellSender(packet);
  if (rules.value && verdict === TO_RULES) return toRules(packet);
  if (verdict !== TO_BE_ANSWERED) return verdict;
  if (aside.value) return answerNow(packet);
  stepAside(packet);
  return TC_SHOT;
}

/** A packet to all hosts, or to some: none of ours. */
function toOthers(packet: Packet): u32 {
  return notOurs() === TO_RULES ? toRules(packet) : TC_NEXT;
}

/** Makes the headers accessible, and goes on by them. */
function look(packet: Packet): u32 {
  if (family.value === 6) {
    const headers6 = packet.header(Headers6, 0);
    if (headers6 === null || headers6.nextHeader !== PROTOCOL_TCP) {
      const length = packet.length;
      pullData(packet, Math.min(length, LONGEST_HEADERS));
    }
    return inspect6(packet);
  }
  const headers = packet.header(Headers, 0);
  if (headers === null || headers.versionLength !== PLAIN_HEADER) {
    const length = packet.length;
    pullData(packet, Math.min(length, LONGEST_HEADERS));
  }
  return inspect(packet);
}

function malformed(): u32 {
  trace("malformed");
  countMalformed();
  return TC_NEXT;
}

/** As malformed ones, which the stack takes nevertheless. */
function tooShort(): u32 {
  countMalformed();
  return notOurs();
}

/** Whether a transport protocol is one of those that services have. */
function isServed(protocol: u8): boolean {
  return (
    (tcpServices.value && protocol === PROTOCOL_TCP) ||
    (udpServices.value &&
      (protocol === PROTOCOL_UDP || protocol === PROTOCOL_ESP || protocol === PROTOCOL_AH)) ||
    (sctpServices.value && protocol === PROTOCOL_SCTP)
  );
}

/** An IPv4 packet, its headers accessible. */
function inspect(packet: Packet): u32 {
  const link = packet.header(Link, 0);
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (link === null || ip === null || link.type !== ETHERTYPE_IPV4) return TC_NEXT;
  const protocol = ip.protocol;
  if (!isServed(protocol) && protocol !== PROTOCOL_ICMP) return notOurs();

  const headerLength = (ip.versionLength & 15) * 4;
  const all = packet.length;
  // A super-packet of 64 KiB or more has no total length.
  const length = ip.totalLength !== 0 ? ip.totalLength : all - LINK_HEADER;
  if (ip.versionLength >>> 4 !== 4 || headerLength < IPV4_HEADER || length + LINK_HEADER > all)
    return malformed();
  const transport = LINK_HEADER + headerLength;
  const isIcmp = protocol === PROTOCOL_ICMP;
  let part = 0;
  if (!admission.value && (ip.fragment & FRAGMENT) !== 0) {
    if (packet.ifindex === LOOPBACK && isHandedOver(packet)) return TC_NEXT;
    if (isIcmp) return notOurs();
    if ((ip.fragment & FRAGMENT_OFFSET) !== 0) {
      if (outgoing.value) return laterOutgoing(packet, transport);
      return aside.value ? laterPart(packet, transport, length >>> 0) : stepAsidePart(packet);
    }
    if (!hasTransport(protocol, transport, length >>> 0)) return outgoing.value ? TC_NEXT : left(packet);
    part = transport;
  }
  if (aside.value) return isIcmp ? messageOf(packet, transport, length >>> 0) : TC_NEXT;
  if (isIcmp && !admission.value) return stepAsideRuled(packet);
  const key = make(FlowKey, { source: ip.source, destination: ip.destination, kind: protocol });
  const verdict = classify(packet, key, transport, length >>> 0, protocol, part);
  return !outgoing.value && part !== 0 && verdict === TC_NEXT ? leave(packet) : verdict;
}

/** A packet for the program beside this one. */
function stepAside(packet: Packet): u32 {
  if (outgoing.value) return TC_NEXT;
  tailCall(packet, programs, family.value === 6 ? PROGRAM_IPV6_ASIDE : PROGRAM_IPV4_ASIDE);
  return TC_NEXT;
}

/** As `stepAside`, of a packet that the rules see first. */
function stepAsideRuled(packet: Packet): u32 {
  if (!rules.value || outgoing.value) return stepAside(packet);
  return askRules(family.value === 6 ? PROGRAM_IPV6_ASIDE : PROGRAM_IPV4_ASIDE);
}

/** Of a fragment that is not the first: it may be known, and known ones are none of the rules' business unless these drop packets. */
function stepAsidePart(packet: Packet): u32 {
  return ruleDrops.value ? stepAsideRuled(packet) : stepAside(packet);
}

/** A fragment that is not the first of its datagram, in the program for them. */
function laterPart(packet: Packet, transport: u16, length: u32): u32 {
  const verdict = laterFragment(packet, transport, length);
  return rules.value && !ruleDrops.value && verdict === TC_NEXT ? askRules(NO_PROGRAM) : verdict;
}

/** A packet that is left to the kernel's stack without having met the rules. */
function left(packet: Packet): u32 {
  const verdict = leave(packet);
  return verdict === TC_NEXT ? notOurs() : verdict;
}

/** An ICMP message. If it is an error about a flow without a connection, it may open one. */
function messageOf(packet: Packet, transport: u16, length: u32): u32 {
  const verdict = handleError(packet, transport, length);
  if (verdict !== TO_ADMISSION) return verdict;
  tailCall(packet, programs, family.value === 6 ? PROGRAM_IPV6_ADMISSION : PROGRAM_IPV4_ADMISSION);
  return TC_NEXT;
}

/** An IPv6 packet, its headers accessible. */
function inspect6(packet: Packet): u32 {
  const link = packet.header(Link, 0);
  const ip = packet.header(Ipv6, LINK_HEADER);
  if (link === null || ip === null || link.type !== ETHERTYPE_IPV6) return TC_NEXT;
  const all = packet.length;
  // A super-packet of 64 KiB or more has no payload length.
  const length = ip.payloadLength !== 0 ? ip.payloadLength + IPV6_HEADER : all - LINK_HEADER;
  if (ip.versionClassLabel >>> 28 !== 6 || length + LINK_HEADER > all) return malformed();
  let protocol = ip.nextHeader;
  let transport = LINK_HEADER + IPV6_HEADER;
  let part = 0;
  if (!isServed(protocol) && protocol !== PROTOCOL_ICMPV6) {
    const found = findTransport(packet, LINK_HEADER);
    if (found === NO_TRANSPORT) return notOurs();
    protocol = found & 0xff;
    transport = (found >>> 8) & 0xfff;
    if ((found & IS_FRAGMENT) !== 0) {
      const fragment = packet.header(FragmentHeader, transport);
      if (fragment === null) return notOurs();
      if ((fragment.offset & FRAGMENT_OFFSET6) !== 0) {
        if (protocol === PROTOCOL_ICMPV6) return notOurs();
        if (outgoing.value) return laterOutgoing(packet, transport);
        return aside.value ? laterPart(packet, transport, length >>> 0) : stepAsidePart(packet);
      }
      // One that is the whole datagram is treated as such (RFC 6946).
      if ((fragment.offset & FRAGMENT_MORE6) !== 0) part = transport;
      transport = (transport + FRAGMENT_HEADER) & 0xfff;
    }
    const isFit = isServed(protocol) && (part === 0 || hasTransport(protocol, transport, length >>> 0));
    if (!isFit && (protocol !== PROTOCOL_ICMPV6 || part !== 0))
      return part === 0 || outgoing.value ? notOurs() : left(packet);
  }
  const isIcmp = protocol === PROTOCOL_ICMPV6;
  if (aside.value) return isIcmp ? messageOf(packet, transport, length >>> 0) : TC_NEXT;
  if (isIcmp && !admission.value) return stepAsideRuled(packet);
  const addresses = packet.header(Ipv6, LINK_HEADER);
  if (addresses === null) return TC_NEXT;
  lookFor(addresses.source, addresses.destination);
  const key = make(FlowKey, {
    source: addressWord(addresses.source),
    destination: addressWord(addresses.destination),
    kind: protocol | KIND_IPV6,
  });
  const verdict = classify(packet, key, transport, length >>> 0, protocol, part);
  return !outgoing.value && part !== 0 && verdict === TC_NEXT ? leave(packet) : verdict;
}

/** A packet between the addresses of `key`, whose transport header begins at `transport`; `part`: see `direct`. */
function classify(packet: Packet, key: FlowKey, transport: u16, length: u32, protocol: u8, part: u16): u32 {
  let what = protocol << 8;
  // Where the message is that a service may look into: an ICMP error has none.
  let message = transport;
  if (admission.value && protocol === (family.value === 6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP)) {
    what = setQuotedKey(packet, transport, length, key);
    if (what === 0) return TC_NEXT;
    message = 0;
  } else if (tcpServices.value && protocol === PROTOCOL_TCP) {
    const tcp = packet.header(Tcp, transport);
    if (tcp === null) return tooShort();
    key.sourcePort = tcp.source;
    key.destinationPort = tcp.destination;
    what |= tcp.flags;
  } else if (sctpServices.value && protocol === PROTOCOL_SCTP) {
    const sctp = packet.header(Sctp, transport);
    if (sctp === null) return tooShort();
    key.sourcePort = sctp.source;
    key.destinationPort = sctp.destination;
    what |= sctpEvent(packet, transport, sctp.chunk, sctp.chunkLength) & 15;
  } else if (protocol === PROTOCOL_UDP) {
    const udp = packet.header(Udp, transport);
    if (udp === null) return tooShort();
    key.sourcePort = udp.source;
    key.destinationPort = udp.destination;
  } else if (udpServices.value) {
    // AH and ESP have no ports: they go with the key exchange that they came of (RFC 7296).
    key.sourcePort = KEY_EXCHANGE_PORT;
    key.destinationPort = KEY_EXCHANGE_PORT;
    key.kind = family.value === 6 ? PROTOCOL_UDP | KIND_IPV6 : PROTOCOL_UDP;
  } else {
    return TC_NEXT;
  }
  if (payload.value) return readPayload(packet, key, transport, length);
  if (outgoing.value) return leaveHost(packet, key, transport, length, what, part);
  return admission.value
    ? admit(packet, key, message, length, what)
    : direct(packet, key, transport, length, what, part);
}
