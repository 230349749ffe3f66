// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The memory that the datapath and the administration share: every map and its layout.
 *
 * Who writes what: *configuration* is written by the administration only, under its lock, and read by the datapath;
 * *runtime* is written by the datapath only. No field has two writers (but for atomic counters, noted where they are).
 *
 * A change of configuration is built aside and becomes visible by one store:
 * - a virtual service exists when `services` has its key with the current `Settings.epoch`; flushing all services is
 *   one store of a new epoch;
 * - everything else about a service (scheduler, flags, its destinations in list order, their weights) is its *pool*.
 *   A service owns two pool slots, 2·index and 2·index+1; the one in use is `Service.pool`. The administration fills the
 *   other one, and its members, then stores `Service.pool`.
 *
 * Slot 0 of serviceTable and destinationTable is never used, so that 0 means "none".
 *
 * Time is counted in *ticks* of 2^27 ns (134 ms) of CLOCK_MONOTONIC: a u32 lasts 18 years.
 */
export * from "./tables/address.ts";
export * from "./tables/connections.ts";
export * from "./tables/destinations.ts";
export * from "./tables/engines.ts";
export * from "./tables/events.ts";
export * from "./tables/fragments.ts";
export * from "./tables/ftp.ts";
export * from "./tables/locality.ts";
export * from "./tables/numbers.ts";
export * from "./tables/pressure.ts";
export * from "./tables/programs.ts";
export * from "./tables/proxied.ts";
export * from "./tables/rules.ts";
export * from "./tables/scratch.ts";
export * from "./tables/segment.ts";
export * from "./tables/servers.ts";
export * from "./tables/services.ts";
export * from "./tables/settings.ts";
export * from "./tables/states.ts";
