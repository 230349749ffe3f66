// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Rules that give marks, as the datapath evaluates them. There are two places for the set of each family: the administration
 * fills the one that is not in use, then stores `RuleSets.generation`, whose lowest bit says which one is.
 *
 * A set is a flat list of conditions with something to do behind them. A chain is a range of it. A rule whose conditions do not
 * fit into one element takes several, all but the last of which do ACTION_ALSO.
 */
import {
  array,
  arrayMap,
  bytes,
  hashMap,
  type Infer,
  perCpuArrayMap,
  struct,
  u8,
  u16,
  u32,
  u64,
} from "../../bpf/index.ts";

/** Places: two for each family. */
const PLACES = 4;

/** Elements of a set, and of its extras. */
export const RULES_A_SET = 32768;
export const EXTRAS_A_SET = 32768;

/** Counters of a family: those of the set in use and those of the one that is to follow. */
export const COUNTERS_A_FAMILY = 36864;

/** Bits of `RuleElement.asks` and `.inverts`: what an element asks of a packet. */
export const ASK_SOURCE = 0x1;
export const ASK_DESTINATION = 0x2;
export const ASK_INTERFACE = 0x4;
export const ASK_PROTOCOL = 0x8;
/** It is a fragment other than the first. */
export const ASK_FRAGMENT = 0x10;
/** It has the whole header of that protocol. Later fragments do not match; a packet that is too short is dropped. */
export const ASK_TCP_HEADER = 0x20;
export const ASK_UDP_HEADER = 0x40;
export const ASK_SCTP_HEADER = 0x80;
/** TCP flags and ports. A packet that does not have them does not match, whether inverted or not. */
export const ASK_FLAGS = 0x100;
export const ASK_SOURCE_PORT = 0x200;
export const ASK_DESTINATION_PORT = 0x400;
export const ASK_MARK = 0x800;
/** One of the listed ports is the source's; the destination's; with both bits: one of the two. A packet without ports is dropped. */
export const ASK_LISTED_SOURCE = 0x1000;
export const ASK_LISTED_DESTINATION = 0x2000;
/** What no packet is. */
export const ASK_IMPOSSIBLE = 0x4000;

/** What is done with a packet that an element matches. */
export const ACTION_NONE = 0;
/** The rule goes on in the next element. */
export const ACTION_ALSO = 1;
export const ACTION_ACCEPT = 2;
export const ACTION_DROP = 3;
export const ACTION_RETURN = 4;
/** mark = (mark & ~`second`) ^ `first`. */
export const ACTION_MARK = 5;
/** The chain `first` … `second` is next; a jump comes back, and goto does not. */
export const ACTION_JUMP = 6;
export const ACTION_GOTO = 7;

/** One element: 64 bytes, a cache line. Numbers of elements, extras and counters count from where those of the set, or family, begin. */
export const RuleElement = struct("RuleElement", {
  /** IPv4: addresses and masks as numbers. */
  source: u32,
  sourceMask: u32,
  destination: u32,
  destinationMask: u32,
  asks: u16,
  inverts: u16,
  protocol: u8,
  flagsMask: u8,
  flags: u8,
  action: u8,
  /** Both ends are in it. */
  sourceFirst: u16,
  sourceLast: u16,
  destinationFirst: u16,
  destinationLast: u16,
  mark: u32,
  markMask: u32,
  /** What the action works with. */
  first: u32,
  second: u32,
  /** The element that the next rule of the chain begins with. */
  next: u32,
  counter: u32,
  /** Numbers of extras: IPv6 addresses (RuleAddresses), the interface, ports. */
  addresses: u16,
  interface: u16,
  ports: u16,
  /** How many ranges of ports there are. */
  portCount: u16,
});
export type RuleElement = Infer<typeof RuleElement>;
export const ruleElements = arrayMap("rules", {
  value: RuleElement,
  entries: PLACES * RULES_A_SET,
  mappable: true,
});

/** Words of an extra. */
export const EXTRA_WORDS = 16;

/**
 * What does not fit into an element. Of IPv6 addresses: source, its mask, destination, its mask, four words each. Of an interface: a name's
 * 16 bytes as four words, most significant byte first, and a mask of them. Of ports: first × 65536 + last, a word a range.
 */
export const RuleExtra = struct("RuleExtra", { words: array(u32, EXTRA_WORDS) });
export type RuleExtra = Infer<typeof RuleExtra>;
export const ruleExtras = arrayMap("rule_extras", {
  value: RuleExtra,
  entries: PLACES * EXTRAS_A_SET,
  mappable: true,
});

/** Four words that are compared with others: an IPv6 address, or an interface's name, most significant byte first. */
export const RuleWords = struct("RuleWords", { words: array(u32, 4) });
export type RuleWords = Infer<typeof RuleWords>;

/** Packets and bytes that came to a rule or fell to a policy. The first half of the map is IPv4's. Runtime. */
export const RuleCount = struct("RuleCount", { packets: u64, bytes: u64 });
export type RuleCount = Infer<typeof RuleCount>;
export const ruleCounts = perCpuArrayMap("rule_counts", { value: RuleCount, entries: 2 * COUNTERS_A_FAMILY });

/** A set: the built-in chain's range of elements, its policy, and the policy's counter. */
export const RulePlace = struct("RulePlace", {
  start: u32,
  end: u32,
  /** ACTION_ACCEPT or ACTION_DROP. */
  policy: u32,
  counter: u32,
  /** Not 0: packets may be dropped. */
  drops: u32,
  /** Bytes of the set as people gave it, compressed, in `rule_texts`. */
  textLength: u32,
  reserved: array(u32, 2),
});
export type RulePlace = Infer<typeof RulePlace>;

/** The sets of a family. `generation` 0: there never was one. */
export const RuleSets = struct("RuleSets", { generation: u32, reserved: u32, places: array(RulePlace, 2) });
export type RuleSets = Infer<typeof RuleSets>;
/** IPv4's is the first. */
export const ruleSets = arrayMap("rule_sets", { value: RuleSets, entries: 2, mappable: true });

/** The sets as people gave them: what elements do not tell (names, comments, order). In blocks. For the administration only. */
export const TEXT_BLOCK = 4096;
export const BLOCKS_A_TEXT = 512;
export const RuleText = struct("RuleText", { bytes: bytes(TEXT_BLOCK) });
export type RuleText = Infer<typeof RuleText>;
export const ruleTexts = arrayMap("rule_texts", {
  value: RuleText,
  entries: PLACES * BLOCKS_A_TEXT,
  mappable: true,
});

/**
 * Where rules can drop packets: whether those of a connection are, by direction. Bits 0: they are; 1–16 the connection's generation; 32–63
 * that of the rules. Runtime.
 */
export const RuleVerdict = struct("RuleVerdict", { word: u64 });
export type RuleVerdict = Infer<typeof RuleVerdict>;
export const RuleVerdicts = struct("RuleVerdicts", { ways: array(RuleVerdict, 2) });
export type RuleVerdicts = Infer<typeof RuleVerdicts>;
export const ruleVerdicts = arrayMap("rule_verdicts", { value: RuleVerdicts, entries: 262144 });

/** How deep chains may call chains: as nftables, which is below the iptables of today. */
export const RULE_DEPTH = 16;

/** The rest of a chain that called another. */
export const RuleReturn = struct("RuleReturn", { position: u32, end: u32 });
export type RuleReturn = Infer<typeof RuleReturn>;

/** A packet on its way through the rules: what they ask of it, and where it is. */
export const RuleWalk = struct("RuleWalk", {
  source: RuleWords,
  destination: RuleWords,
  /** The name of the interface that it came in by. */
  interface: RuleWords,
  /** The IP protocol; 0x100: it cannot be told. */
  protocol: u32,
  /** Where a fragment's payload belongs in the datagram; 0: it is the first, or whole. In units of 8 bytes. */
  fragment: u32,
  /** Bytes of the transport header and what is behind it; 0 of later fragments. */
  reach: u32,
  sourcePort: u32,
  destinationPort: u32,
  flags: u32,
  /** Bytes of the IP packet. */
  length: u32,
  mark: u32,
  /** Where the set's elements and extras begin, and the family's counters. */
  elements: u32,
  extras: u32,
  counters: u32,
  policy: u32,
  policyCounter: u32,
  /** The next element, and the end of the chain. */
  position: u32,
  end: u32,
  depth: u32,
  /** ACTION_ACCEPT or ACTION_DROP once it is known. */
  verdict: u32,
  reserved: u32,
  returns: array(RuleReturn, RULE_DEPTH),
});
export type RuleWalk = Infer<typeof RuleWalk>;

/** Names of interfaces by their index. There may be more interfaces: they have no name. Configuration. */
export const interfaceNames = hashMap("if_names", { key: u32, value: RuleWords, entries: 8192 });
