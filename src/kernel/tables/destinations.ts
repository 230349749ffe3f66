// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** Real servers, and the traffic that is counted for them. */
import { arrayMap, type Infer, perCpuArrayMap, struct, u8, u16, u16be, u32, u64 } from "../../bpf/index.ts";
import { Address, NextHop } from "./address.ts";

/** A real server of one service. Its slot stays taken while connections refer to it, so that it can come back. */
export const Destination = struct("Destination", {
  /** Configuration. */
  address: Address,
  port: u16be,
  /** FORWARD_*. */
  forward: u8,
  /** 0: removed; packets of its connections are dropped. */
  available: u8,
  /** 4 or 6: of its address; differs from the service's only under FORWARD_TUNNEL. */
  family: u8,
  /** FORWARD_TUNNEL: TUNNEL_* type, checksums and (gue) UDP port. */
  tunnelType: u8,
  tunnelChecksum: u8,
  /** Its address is one of the director's own: packets for it go up the stack. */
  isLocal: u8,
  tunnelPort: u16be,
  reserved: u16,
  /** The director's own address towards it: source of tunnels, and of FullNAT without local addresses. Of its family; 0: not known. */
  source: Address,
  /** Configuration: connections above which it takes no more, and below which it takes them again; 0 = none. */
  upper: u32,
  lower: u32,
  service: u32,
  /** Configuration: not 0 while the slot is taken. */
  inUse: u32,
  /** Runtime, atomic: connections that are established or opening; all others; persistence templates. */
  active: u32,
  inactive: u32,
  persistent: u32,
  /**
   * Runtime: the `upper` that the number of its connections has reached; 0: none. It counts as overloaded while that
   * is not below the present `upper`: raising or removing the threshold frees it at once.
   */
  overloaded: u32,
  /** Runtime: FullNAT: where the search for a free local port goes on. */
  portCursor: u32,
  /** Configuration: its weight, and the last one above 0 (mh). */
  weight: u32,
  lastWeight: u32,
  spare: u32,
  /** Runtime. */
  hop: NextHop,
});
export type Destination = Infer<typeof Destination>;
export const destinationTable = arrayMap("destinations", {
  value: Destination,
  entries: 65536,
  mappable: true,
});

/** Traffic of a destination. A service's is the sum over its destinations and `retired`. Runtime (per CPU). */
export const Counters = struct("Counters", {
  connections: u64,
  inPackets: u64,
  inBytes: u64,
  outPackets: u64,
  outBytes: u64,
});
export type Counters = Infer<typeof Counters>;
export const counters = perCpuArrayMap("counters", { value: Counters, entries: 65536 });

/** The estimator of a destination: counters at the last round and moving averages, scaled as in IPVS. Runtime. */
export const Estimate = struct("Estimate", {
  last: Counters,
  /** Scaled by 2^10 (connections and packets per second) and 2^5 (bytes per second). */
  connectionRate: u64,
  inPacketRate: u64,
  outPacketRate: u64,
  inByteRate: u64,
  outByteRate: u64,
});
export type Estimate = Infer<typeof Estimate>;
export const estimates = arrayMap("estimates", { value: Estimate, entries: 65536, mappable: true });

/** Counters that zeroing and removed destinations leave behind. Configuration (never touched by the datapath). */
export const Baseline = struct("Baseline", { counters: Counters });
export type Baseline = Infer<typeof Baseline>;
/** What counted when a destination was last zeroed: shown = counted − baseline. */
export const destinationBaseline = arrayMap("dest_baseline", {
  value: Baseline,
  entries: 65536,
  mappable: true,
});
/** What a service adds to the sum of its destinations (traffic of removed ones). */
export const serviceRetired = arrayMap("service_retired", {
  value: Baseline,
  entries: 16384,
  mappable: true,
});
