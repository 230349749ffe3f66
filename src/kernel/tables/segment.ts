// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** The segment in hand, while it is changed or cut. Per CPU. */
import { array, bytes, type Infer, perCpuArrayMap, struct, u32, u32be } from "../../bpf/index.ts";

/** TCP options at most, and words of what a server is told: a PROXY header with IPv6 addresses. */
export const TCP_OPTIONS = 40;
export const TOLD_WORDS = 13;
/** Bytes that move when room is made in a super-packet: more than from its IP header to any place that room is made at. */
export const MOVED = 128;

/** The segment in hand: its options and what they were, what is inserted, what moves when room is made for it. Runtime. */
export const Segment = struct("Segment", {
  /** A little longer, so that an option that is cut off can be looked into. */
  options: bytes(TCP_OPTIONS + 4),
  before: bytes(TCP_OPTIONS + 4),
  told: array(u32be, TOLD_WORDS),
  moved: bytes(MOVED),
  behind: bytes(MOVED),
});
export type Segment = Infer<typeof Segment>;
export const segment = perCpuArrayMap("segment", { value: Segment, entries: 1 });

/** Bytes of a packet that are taken out of it for a moment: more than all its headers. */
export const SAVED = 96;
/** Per CPU: how the packet in hand is being cut. */
export const Cut = struct("Cut", {
  /** Where its payload begins in the frame, and how many bytes it, and a piece of it, has. */
  offset: u32,
  total: u32,
  size: u32,
  /** The interface that the pieces go out of, and the MTU that they must fit. */
  out: u32,
  mtu: u32,
  /** IPv4: the fragment field of the packet. */
  fragment: u32,
  isIpv6: u32,
  /** Segments: what the sender's flags were, and the length that the checksum's pseudo-header says. */
  flags: u32,
  said: u32,
  reserved: u32,
  saved: bytes(SAVED),
});
export type Cut = Infer<typeof Cut>;
export const cut = perCpuArrayMap("cut", { value: Cut, entries: 1 });
