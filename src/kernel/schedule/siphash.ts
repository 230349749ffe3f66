// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * SipHash-1-3 (Aumasson and Bernstein) of four bytes: one block, which is the number below the message's length in the top byte;
 * one round for it, three to finish.
 */
import type { u32, u64 } from "../../bpf/index.ts";

const LENGTH_BYTE = 4n << 56n;

/** The low 32 bits of the hash of a number as four little-endian bytes, keyed with `key` twice. */
export function sipHash(value: u32, key: u64): u32 {
  const block = BigInt(value) | LENGTH_BYTE;
  let v0: u64 = key ^ 0x736f6d6570736575n;
  let v1: u64 = key ^ 0x646f72616e646f6dn;
  let v2: u64 = key ^ 0x6c7967656e657261n;
  let v3: u64 = key ^ 0x7465646279746573n ^ block;
  for (let round = 0; round < 4; round++) {
    v0 = BigInt.asUintN(64, v0 + v1);
    v1 = BigInt.asUintN(64, (v1 << 13n) | (v1 >> 51n)) ^ v0;
    v0 = BigInt.asUintN(64, (v0 << 32n) | (v0 >> 32n));
    v2 = BigInt.asUintN(64, v2 + v3);
    v3 = BigInt.asUintN(64, (v3 << 16n) | (v3 >> 48n)) ^ v2;
    v0 = BigInt.asUintN(64, v0 + v3);
    v3 = BigInt.asUintN(64, (v3 << 21n) | (v3 >> 43n)) ^ v0;
    v2 = BigInt.asUintN(64, v2 + v1);
    v1 = BigInt.asUintN(64, (v1 << 17n) | (v1 >> 47n)) ^ v2;
    v2 = BigInt.asUintN(64, (v2 << 32n) | (v2 >> 32n));
    if (round === 0) {
      v0 = v0 ^ block;
      v2 = v2 ^ 0xffn;
    }
  }
  return Number((v0 ^ v1 ^ v2 ^ v3) & 0xffffffffn);
}
