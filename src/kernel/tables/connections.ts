// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** Connections, and the flows by which packets find them. */
import {
  array,
  arrayMap,
  type Infer,
  ipv4,
  perCpuArrayMap,
  struct,
  u16,
  u16be,
  u32,
} from "../../bpf/index.ts";
import { Address, NextHop } from "./address.ts";

/**
 * Parts of `Connection.kind`. What flows are told apart by (KIND_OF_FLOW): bits 0–7 IP protocol, 8 IPv6, 9 a persistence
 * template, 10 a template of a service by mark, 15 a template that goes by what a persistence engine found in the payload. Then:
 * bits 11–13 FORWARD_*; 14: replies are never seen.
 */
export const KIND_PROTOCOL = 0xff;
export const KIND_IPV6 = 0x100;
export const KIND_TEMPLATE = 0x200;
export const KIND_MARK = 0x400;
export const KIND_ENGINE = 0x8000;
export const KIND_OF_FLOW = 0x87ff;
export const KIND_FORWARD_SHIFT = 11;
export const KIND_NO_OUTPUT = 0x4000;

/**
 * A flow: one direction of a connection as its packets look before we touch them. IPv6 addresses are represented by
 * *words*: seeded hashes of 32 bits (words.ts); the addresses themselves are then in `Scratch.source` and `.destination`.
 */
export const FlowKey = struct("FlowKey", {
  source: ipv4,
  destination: ipv4,
  sourcePort: u16be,
  destinationPort: u16be,
  /** KIND_*, no more than KIND_OF_FLOW. */
  kind: u32,
});
export type FlowKey = Infer<typeof FlowKey>;

export const FROM_CLIENT = 0;
export const FROM_SERVER = 1;

/**
 * A word of the flow table; 0: free. Bits 0–6: tag, a part of the flow's hash, never 0; bit 7: direction (FROM_CLIENT, FROM_SERVER);
 * 8–31: slot of the connection. Taken and replaced by compare-and-exchange.
 */
export const FlowWord = struct("FlowWord", { word: u32 });
export type FlowWord = Infer<typeof FlowWord>;

/** Words of a bucket. */
export const FLOW_WAYS = 7;

/** Half a cache line of the flow table. `overflow`: how many flows whose bucket this is are in the next one. */
export const FlowBucket = struct("FlowBucket", { overflow: u32, ways: array(FlowWord, FLOW_WAYS) });
export type FlowBucket = Infer<typeof FlowBucket>;

/**
 * Which connection a packet belongs to: a hash table of our own, whose elements are the connections themselves. Each has two
 * words in it: client → virtual service, and real server → client. There is a bucket for each slot of connectionTable. Runtime.
 *
 * The kernel's hash maps would do, but take 5 times the memory and, for a new flow, 5 times as long.
 */
export const flows = arrayMap("flows", { value: FlowBucket, entries: 262144, mappable: true });

/**
 * A connection: 64 bytes, one cache line. Runtime. A word of `flows` only suggests one, so whoever follows it compares the
 * addresses and ports here with the packet's. Of IPv6 addresses it holds the words; the addresses are in `wide`.
 *
 * A persistence template is one too: its client is masked, its client port 0, its virtual address that of the service, or the mark.
 * One that goes by a Call-ID (KIND_ENGINE) has a hash of it for a client and its port; the Call-ID itself is in `callIds`, the client of whom
 * it was made is `local`, or of IPv6 in `wide`.
 */
export const Connection = struct("Connection", {
  client: ipv4,
  virtual: ipv4,
  clientPort: u16be,
  virtualPort: u16be,
  server: ipv4,
  serverPort: u16be,
  /** KIND_*. */
  kind: u16,
  /** Bits 0–7 STATE_*, bit 8: counted as inactive, bit 9: being removed, bit 10: to end, bit 11: its payload is read, 16–31 generation. By compare-and-exchange. */
  state: u32,
  /** Tick at which it ends unless a packet comes. */
  expires: u32,
  destination: u16,
  /** Whom the server sees as its peer: the client, or under FullNAT an address and port of the director. */
  localPort: u16be,
  local: ipv4,
  /** The template, or FTP control connection, that it follows (control.ts); 0: none. Of a template: how many connections follow it (atomic). */
  control: u32,
  /** Towards the client. */
  hop: NextHop,
});
export type Connection = Infer<typeof Connection>;
export const connectionTable = arrayMap("connections", {
  value: Connection,
  entries: 262144,
  mappable: true,
});

/** The addresses of an IPv6 connection, in the same slot as the connection. Runtime. */
export const Wide = struct("Wide", { client: Address, virtual: Address, server: Address, local: Address });
export type Wide = Infer<typeof Wide>;
export const wide = arrayMap("wide", { value: Wide, entries: 262144, mappable: true });

/**
 * When the sweeper next looks at a connection: a tick; 0 = the slot is free (taken by compare-and-exchange).
 * Never later than the connection's `expires` was when that last became sooner. A connection being removed keeps its slot
 * until the sweeper comes by once more, so that no program still running sees it reused.
 */
export const Due = struct("Due", { tick: u32, reserved: u32 });
export type Due = Infer<typeof Due>;
export const due = arrayMap("due", { value: Due, entries: 262144, mappable: true });

/** Where each CPU looks for the next free connection slot. Runtime. */
export const Allocator = struct("Allocator", { next: u32, started: u32 });
export type Allocator = Infer<typeof Allocator>;
export const allocator = perCpuArrayMap("allocator", { value: Allocator, entries: 1 });

/** The way from a virtual address to a client seen lately; `client` 0: none. Runtime. */
export const ClientHop = struct("ClientHop", { client: u32, virtual: u32, hop: NextHop });
export type ClientHop = Infer<typeof ClientHop>;
export const clientHops = perCpuArrayMap("client_hops", { value: ClientHop, entries: 4096 });
