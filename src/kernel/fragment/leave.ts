// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { type Packet, TC_NEXT, TC_SHOT, type u32 } from "../../bpf/index.ts";
import { findTransport, IS_FRAGMENT, NO_TRANSPORT } from "../extensions.ts";
import { NO_CONNECTION } from "../flow.ts";
import { Ipv4, LINK_HEADER, MORE_FRAGMENTS } from "../headers.ts";
import { family } from "../options.ts";
import { WAY_LEFT } from "../tables.ts";
import { rememberFragments } from "./remember.ts";

/**
 * A packet that is left to the kernel's stack: if it is a datagram's first fragment, so are the others. Returns the verdict.
 * @separate
 */
export function leave(packet: Packet): u32 {
  let at = 0;
  if (family.value === 6) {
    const found = findTransport(packet, LINK_HEADER);
    if (found === NO_TRANSPORT || (found & IS_FRAGMENT) === 0) return TC_NEXT;
    at = (found >>> 8) & 0xfff;
  } else {
    const ip = packet.header(Ipv4, LINK_HEADER);
    if (ip === null || (ip.fragment & MORE_FRAGMENTS) === 0) return TC_NEXT;
    at = LINK_HEADER + (ip.versionLength & 15) * 4;
  }
  return rememberFragments(packet, at, NO_CONNECTION, 0, WAY_LEFT) === 0 ? TC_NEXT : TC_SHOT;
}
