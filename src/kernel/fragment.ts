// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { type Packet, TC_NEXT, type u32 } from "../bpf/index.ts";

/**
 * A part of a fragmented datagram. Not balanced yet: all parts, the first one included, go to the kernel's stack, which
 * puts them together and finds them addressed to itself.
 */
export function fragment(_packet: Packet): u32 {
  return TC_NEXT;
}
