// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { u32 } from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { scratch } from "../tables.ts";

/** ICMP errors that each CPU sends in a tick, at most: about 950 a second, as many as the kernel itself would send. */
const PER_TICK = 128;

/** Takes one from this tick's share of ICMP errors, if there is one left. */
export function mayAnswer(): boolean {
  const mine = scratch.lookup(0);
  if (mine === null) return false;
  const now = currentTick();
  if (mine.answersAt !== now) {
    mine.answersAt = now;
    mine.answers = 0;
  }
  if (mine.answers >= PER_TICK) return false;
  mine.answers = mine.answers + 1;
  return true;
}

/** Whether an address may be answered: not "this host", loopback, multicast, broadcast or reserved (RFC 1122 3.2.2). */
export function isUnicast(address: u32): boolean {
  const network = address >>> 24;
  return network !== 0 && network !== 127 && network < 224;
}
