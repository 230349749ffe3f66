// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * SCTP's checksum (RFC 9260 appendix A): CRC32c of the whole packet. It is linear: if bytes change, the checksum changes by the
 * (raw) CRC of the change, and zeroes after the change only shift that. So changed ports, which come first, are accounted for
 * from the packet's length alone.
 *
 * A CRC register is shifted by 2^k zero bytes with a table: for each of its eight nibbles, what becomes of each value.
 */
import { constants, type Packet, swap32, type u16, u32 } from "../../bpf/index.ts";
import { Sctp } from "../headers.ts";

const POLYNOMIAL = 0x82f63b78;
/** Lengths are less than 2^16. */
const SHIFTS = 16;
const NIBBLES = 8;

type Operator = (register: number) => number;

function shiftByOneByte(register: number): number {
  let shifted = register;
  for (let bit = 0; bit < 8; bit++) {
    shifted = ((shifted >>> 1) ^ ((shifted & 1) === 0 ? 0 : POLYNOMIAL)) >>> 0;
  }
  return shifted;
}

/** An operator's table: value v of nibble n at 16·n + v. */
function tableOf(operator: Operator): number[] {
  return Array.from({ length: 16 * NIBBLES }, (_, i) => operator(((i & 15) << (4 * (i >>> 4))) >>> 0));
}

function operatorOf(table: readonly number[]): Operator {
  return (register) => {
    let shifted = 0;
    for (let i = 0; i < NIBBLES; i++) shifted ^= table[16 * i + ((register >>> (4 * i)) & 15)]!;
    return shifted >>> 0;
  };
}

function allTables(): number[] {
  const tables: number[] = [];
  let table = tableOf(shiftByOneByte);
  for (let k = 0; k < SHIFTS; k++) {
    tables.push(...table);
    const once = operatorOf(table);
    table = tableOf((register) => once(once(register)));
  }
  return tables;
}

/** 2^k zero bytes: at 128·k. */
export const crcShifts = constants("crc_shifts", u32, allTables());

/** A CRC register after `length` zero bytes. */
export function shiftRegister(register: u32, length: u16): u32 {
  let shifted = register;
  for (let k = 0; k < SHIFTS; k++) {
    if (((length >>> k) & 1) !== 0) {
      const table = 16 * NIBBLES * k;
      let next = 0;
      for (let i = 0; i < NIBBLES; i++) {
        next = (next ^ crcShifts.at(table + 16 * i + ((shifted >>> (4 * i)) & 15))) >>> 0;
      }
      shifted = next;
    }
  }
  return shifted;
}

/**
 * Corrects the checksum of an SCTP packet, which begins at `transport` and has `length` bytes, after its ports (source × 65536 +
 * destination) changed from `from` to `to`. A field of 0 stays: then the device is to fill it in. @separate
 */
export function replaceSctpChecksum(packet: Packet, transport: u16, length: u16, from: u32, to: u32): u32 {
  const sctp = packet.header(Sctp, transport);
  if (sctp === null || sctp.checksum === 0 || from === to) return 0;
  const change = shiftRegister(swap32((from ^ to) >>> 0), length);
  const changed = packet.header(Sctp, transport);
  if (changed !== null) changed.checksum = (changed.checksum ^ swap32(change)) >>> 0;
  return 0;
}
