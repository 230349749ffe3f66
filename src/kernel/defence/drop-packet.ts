// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { pressure, scratch } from "../tables.ts";

/**
 * drop_packet: whether a packet that would open a connection to a virtual service may go on. One in `Pressure.dropRate` may not, the
 * first of each CPU among them (recordings: defence.json).
 */
export function mayAdmit(): boolean {
  const rate = pressure.at(0).dropRate;
  if (rate === 0) return true;
  const mine = scratch.lookup(0);
  if (mine === null) return true;
  const count = mine.opening;
  mine.opening = (count + 1) >>> 0;
  return (count % rate) >>> 0 !== 0;
}
