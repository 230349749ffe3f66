// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { make, type Packet, type u16, type u32 } from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { DatagramKey } from "../tables.ts";
import { release } from "./hold.ts";
import { NO_PART, partOf } from "./part.ts";

/**
 * Before the rules see a datagram's first fragment: if others wait for it, all are queued again, so that it comes to the rules when
 * none wait, and once. Answers 1: then the packet is used up. `at`: where its payload begins (part.ts). @separate
 */
export function releaseHeld(packet: Packet, at: u16): u32 {
  const key = make(DatagramKey);
  if (partOf(packet, at, key) === NO_PART) return 0;
  return release(packet, key, currentTick()) ? 1 : 0;
}
