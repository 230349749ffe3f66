// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What holds for the whole network namespace. Configuration. */
import { array, arrayMap, hashMap, type Infer, ipv4, struct, u32 } from "../../bpf/index.ts";
import { Address } from "./address.ts";
import { STATES } from "./states.ts";

/** Bump with every change of a layout: state left by another version is refused, not misread. */
export const LAYOUT_VERSION = 5;

/** log2 of the nanoseconds in a tick. */
export const TICK_SHIFT = 27n;

/** One per namespace. */
export const Settings = struct("Settings", {
  layout: u32,
  /** Services of another epoch do not exist. */
  epoch: u32,
  /** Ticks that a connection lives in each state without a packet, indexed by STATE_*. */
  timeouts: array(u32, STATES),
  /** The values of sysctls, by their SYSCTL_* index (sysctls.ts). */
  sysctls: array(u32, 64),
  /** Slots of connectionTable, and the number of possible CPUs. */
  connectionLimit: u32,
  cpus: u32,
  /** 1 + the highest destination slot ever used: the estimator walks no further. */
  destinationEnd: u32,
  /** Not 0 while a command is changing the configuration: found set, the next command repairs the secondary tables. */
  dirty: u32,
});
export type Settings = Infer<typeof Settings>;
export const settings = arrayMap("settings", { value: Settings, entries: 1, mappable: true });

/**
 * The director's own addresses on an interface, by its index: ICMP errors of ours come from there. 0: it has none. Configuration.
 */
export const InterfaceAddresses = struct("InterfaceAddresses", { ipv6: Address, ipv4 });
export type InterfaceAddresses = Infer<typeof InterfaceAddresses>;
export const interfaceAddresses = hashMap("if_addresses", {
  key: u32,
  value: InterfaceAddresses,
  entries: 1024,
});

export const HostAddress = struct("HostAddress", { present: u32 });
/** IPv6 addresses of all interfaces of the host, but for those of one link: an ICMPv6 error about a packet to one comes from there. Configuration. */
export const hostAddresses = hashMap("host_addresses", {
  key: Address,
  value: HostAddress,
  entries: 65536,
  preallocate: false,
});
