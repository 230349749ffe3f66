// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Traffic of destinations. As in IPVS (recordings of packets): bytes are of IP packets, headers included; ICMP errors
 * count with the connection they are about. A super-packet counts as the packets it will be on the wire.
 */
import { type Packet, trace, type u32 } from "../bpf/index.ts";
import { counters, FROM_CLIENT } from "./tables.ts";

/** How many packets on the wire this one stands for. */
export function packetsOf(packet: Packet): u32 {
  const segments = packet.gsoSegments;
  return Math.max(segments, 1);
}

/** Counts `packets` of together `bytes` in one direction of a destination. */
export function countTraffic(destination: u32, direction: u32, packets: u32, bytes: u32): void {
  const mine = counters.lookup(destination);
  if (mine === null) return;
  trace("counted", destination, direction, packets, bytes);
  if (direction === FROM_CLIENT) {
    mine.inPackets = mine.inPackets + BigInt(packets);
    mine.inBytes = mine.inBytes + BigInt(bytes);
  } else {
    mine.outPackets = mine.outPackets + BigInt(packets);
    mine.outBytes = mine.outBytes + BigInt(bytes);
  }
}

/** Counts a new connection of a destination. */
export function countConnection(destination: u32): void {
  const mine = counters.lookup(destination);
  trace("counted-connection", destination);
  if (mine !== null) mine.connections = mine.connections + 1n;
}
