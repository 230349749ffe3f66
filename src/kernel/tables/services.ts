// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** Virtual services and their pools. */
import { arrayMap, hashMap, type Infer, struct, u8, u16, u16be, u32, u64 } from "../../bpf/index.ts";
import { Address } from "./address.ts";

/** Values of `ServiceKey.kind`: an address and port of that family, or a firewall mark for packets of that family. */
export const SERVICE_IPV4 = 4;
export const SERVICE_IPV6 = 6;
export const SERVICE_MARK = 0x80;

/**
 * Key of a virtual service: virtual address, port (0: every port) and protocol. Of a service by mark: the mark in the
 * address's first word, port and protocol 0.
 */
export const ServiceKey = struct("ServiceKey", { address: Address, port: u16be, protocol: u8, kind: u8 });
export type ServiceKey = Infer<typeof ServiceKey>;

export const ServiceEntry = struct("ServiceEntry", { service: u32, epoch: u32 });
export type ServiceEntry = Infer<typeof ServiceEntry>;
export const services = hashMap("services", { key: ServiceKey, value: ServiceEntry, entries: 16384 });

/** A virtual service. */
export const Service = struct("Service", {
  key: ServiceKey,
  /** Configuration: the pool in use, 2·index or 2·index+1. The one store that publishes a change. */
  pool: u32,
  /** Configuration: not 0 while the slot is taken. */
  inUse: u32,
  /**
   * Runtime of the scheduler, changed by compare-and-exchange. rr: bits 0–15 position in the pool, 16–39 destination
   * last chosen, 40–63 low bits of the pool's generation. wrr: bits 0–15 position plus 1 (0: before the
   * first), 16–46 current weight, 47–63 low bits of the generation. Of another generation it is void. lblc, lblcr: bits 0–31
   * `LocalityKey.run`, 32–63 the tick at which it began; 0: to be drawn.
   */
  cursor: u64,
});
export type Service = Infer<typeof Service>;
export const serviceTable = arrayMap("service_table", { value: Service, entries: 16384, mappable: true });

/** Bits of `Pool.flags`: the three that schedulers may give a meaning to; one-packet scheduling; how FullNAT servers get to know the client; persistence by Call-ID. */
export const POOL_FLAG_1 = 1;
export const POOL_FLAG_2 = 2;
export const POOL_FLAG_3 = 4;
export const POOL_ONE_PACKET = 8;
export const POOL_TOA = 16;
export const POOL_PROXY = 32;
export const POOL_SIP = 64;

/** All that is configured about a service, built aside. */
export const Pool = struct("Pool", {
  scheduler: u32,
  flags: u32,
  /** Ticks that a persistence template lives after its last connection; 0: the service is not persistent. */
  persistence: u32,
  /** What counts of a client's address under persistence, as a mask. */
  mask: Address,
  /** sh, dh, mh: where the scheduler's table begins in `buckets`. */
  bucketStart: u32,
  /** FullNAT: the local addresses are `localAddresses[localStart … localStart+localCount)`. */
  localStart: u32,
  localCount: u32,
  /** Grows with every change of the service: a scheduler that sees a new one brings its cursor up to date. */
  generation: u32,
  /** The members are `members[start … start+count)`, in IPVS's list order (the server added last comes first). */
  start: u32,
  count: u32,
  /** Of the members' weights: the largest, and the greatest common divisor of those above 0 (1 if there are none). */
  maximumWeight: u32,
  weightDivisor: u32,
  /**
   * Weighted round robin: the current weight to begin with: after an edit `currentWeightAfterEdit` (wrr-weight.ts) of what it
   * was before, which the service's cursor says, or the previous pool if nothing was scheduled with it.
   */
  initialWeight: u32,
  /**
   * Round robin: the position to continue after: that of the server last chosen, or, if it has been removed, of the one
   * before it; 0xffff: from the start.
   */
  resume: u32,
  /**
   * Always 0, but the verifier cannot know. Kernels before 6.8 take what a callback finds in its context for what it was at the
   * first call, and remove code that would be dead then; so what callbacks change begins with this.
   */
  zero: u32,
});
export type Pool = Infer<typeof Pool>;
export const pools = arrayMap("pools", { value: Pool, entries: 32768, mappable: true });

/** A destination as member of a pool. */
export const Member = struct("Member", { destination: u32, weight: u32 });
export type Member = Infer<typeof Member>;
export const members = arrayMap("members", { value: Member, entries: 262144, mappable: true });

/**
 * The tables of sh, dh and mh: slots of destinations (0: nobody), 256 of them for sh and dh, 4093 for mh. Built by the
 * administration, which owns `buckets[pool.bucketStart … )` as it owns a pool's members.
 */
export const Bucket = struct("Bucket", { destination: u16 });
export type Bucket = Infer<typeof Bucket>;
export const buckets = arrayMap("buckets", { value: Bucket, entries: 1048576, mappable: true });

/** The local addresses of FullNAT services. Configuration. */
export const localAddresses = arrayMap("local_addresses", { value: Address, entries: 16384, mappable: true });
