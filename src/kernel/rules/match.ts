// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** Whether an element of a rule set matches a packet. What is asked and when a packet is dropped is as iptables-nft has it. */
import type { u16, u32 } from "../../bpf/index.ts";
import { family } from "../options.ts";
import {
  ASK_DESTINATION,
  ASK_DESTINATION_PORT,
  ASK_FLAGS,
  ASK_FRAGMENT,
  ASK_IMPOSSIBLE,
  ASK_INTERFACE,
  ASK_LISTED_DESTINATION,
  ASK_LISTED_SOURCE,
  ASK_MARK,
  ASK_PROTOCOL,
  ASK_SCTP_HEADER,
  ASK_SOURCE,
  ASK_SOURCE_PORT,
  ASK_TCP_HEADER,
  ASK_UDP_HEADER,
  EXTRA_WORDS,
  type RuleElement,
  type RuleWalk,
  ruleExtras,
} from "../tables.ts";

/** Answers: it does not match; it does; the packet is to be dropped, as it is too short for what is asked. */
export const NO_MATCH = 0;
export const MATCH = 1;
export const TOO_SHORT = 2;

/** Bytes of headers that are asked for as a whole. */
const TCP = 20;
const UDP = 8;
const SCTP = 12;
/** Bytes that hold the source's port, both ports, and those and TCP's flags. */
const ONE_PORT = 2;
const TWO_PORTS = 4;
const WITH_FLAGS = 14;

const ASK_HEADERS = ASK_TCP_HEADER | ASK_UDP_HEADER | ASK_SCTP_HEADER;
const ASK_TRANSPORT = ASK_FLAGS | ASK_SOURCE_PORT | ASK_DESTINATION_PORT;
const ASK_LISTED = ASK_LISTED_SOURCE | ASK_LISTED_DESTINATION;
const ASK_ADDRESSES = ASK_SOURCE | ASK_DESTINATION;

/** Whether the answer to a question is the one that is wanted: inverted or not. @inline */
function isWanted(answer: boolean, inverts: u16, ask: u16): boolean {
  return answer !== ((inverts & ask) !== 0);
}

function matchesAddresses4(element: RuleElement, walk: RuleWalk, asks: u16, inverts: u16): boolean {
  if ((asks & ASK_SOURCE) !== 0) {
    const isSame = ((walk.source.words[0]! ^ element.source) & element.sourceMask) === 0;
    if (!isWanted(isSame, inverts, ASK_SOURCE)) return false;
  }
  if ((asks & ASK_DESTINATION) === 0) return true;
  const isSame = ((walk.destination.words[0]! ^ element.destination) & element.destinationMask) === 0;
  return isWanted(isSame, inverts, ASK_DESTINATION);
}

function matchesAddresses6(element: RuleElement, walk: RuleWalk, asks: u16, inverts: u16): boolean {
  const extra = ruleExtras.lookup((walk.extras + element.addresses) >>> 0);
  if (extra === null) return false;
  if ((asks & ASK_SOURCE) !== 0) {
    let differing = 0;
    for (let i = 0; i < 4; i++)
      differing = (differing | ((walk.source.words[i]! ^ extra.words[i]!) & extra.words[4 + i]!)) >>> 0;
    if (!isWanted(differing === 0, inverts, ASK_SOURCE)) return false;
  }
  if ((asks & ASK_DESTINATION) === 0) return true;
  let differing = 0;
  for (let i = 0; i < 4; i++)
    differing =
      (differing | ((walk.destination.words[i]! ^ extra.words[8 + i]!) & extra.words[12 + i]!)) >>> 0;
  return isWanted(differing === 0, inverts, ASK_DESTINATION);
}

function matchesInterface(element: RuleElement, walk: RuleWalk, inverts: u16): boolean {
  const extra = ruleExtras.lookup((walk.extras + element.interface) >>> 0);
  if (extra === null) return false;
  let differing = 0;
  for (let i = 0; i < 4; i++)
    differing = (differing | ((walk.interface.words[i]! ^ extra.words[i]!) & extra.words[4 + i]!)) >>> 0;
  return isWanted(differing === 0, inverts, ASK_INTERFACE);
}

/** Whole headers. */
function hasHeader(walk: RuleWalk, asks: u16): u32 {
  if (walk.fragment !== 0) {
    // A TCP segment's second fragment that would overwrite the flags (RFC 3128). Of IPv6 iptables lets it be.
    const isHarmful = family.value === 4 && walk.fragment === 1 && (asks & ASK_TCP_HEADER) !== 0;
    return isHarmful ? TOO_SHORT : NO_MATCH;
  }
  const needed = (asks & ASK_TCP_HEADER) !== 0 ? TCP : (asks & ASK_UDP_HEADER) !== 0 ? UDP : SCTP;
  return walk.reach < needed ? TOO_SHORT : MATCH;
}

function matchesTransport(element: RuleElement, walk: RuleWalk, asks: u16, inverts: u16): boolean {
  const reach = walk.reach;
  if ((asks & ASK_FLAGS) !== 0) {
    if (reach < WITH_FLAGS) return false;
    if (!isWanted((walk.flags & element.flagsMask) === element.flags, inverts, ASK_FLAGS)) return false;
  }
  if ((asks & ASK_SOURCE_PORT) !== 0) {
    const port = walk.sourcePort;
    if (reach < ONE_PORT) return false;
    const isIn = port >= element.sourceFirst && port <= element.sourceLast;
    if (!isWanted(isIn, inverts, ASK_SOURCE_PORT)) return false;
  }
  if ((asks & ASK_DESTINATION_PORT) === 0) return true;
  const port = walk.destinationPort;
  if (reach < TWO_PORTS) return false;
  const isIn = port >= element.destinationFirst && port <= element.destinationLast;
  return isWanted(isIn, inverts, ASK_DESTINATION_PORT);
}

function isIn(port: u32, range: u32): boolean {
  return port >= range >>> 16 && port <= (range & 0xffff);
}

/**
 * Whether one of the first `count` ranges of an extra has the source's port, if `asks` has ASK_LISTED_SOURCE, or the destination's; `ports`:
 * source × 65536 + destination. Answers 1 if so. @separate
 */
export function isListed(extraIndex: u32, count: u16, asks: u16, ports: u32): u32 {
  const extra = ruleExtras.lookup(extraIndex);
  if (extra === null) return 0;
  let found = 0;
  for (let i = 0; i < EXTRA_WORDS && i < count; i++) {
    const range = extra.words[i]!;
    if ((asks & ASK_LISTED_SOURCE) !== 0 && isIn(ports >>> 16, range)) found = 1;
    if ((asks & ASK_LISTED_DESTINATION) !== 0 && isIn(ports & 0xffff, range)) found = 1;
  }
  return found;
}

/** Lists of ports. They are inverted by the bit of the source's, whichever are asked for. */
function matchesList(element: RuleElement, walk: RuleWalk, asks: u16, inverts: u16): u32 {
  if (walk.fragment !== 0) return NO_MATCH;
  if (walk.reach < TWO_PORTS) return TOO_SHORT;
  const ports = ((walk.sourcePort << 16) | (walk.destinationPort & 0xffff)) >>> 0;
  const found = isListed((walk.extras + element.ports) >>> 0, element.portCount, asks, ports);
  return isWanted(found !== 0, inverts, ASK_LISTED_SOURCE) ? MATCH : NO_MATCH;
}

/** NO_MATCH, MATCH or TOO_SHORT. */
export function matchOf(element: RuleElement, walk: RuleWalk): u32 {
  const asks = element.asks;
  const inverts = element.inverts;
  if ((asks & ASK_IMPOSSIBLE) !== 0) return NO_MATCH;
  if ((asks & ASK_PROTOCOL) !== 0) {
    const protocol = walk.protocol;
    if (protocol > 0xff) return NO_MATCH;
    if (!isWanted(protocol === element.protocol, inverts, ASK_PROTOCOL)) return NO_MATCH;
  }
  if ((asks & ASK_ADDRESSES) !== 0) {
    const isSame =
      family.value === 6
        ? matchesAddresses6(element, walk, asks, inverts)
        : matchesAddresses4(element, walk, asks, inverts);
    if (!isSame) return NO_MATCH;
  }
  if ((asks & ASK_INTERFACE) !== 0 && !matchesInterface(element, walk, inverts)) return NO_MATCH;
  if ((asks & ASK_FRAGMENT) !== 0 && !isWanted(walk.fragment !== 0, inverts, ASK_FRAGMENT)) return NO_MATCH;
  if ((asks & ASK_HEADERS) !== 0) {
    const has = hasHeader(walk, asks);
    if (has !== MATCH) return has;
  }
  if ((asks & ASK_TRANSPORT) !== 0 && !matchesTransport(element, walk, asks, inverts)) return NO_MATCH;
  if ((asks & ASK_MARK) !== 0) {
    const isSame = (walk.mark & element.markMask) >>> 0 === element.mark;
    if (!isWanted(isSame, inverts, ASK_MARK)) return NO_MATCH;
  }
  return (asks & ASK_LISTED) !== 0 ? matchesList(element, walk, asks, inverts) : MATCH;
}
