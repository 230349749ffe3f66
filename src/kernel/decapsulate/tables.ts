// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What a real server's end of tunnels is told: for whom it takes packets out, and of which tunnels. */
import { array, hashMap, type Infer, perCpuArrayMap, struct, u32, u32be, u64 } from "../../bpf/index.ts";

/** An address as words: IPv4 in the first, the rest 0. */
export const AddressWords = struct("AddressWords", { words: array(u32be, 4) });
export type AddressWords = Infer<typeof AddressWords>;

/** Kinds of tunnels, as bits of {@link Decapsulated}. */
export const TUNNEL_IP_IN_IP = 1;
export const TUNNEL_GUE = 2;
export const TUNNEL_GRE = 4;

/** What is taken out for an address. */
export const Decapsulated = struct("Decapsulated", {
  /** How many came, on all CPUs. */
  packets: u64,
  /** The kinds of tunnels that it comes in. */
  tunnels: u32,
  /** The UDP port that GUE comes by. */
  guePort: u32,
});
export type Decapsulated = Infer<typeof Decapsulated>;

/** The virtual addresses of this server: only packets to these are taken out of tunnels. */
export const decapsulatedAddresses = hashMap("decapsulated", {
  key: AddressWords,
  value: Decapsulated,
  entries: 4096,
  preallocate: false,
});

/** Bytes that are summed at once: the most that all kernels take. */
export const CHUNK = 512;
export const CHUNK_WORDS = CHUNK / 8;

/** Room for a part of a packet on its way to the checksum helper. */
export const SumRoom = struct("SumRoom", { words: array(u64, CHUNK_WORDS) });
export type SumRoom = Infer<typeof SumRoom>;
export const sumRoom = perCpuArrayMap("decap_sums", { value: SumRoom, entries: 1 });
