// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** IPv6 addresses as 32-bit numbers: words of flows, for which they are hashed, and sums for schedulers. */
import type { u32 } from "../bpf/index.ts";
import { type Address, pressure } from "./tables.ts";

/** −1 modulo 2³²: what takes one off by `atomicAdd`. */
export const MINUS_ONE = 0xffffffff;

/** Odd constants with well-mixed bits (from SplitMix64). */
const FIRST_FACTOR = 0xbf58476d1ce4e5b9n;
const SECOND_FACTOR = 0x94d049bb133111ebn;

/**
 * The word that stands for an IPv6 address in flows: a hash seeded as the flow table is, so that nobody can find two
 * addresses with the same one. Never 0 but for the address ::.
 */
export function addressWord(address: Address): u32 {
  const words = address.words;
  const high = (BigInt(words[0]!) << 32n) | BigInt(words[1]!);
  const low = (BigInt(words[2]!) << 32n) | BigInt(words[3]!);
  if (high === 0n && low === 0n) return 0;
  const first = BigInt.asUintN(64, (high ^ BigInt(pressure.at(0).seed)) * FIRST_FACTOR);
  const second = BigInt.asUintN(64, ((first ^ (first >> 29n)) + low) * SECOND_FACTOR);
  const word = Number((second ^ (second >> 32n)) & 0xffffffffn);
  return word === 0 ? 1 : word;
}

/** What schedulers that hash addresses take an IPv6 one for (recordings: scheduling/hash-*): its words, each bit by exclusive or. */
export function foldedOf(address: Address): u32 {
  const words = address.words;
  return (words[0]! ^ words[1]! ^ words[2]! ^ words[3]!) >>> 0;
}

/** Whether two addresses are the same. */
export function isSame(a: Address, b: Address): boolean {
  return (
    a.words[0]! === b.words[0]! &&
    a.words[1]! === b.words[1]! &&
    a.words[2]! === b.words[2]! &&
    a.words[3]! === b.words[3]!
  );
}
