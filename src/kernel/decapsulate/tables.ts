// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What a real server's end of tunnels is told: for whom it takes packets out, and by which port GUE comes. */
import { array, hashMap, type Infer, option, perCpuArrayMap, struct, u32be, u64 } from "../../bpf/index.ts";

/** An address as words: IPv4 in the first, the rest 0. */
export const AddressWords = struct("AddressWords", { words: array(u32be, 4) });
export type AddressWords = Infer<typeof AddressWords>;

/** What came for an address, on all CPUs. */
export const Decapsulated = struct("Decapsulated", { packets: u64 });
export type Decapsulated = Infer<typeof Decapsulated>;

/** The virtual addresses of this server: only packets to these are taken out of tunnels. */
export const decapsulatedAddresses = hashMap("decapsulated", {
  key: AddressWords,
  value: Decapsulated,
  entries: 4096,
  preallocate: false,
});

/** The UDP port that GUE comes by; 0: it does not. */
export const guePort = option("guePort", 0);

/** Bytes that are summed at once: the most that all kernels take. */
export const CHUNK = 512;
export const CHUNK_WORDS = CHUNK / 8;

/** Room for a part of a packet on its way to the checksum helper. */
export const SumRoom = struct("SumRoom", { words: array(u64, CHUNK_WORDS) });
export type SumRoom = Infer<typeof SumRoom>;
export const sumRoom = perCpuArrayMap("decap_sums", { value: SumRoom, entries: 1 });
