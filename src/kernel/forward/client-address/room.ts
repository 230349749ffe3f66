// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Room inside a packet, behind its transport header or in front of its options.
 *
 * If the checksum is left to the device, the kernel remembers where the transport header is, and a program can neither see
 * that nor change it. So in a packet it is what is behind the room that moves. A super-packet must not be lengthened at its
 * end, so there the headers move: more than them is taken out of it first, at which the kernel forgets that the checksum was left to
 * someone, and computes it when it cuts the packet into segments.
 */
import {
  adjustRoom,
  changeTail,
  loadBytes,
  type Packet,
  ROOM_FIXED_GSO,
  ROOM_NETWORK,
  STORE_RECOMPUTE_CHECKSUM,
  storeBytes,
  type u32,
} from "../../../bpf/index.ts";
import { IPV4_HEADER, IPV6_HEADER, LINK_HEADER } from "../../headers.ts";
import { family } from "../../options.ts";
import { MOVED, segment, WINDOW, window } from "../../tables.ts";

/** Windows that may move: 16 KiB, more than a packet that is not a super-packet can be. */
const MOST_WINDOWS = 32;

/** Makes room for `count` bytes at `at` in a packet that ends at `end`. False: then it is of no more use. @separate */
export function makeRoom(packet: Packet, at: u32, end: u32, count: u32): boolean {
  const part = window.lookup(0);
  if (part === null || at > end || end > 0xffff || count > 64) return false;
  if (changeTail(packet, end + count, 0n) !== 0) return false;
  let left = (end - at) >>> 0;
  for (let i = 0; i < MOST_WINDOWS; i++) {
    if (left === 0) break;
    const size = Math.max(Math.min(left, WINDOW), 1);
    left = (left - size) >>> 0;
    const from = (at + left) >>> 0;
    if (loadBytes(packet, from, part.bytes, size) !== 0) return false;
    if (storeBytes(packet, (from + count) >>> 0, part.bytes, 0, size) !== 0) return false;
  }
  return left === 0;
}

/** Takes `count` bytes at `at` out of a packet that ends at `end`. False: then it is of no more use. @separate */
export function closeRoom(packet: Packet, at: u32, end: u32, count: u32): boolean {
  const part = window.lookup(0);
  if (part === null || end > 0xffff || count > 64 || at + count > end) return false;
  let left = (end - at - count) >>> 0;
  let to = at;
  for (let i = 0; i < MOST_WINDOWS; i++) {
    if (left === 0) break;
    const size = Math.max(Math.min(left, WINDOW), 1);
    left = (left - size) >>> 0;
    if (loadBytes(packet, (to + count) >>> 0, part.bytes, size) !== 0) return false;
    if (storeBytes(packet, to, part.bytes, STORE_RECOMPUTE_CHECKSUM, size) !== 0) return false;
    to = (to + size) >>> 0;
  }
  return left === 0 && changeTail(packet, (end - count) >>> 0, 0n) === 0;
}

/** `makeRoom` in a super-packet. */
export function makeRoomForAll(packet: Packet, at: u32, count: u32): boolean {
  return count >= 1 && replaceForAll(packet, at, 0, count);
}

/** Makes room for `count` bytes at `at` in a super-packet, in place of `removed` bytes there. False: then it is of no more use. */
export function replaceForAll(packet: Packet, at: u32, removed: u32, count: u32): boolean {
  const start = LINK_HEADER + (family.value === 6 ? IPV6_HEADER : IPV4_HEADER);
  const work = segment.lookup(0);
  if (work === null || removed > 64 || count > 64) return false;
  if (at <= start || at >= start + MOVED) return false;
  const before = at - start;
  const behind = start + MOVED - at - removed;
  if (behind < 1 || behind > MOVED) return false;
  if (loadBytes(packet, start, work.moved) !== 0) return false;
  if (loadBytes(packet, (at + removed) >>> 0, work.behind, behind) !== 0) return false;
  if (adjustRoom(packet, -MOVED, ROOM_NETWORK, ROOM_FIXED_GSO) !== 0) return false;
  if (adjustRoom(packet, MOVED + count - removed, ROOM_NETWORK, ROOM_FIXED_GSO) !== 0) return false;
  if (storeBytes(packet, start, work.moved, STORE_RECOMPUTE_CHECKSUM, before) !== 0) return false;
  return storeBytes(packet, at + count, work.behind, STORE_RECOMPUTE_CHECKSUM, behind) === 0;
}
