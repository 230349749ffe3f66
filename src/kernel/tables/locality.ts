// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What lblc and lblcr remember. */
import { array, type Infer, lruHashMap, perCpuArrayMap, struct, u32 } from "../../bpf/index.ts";
import { Address } from "./address.ts";

/**
 * What lblc and lblcr remember of a destination address that clients' packets go to. Runtime. `run` is another with every start of
 * the service's scheduler, so that what it remembered before is void. Of IPv4 the address is the first word.
 */
export const LocalityKey = struct("LocalityKey", { service: u32, run: u32, address: Address });
export type LocalityKey = Infer<typeof LocalityKey>;

/**
 * lblc: the server (a word of schedule/server-word.ts; 0: none) and the tick at which it was last used. Writers may overwrite each other,
 * and the map may give the element to another key at any time: what is read here is a hint that is checked.
 */
export const Locality = struct("Locality", { server: u32, usedAt: u32 });
export type Locality = Infer<typeof Locality>;
export const localities = lruHashMap("localities", { key: LocalityKey, value: Locality, entries: 32768 });

/** Servers that lblcr remembers for an address, at most. */
export const LOCALITY_SERVERS = 32;

/** lblcr: the servers, oldest first, the tick at which their number last changed, and that of the last use. */
export const LocalitySet = struct("LocalitySet", {
  usedAt: u32,
  changedAt: u32,
  count: u32,
  reserved: u32,
  servers: array(u32, LOCALITY_SERVERS),
});
export type LocalitySet = Infer<typeof LocalitySet>;
export const localitySets = lruHashMap("locality_sets", {
  key: LocalityKey,
  value: LocalitySet,
  entries: 16384,
});
/** Per CPU: the set in hand, copied here to be searched and changed. */
export const setInHand = perCpuArrayMap("set_in_hand", { value: LocalitySet, entries: 1 });
