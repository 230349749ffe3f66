// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** Gives packets marks before the director sees them. */
import { type Packet, TC_NEXT, type u32 } from "../../../bpf/index.ts";
import { Link } from "../../../kernel/headers.ts";

/** The mark is the last byte of the frame's source address. */
export function markBySource(packet: Packet): u32 {
  const link = packet.header(Link, 0);
  if (link !== null) packet.mark = link.addresses[2]! & 0xff;
  return TC_NEXT;
}
