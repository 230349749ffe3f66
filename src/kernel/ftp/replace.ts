// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** Replaces a text in a segment by one of another length, with all lengths and checksums. */
import {
  CHECKSUM_PSEUDO_HEADER,
  checksumDifference,
  loadBytes,
  type Packet,
  replaceL4Checksum,
  STORE_RECOMPUTE_CHECKSUM,
  storeBytes,
  swap16,
  swap32,
  type u16,
  type u32,
} from "../../bpf/index.ts";
import { adaptTcp, lengthen } from "../forward/client-address/insert.ts";
import { closeRoom, makeRoom, replaceForAll } from "../forward/client-address/room.ts";
import { NO_SUM, sumOf } from "../forward/sum-of.ts";
import { LINK_HEADER, TCP_CHECKSUM } from "../headers.ts";
import { type Connection, FTP_TEXT, type FtpEdit, type FtpWork, ftpWork } from "../tables.ts";

const ZERO = 48;
const COMMA = 44;

/** Writes a number up to 65535 in digits at `at` of the text; answers where it ends. */
function writeNumber(work: FtpWork, at: u32, value: u32): u32 {
  let end = at;
  let divisor = 10000;
  let begun = false;
  for (let i = 0; i < 5; i++) {
    const digit = ((value / divisor) >>> 0) % 10;
    if (digit !== 0 || begun || i === 4) {
      begun = true;
      work.text[end & (FTP_TEXT - 1)] = ZERO + digit;
      end = (end + 1) >>> 0;
    }
    divisor = (divisor / 10) >>> 0;
  }
  return end;
}

function writeComma(work: FtpWork, at: u32): u32 {
  work.text[at & (FTP_TEXT - 1)] = COMMA;
  return (at + 1) >>> 0;
}

/** Writes what an edit puts in its place as `work.text`: the port, or the virtual address and port with commas. Answers its length. */
export function writeText(work: FtpWork, edit: FtpEdit, connection: Connection): u32 {
  if (edit.hasAddress === 0) return writeNumber(work, 0, edit.port);
  let at = 0;
  for (let i = 0; i < 4; i++) {
    at = writeNumber(work, at, (connection.virtual >>> (24 - 8 * i)) & 0xff);
    at = writeComma(work, at);
  }
  at = writeNumber(work, at, edit.port >>> 8);
  at = writeComma(work, at);
  return writeNumber(work, at, edit.port & 0xff);
}

/** Bytes as they are now, and as they will be; each may begin with one that stays (`parity`), so that words are words of the checksum. */
function prepare(packet: Packet, work: FtpWork, at: u32, parity: u32): boolean {
  for (let i = 0; i < FTP_TEXT; i++) {
    work.before[i] = 0;
    work.after[i] = 0;
  }
  const length = work.removed + parity;
  if (length >= 1) {
    if (length > FTP_TEXT || loadBytes(packet, at, work.before, length) !== 0) return false;
  }
  if (parity !== 0) work.after[0] = work.before[0]!;
  const inserted = work.inserted;
  for (let i = 0; i < FTP_TEXT - 1; i++) {
    if (i >= inserted) break;
    work.after[(i + parity) & (FTP_TEXT - 1)] = work.text[(i + work.offset) & (FTP_TEXT - 1)]!;
  }
  return true;
}

/** Moves what is behind the text, up to `end`. An odd way swaps the bytes of all its words in the checksum. */
function move(packet: Packet, transport: u16, work: FtpWork, end: u32): boolean {
  const removed = work.removed;
  const inserted = work.inserted;
  const behind = (work.position + removed) >>> 0;
  if (packet.gsoSize !== 0) return replaceForAll(packet, work.position, removed, inserted);
  if (behind > end) return false;
  const isOdd = ((removed ^ inserted) & 1) !== 0 && behind < end;
  const sum = isOdd ? sumOf(packet, behind, (end - behind) >>> 0) : 0;
  if (sum === NO_SUM) return false;
  if (inserted > removed) {
    if (!makeRoom(packet, behind, end, (inserted - removed) >>> 0)) return false;
  } else if (!closeRoom(packet, (work.position + inserted) >>> 0, end, (removed - inserted) >>> 0)) {
    return false;
  }
  if (!isOdd) return true;
  const swapped = ((behind - transport) & 1) !== 0;
  const words = sum & 0xffff;
  const turned = swap16(words);
  const before = swapped ? turned : words;
  const after = swapped ? words : turned;
  replaceL4Checksum(packet, transport + TCP_CHECKSUM, swap16(before), swap16(after), 2);
  return true;
}

/**
 * Replaces `work.removed` bytes at `work.position` by `work.inserted` bytes of `work.text` from `work.offset` on. `length`: of the
 * IP packet, which is whole; its TCP header begins at `transport`. False: the packet is spoilt. @separate
 */
export function replaceText(packet: Packet, transport: u16, length: u32): boolean {
  const work = ftpWork.lookup(0);
  if (work === null) return false;
  const parity = (work.position - transport) & 1;
  const at = (work.position - parity) >>> 0;
  const removed = work.removed;
  const inserted = work.inserted;
  if (removed >= FTP_TEXT || inserted >= FTP_TEXT || !prepare(packet, work, at, parity)) return false;
  const change = (inserted - removed) | 0;
  if (change !== 0 && !move(packet, transport, work, (length + LINK_HEADER) >>> 0)) return false;
  const count = inserted + parity;
  if (count >= 1) {
    if (count > FTP_TEXT || storeBytes(packet, at, work.after, STORE_RECOMPUTE_CHECKSUM, count) !== 0)
      return false;
  }
  const checksum = transport + TCP_CHECKSUM;
  if (change !== 0) {
    lengthen(packet, change >>> 0);
    adaptTcp(packet, transport, change >>> 0, false);
    const inside = (length + LINK_HEADER - transport) >>> 0;
    const flags = CHECKSUM_PSEUDO_HEADER | 4;
    replaceL4Checksum(packet, checksum, swap32(inside), swap32((inside + change) >>> 0), flags);
  }
  replaceL4Checksum(packet, checksum, 0, checksumDifference(work.before, work.after, 0), 0);
  return true;
}
