// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** Addresses, and where frames for them go. */
import { array, type Infer, struct, u32, u32be } from "../../bpf/index.ts";

/** An IP address in 32-bit words. IPv4: the first; the others are 0. */
export const Address = struct("Address", { words: array(u32be, 4) });
export type Address = Infer<typeof Address>;

/** Where a frame for some address goes. `interface` 0: not known. Runtime. */
export const NextHop = struct("NextHop", {
  interface: u32,
  /** Tick after which the next packet asks the kernel again (and keeps its neighbour entry alive). */
  checkAgain: u32,
  /** Destination and source link-layer address, as the first 12 bytes of a frame. */
  addresses: array(u32be, 3),
  /** Bytes of the largest IP packet on the way; 0 = not known. */
  mtu: u32,
});
export type NextHop = Infer<typeof NextHop>;
