// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Packets that the kernel is to send on, or to deliver, once they are translated: those for this host itself, and those that must be
 * fragmented where that cannot be done here (`mayCut`). The kernel ages what it forwards, so they get back the hop that was taken off.
 *
 * What has one of this host's own addresses for its source (a virtual address, or that of a tunnel's end) is refused as forged
 * where it came in, but taken from the loopback interface, where `accept_local` is on. It comes by this program there again, and is
 * known by its frame's source.
 */
import { type Packet, REDIRECT_INGRESS, redirect, TC_NEXT, TC_SHOT, type u32 } from "../../bpf/index.ts";
import { Ipv4, LINK_HEADER, Link, LOOPBACK } from "../headers.ts";
import { FROM_CLIENT } from "../tables.ts";
import { fold } from "./checksum.ts";

/** "LVS", as part of a locally administered link-layer address: 02:00:4c:56:53:00. */
const SOURCE_BEGINS = 0x0200;
const SOURCE_ENDS = 0x4c565300;

/** Whether a frame from the loopback interface is one of ours. */
export function isHandedOver(packet: Packet): boolean {
  const link = packet.header(Link, 0);
  if (link === null) return false;
  return (link.addresses[1]! & 0xffff) === SOURCE_BEGINS && link.addresses[2]! === SOURCE_ENDS;
}

/** Takes back `age` of IPv4. */
export function rejuvenate(packet: Packet): void {
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return;
  ip.lifetime = ip.lifetime + 1;
  ip.checksum = fold((~ip.checksum & 0xffff) + 0x0100);
}

/** Lets a packet in by the loopback interface. Returns the verdict. */
export function enterLoopback(packet: Packet): u32 {
  const link = packet.header(Link, 0);
  if (link === null) return TC_SHOT;
  // The loopback interface's own address: all zeroes.
  link.addresses[0] = 0;
  link.addresses[1] = SOURCE_BEGINS;
  link.addresses[2] = SOURCE_ENDS;
  return redirect(LOOPBACK, REDIRECT_INGRESS);
}

/** Hands over a translated IPv4 packet, of which a server's has the virtual address for its source. Returns the verdict. */
export function handOver(packet: Packet, direction: u32): u32 {
  rejuvenate(packet);
  return direction === FROM_CLIENT ? TC_NEXT : enterLoopback(packet);
}
