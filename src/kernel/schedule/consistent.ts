// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * A choice that needs no memory, for flows that found no room in the connection table: weighted rendezvous hashing. Each
 * member draws a number from the flow and its own slot and the luckiest wins, so that a flow comes to the same server
 * on every CPU, whatever the order of the list; when a member comes or goes, only flows that it wins or loses move.
 *
 * A draw u (uniform in 0 … 1) becomes −log2(u) / weight, an exponential variable of which a member's weight is the rate: the
 * least is the member's with probability proportional to its weight.
 */
import { type Infer, make, repeat, struct, trace, u32, u64 } from "../../bpf/index.ts";
import { hashWith } from "../flow.ts";
import { type FlowKey, members, type Pool } from "../tables.ts";

/** Mixes 64 bits so that every input bit affects every output bit (the finalizer of SplitMix64). */
export function mix(value: u64): u64 {
  const first = BigInt.asUintN(64, (value ^ (value >> 30n)) * 0xbf58476d1ce4e5b9n);
  const second = BigInt.asUintN(64, (first ^ (first >> 27n)) * 0x94d049bb133111ebn);
  return second ^ (second >> 31n);
}

/**
 * −log2(n / 2^32) in units of 2^−16, about; n is 0 (taken for 1) … 2^32−1. Between powers of two the logarithm is taken to be a
 * parabola, which is at most 0.01 off.
 */
export function surprise(n: u32): u32 {
  let mantissa = n;
  let zeros = 0;
  if (mantissa < 0x10000) {
    mantissa = (mantissa << 16) >>> 0;
    zeros += 16;
  }
  if (mantissa < 0x1000000) {
    mantissa = (mantissa << 8) >>> 0;
    zeros += 8;
  }
  if (mantissa < 0x10000000) {
    mantissa = (mantissa << 4) >>> 0;
    zeros += 4;
  }
  if (mantissa < 0x40000000) {
    mantissa = (mantissa << 2) >>> 0;
    zeros += 2;
  }
  if (mantissa < 0x80000000) {
    mantissa = (mantissa << 1) >>> 0;
    zeros += 1;
  }
  // The mantissa is 2^31 … 2^32−1: 1.0 … 2.0, of which the part after the point counts.
  const fraction = (mantissa >>> 15) & 0xffff;
  const bulge = (Math.trunc((fraction * (0x10000 - fraction)) / 0x10000) * 22_487) >>> 16;
  return (zeros * 0x10000 + 0x10000 - fraction - bulge) >>> 0;
}

export const Draw = struct("Draw", {
  hash: u64,
  start: u32,
  /** The best so far: what it drew, its weight, and the destination (0: none). */
  drawn: u32,
  weight: u32,
  chosen: u32,
});
export type Draw = Infer<typeof Draw>;

function drawStep(position: u32, draw: Draw): u32 {
  const member = members.lookup((draw.start + position) >>> 0);
  if (member === null) return 1;
  const weight = member.weight;
  if (weight === 0) return 0;
  const destination = member.destination;
  const mixed = mix(BigInt.asUintN(64, draw.hash + BigInt(destination) * 0x9e3779b97f4a7c15n));
  const drawn = surprise(Number(mixed & 0xffffffffn));
  trace("drawn", destination, drawn, weight);
  if (draw.chosen !== 0 && BigInt(drawn) * BigInt(draw.weight) >= BigInt(draw.drawn) * BigInt(weight))
    return 0;
  draw.drawn = drawn;
  draw.weight = weight;
  draw.chosen = destination;
  return 0;
}

/** The destination of the pool that a flow belongs to; 0: no member has a weight. */
export function chooseConsistently(pool: Pool, key: FlowKey): u32 {
  const unknown = pool.zero;
  const draw = make(Draw, {
    hash: hashWith(key, 0),
    start: pool.start,
    drawn: unknown,
    weight: unknown,
    chosen: unknown,
  });
  repeat(pool.count, drawStep, draw);
  return draw.chosen;
}
