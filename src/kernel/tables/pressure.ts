// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** The time, and how full the connection table is. */
import { arrayMap, type Infer, struct, u32 } from "../../bpf/index.ts";

/** Bits of `Pressure.defence`: secure_tcp and drop_entry are on; slots of the connection table run out. */
export const DEFENCE_SECURE_TCP = 1;
export const DEFENCE_DROP_ENTRY = 2;
export const DEFENCE_SHORT = 4;

/** What all packets share: the time, and how it stands with the connection table. Runtime. */
export const Pressure = struct("Pressure", {
  /** Tick at which a new flow last found no room; 0 = never. Until long after, packets may belong to flows without state. */
  fullAt: u32,
  /** Makes the flow table's hash different from boot to boot, so that nobody can aim at a bucket. Set before the first packet. */
  seed: u32,
  /** The present tick, as of the last run of the timer. */
  now: u32,
  /** Tick at which a fragment was last kept until the first of its datagram comes. */
  heldAt: u32,
  /** DEFENCE_*: which defences are on. */
  defence: u32,
  /** Slots of the connection table that were taken in the sweeper's last circle. */
  taken: u32,
  /** One in so many packets that would open a connection is dropped; 0: none. */
  dropRate: u32,
  spare: u32,
});
export type Pressure = Infer<typeof Pressure>;
export const pressure = arrayMap("pressure", { value: Pressure, entries: 1, mappable: true });
