// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What is known of datagrams that come in fragments. */
import { arrayMap, bytes, type Infer, lruHashMap, struct, u32 } from "../../bpf/index.ts";
import { ServerKey } from "./servers.ts";

/** The datagram that a fragment is part of. Of IPv6 the addresses are words; protocol: IPv4's, or KIND_IPV6. */
export const DatagramKey = struct("DatagramKey", {
  source: u32,
  destination: u32,
  identification: u32,
  protocol: u32,
});
export type DatagramKey = Infer<typeof DatagramKey>;

/** Values of `Datagram.way` besides FROM_CLIENT and FROM_SERVER: not ours; not to be forwarded. */
export const WAY_LEFT = 2;
export const WAY_DROPPED = 3;

/** What became of a datagram's first fragment, and so becomes of the others. Runtime. */
export const Datagram = struct("Datagram", {
  /** FROM_CLIENT, FROM_SERVER or WAY_*. */
  way: u32,
  /** Tick after which this is void. */
  until: u32,
  /** The connection's slot and state word (of which the generation counts), or NO_CONNECTION. */
  connection: u32,
  state: u32,
  /** Without a connection: the slot of the destination. */
  destination: u32,
  /** How many bytes of the datagram the first fragment had. */
  covered: u32,
  /** Without a connection, from a server: its key in `servers`. */
  server: ServerKey,
});
export type Datagram = Infer<typeof Datagram>;
export const datagrams = lruHashMap("datagrams", { key: DatagramKey, value: Datagram, entries: 8192 });

/** Values of `HeldFragment.owner`. */
export const HELD_FREE = 0;
export const HELD_CHANGING = 1;
export const HELD = 2;

/** The longest frame that can be held. */
export const HELD_FRAME = 2016;

/** A frame with a fragment that came before the first one of its datagram. Runtime. */
export const HeldFragment = struct("HeldFragment", {
  /** HELD_*: changed by compare-and-exchange. */
  owner: u32,
  /** Tick after which it is nobody's. */
  until: u32,
  key: DatagramKey,
  /** Bytes of the frame, and the interface it came in by. */
  length: u32,
  interface: u32,
  frame: bytes(HELD_FRAME),
});
export type HeldFragment = Infer<typeof HeldFragment>;

/** Places of held fragments: a datagram may take those of one bucket. */
export const HELD_BUCKETS = 16;
export const HELD_WAYS = 16;
export const heldFragments = arrayMap("held_fragments", {
  value: HeldFragment,
  entries: HELD_BUCKETS * HELD_WAYS,
});
