// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Which of IPVS's defences are on: secure_tcp, drop_entry and drop_packet. Each has a mode: 0 off, 3 on, 1 and 2 automatic: on while it
 * runs short of what new connections need. To IPVS that is memory, here it is slots of the connection table: the table's
 * size is fixed, and no program could ask for free memory.
 */
import type { u32 } from "../../bpf/index.ts";
import {
  SYSCTL_AM_DROPRATE,
  SYSCTL_AMEMTHRESH,
  SYSCTL_DROP_ENTRY,
  SYSCTL_DROP_PACKET,
  SYSCTL_SECURE_TCP,
} from "../sysctls.ts";
import { DEFENCE_DROP_ENTRY, DEFENCE_SECURE_TCP, DEFENCE_SHORT, pressure, settings } from "../tables.ts";

const ALWAYS = 3;

/** Fewer free slots than an eighth of the table are never asked for, whatever amemthresh says. */
const LARGEST_SHARE = 3;

/** Whether a defence of that mode is on. */
export function isOn(mode: u32, isShort: boolean): boolean {
  return mode === ALWAYS || (isShort && mode !== 0);
}

/** A sysctl as a number that is not negative. */
function positive(value: u32): u32 {
  return value > 0x7fffffff ? 0 : value;
}

/** With fewer free slots than this, automatic defences are on. */
export function threshold(limit: u32): u32 {
  const wanted = positive(settings.at(0).sysctls[SYSCTL_AMEMTHRESH]!);
  return Math.min(wanted, limit >>> LARGEST_SHARE);
}

/** One in how many opening packets is dropped, as drop_packet says; 0: none. The fewer slots are left, the more are dropped. */
function rateOf(mode: u32, least: u32, free: u32): u32 {
  if (mode === ALWAYS) return positive(settings.at(0).sysctls[SYSCTL_AM_DROPRATE]!);
  if (mode === 0 || free >= least) return 0;
  return (least / (least - free)) >>> 0;
}

/** Brings `Pressure` up to date with the sysctls and with how many slots are taken. */
export function updateDefence(): void {
  const now = pressure.at(0);
  const all = settings.at(0);
  const limit = all.connectionLimit;
  const taken = now.taken;
  const free = limit > taken ? (limit - taken) >>> 0 : 0;
  const least = threshold(limit);
  const isShort = free < least;
  let defence = isShort ? DEFENCE_SHORT : 0;
  if (isOn(all.sysctls[SYSCTL_SECURE_TCP]!, isShort)) defence |= DEFENCE_SECURE_TCP;
  if (isOn(all.sysctls[SYSCTL_DROP_ENTRY]!, isShort)) defence |= DEFENCE_DROP_ENTRY;
  if (now.defence !== defence) now.defence = defence;
  const rate = rateOf(all.sysctls[SYSCTL_DROP_PACKET]!, least, free);
  if (now.dropRate !== rate) now.dropRate = rate;
}
