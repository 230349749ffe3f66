// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The rate estimator: about every two seconds, for each destination, the traffic since the last time becomes a rate per second
 * and the shown rate moves a quarter of the way towards it (as in IPVS). The destinations of one round are spread over
 * its ticks. Rates follow the time that really passed, so a late timer does not show as more traffic.
 */
import { divide64, type Infer, make, repeat, struct, u32, u64 } from "../../bpf/index.ts";
import { cpus } from "../options.ts";
import { SYSCTL_RUN_ESTIMATION } from "../sysctls.ts";
import { Counters, counters, destinationTable, estimates, settings } from "../tables.ts";

/** Ticks of a round: 2.01 s. */
export const TICKS_A_ROUND = 15;

/** Scales of the shown rates: packets and connections by 2^10, bytes by 2^5; and 2^8 more while computing. */
const PACKET_SCALE = 1n << 18n;
const BYTE_SCALE = 1n << 13n;
const EXTRA_BITS = 8n;

const SECOND = 1_000_000_000n;

export const Estimation = struct("Estimation", {
  /** What one packet, or byte, in a round is as a rate per second, scaled. */
  packetFactor: u64,
  byteFactor: u64,
  start: u32,
  reserved: u32,
});
export type Estimation = Infer<typeof Estimation>;

/** A quarter of the way from `average` to `rate`, rounded down. */
export function approach(average: u64, rate: u64): u64 {
  if (rate >= average) return BigInt.asUintN(64, average + (BigInt.asUintN(64, rate - average) >> 2n));
  return BigInt.asUintN(64, average - (BigInt.asUintN(64, average - rate + 3n) >> 2n));
}

/** The new average after `now − last` in a round. */
function follow(average: u64, last: u64, now: u64, factor: u64): u64 {
  const growth = BigInt.asUintN(64, now - last);
  return approach(average, BigInt.asUintN(64, growth * factor) >> EXTRA_BITS);
}

/** The counters of a destination, summed over all CPUs. */
function total(destination: u32, sum: Counters): void {
  for (let i = 0; i < cpus.value; i++) {
    const part = counters.lookupOn(destination, i);
    if (part === null) return;
    sum.connections = sum.connections + part.connections;
    sum.inPackets = sum.inPackets + part.inPackets;
    sum.inBytes = sum.inBytes + part.inBytes;
    sum.outPackets = sum.outPackets + part.outPackets;
    sum.outBytes = sum.outBytes + part.outBytes;
  }
}

function estimateOne(round: u32, context: Estimation): u32 {
  const destination = (context.start + round) >>> 0;
  const server = destinationTable.lookup(destination);
  const estimate = estimates.lookup(destination);
  if (server === null || estimate === null) return 1;
  if (server.inUse === 0) return 0;
  const now = make(Counters);
  total(destination, now);
  const last = estimate.last;
  const packets = context.packetFactor;
  const bytes = context.byteFactor;
  estimate.connectionRate = follow(estimate.connectionRate, last.connections, now.connections, packets);
  estimate.inPacketRate = follow(estimate.inPacketRate, last.inPackets, now.inPackets, packets);
  estimate.outPacketRate = follow(estimate.outPacketRate, last.outPackets, now.outPackets, packets);
  estimate.inByteRate = follow(estimate.inByteRate, last.inBytes, now.inBytes, bytes);
  estimate.outByteRate = follow(estimate.outByteRate, last.outBytes, now.outBytes, bytes);
  estimate.last = now;
  return 0;
}

/** Does a tick's share of a round, from destination `position` on; `interval` ns is how long rounds take. Returns where to go on. Nothing while sysctl run_estimation is 0. */
export function estimateFrom(position: u32, interval: u64): u32 {
  if (settings.at(0).sysctls[SYSCTL_RUN_ESTIMATION]! === 0) return position;
  const end = settings.at(0).destinationEnd;
  if (position >= end || interval === 0n) return position;
  const share = Math.trunc((end + TICKS_A_ROUND - 1) / TICKS_A_ROUND);
  const left = (end - position) >>> 0;
  const rounds = Math.min(left, share);
  const context = make(Estimation, {
    packetFactor: divide64(PACKET_SCALE * SECOND, interval),
    byteFactor: divide64(BYTE_SCALE * SECOND, interval),
    start: position,
  });
  repeat(rounds, estimateOne, context);
  return (position + rounds) >>> 0;
}
