/** Helpers that read, write, move and resize packets. Offsets and lengths are bytes from the Ethernet header. */
import { intrinsic } from "../intrinsic.ts";
import type { Packet } from "../packet.ts";
import type { s32, u32, u64 } from "../schema/types.ts";
import { type Place, placeOf } from "../schema/view-base.ts";
import { simulated } from "../simulator/packet.ts";
import * as room from "../simulator/packet-room.ts";
import { helper, length, packet, reference, value } from "./lower.ts";

const MOVES = { invalidatesPackets: true };

/** Flags of `storeBytes`: keep CHECKSUM_COMPLETE right; forget the flow hash. */
export const STORE_RECOMPUTE_CHECKSUM = 1;
export const STORE_INVALIDATE_HASH = 2;

/** Modes of `adjustRoom`: between the network header and what follows it; between the Ethernet and the network header. */
export const ROOM_NETWORK = 0;
export const ROOM_MAC = 1;

/** Flags of `adjustRoom`: what the new room is for, or the lost room was. */
export const ROOM_FIXED_GSO = 1n;
export const ROOM_ENCAPSULATE_IPV4 = 2n;
export const ROOM_ENCAPSULATE_IPV6 = 4n;
export const ROOM_ENCAPSULATE_GRE = 8n;
export const ROOM_ENCAPSULATE_UDP = 16n;
export const ROOM_NO_CHECKSUM_RESET = 32n;
/** Linux ≥ 5.20: an inner Ethernet header; its length in bytes goes into bits 56 to 63. */
export const ROOM_ENCAPSULATE_ETHERNET = 64n;
/** Linux ≥ 6.3. */
export const ROOM_DECAPSULATE_IPV4 = 128n;
export const ROOM_DECAPSULATE_IPV6 = 256n;

/**
 * Makes the first `end` bytes directly accessible to `packet.header` (0: those that are linear already), and writable.
 * Returns 0 or -12 (ENOMEM: the packet is shorter, or there is no memory).
 */
export const pullData = intrinsic(
  helper(39, "skb_pull_data", [packet(0), value(1)], "s32", MOVES),
  (target: Packet, end: u32): s32 => simulated(target).pull(end),
);

/** Bytes of `length` at a place; all of it if there is none. Throws RangeError: the compiler refuses such lengths. */
function partOf(reference: object, length: number | undefined): Place {
  const place = placeOf(reference);
  if (length === undefined) return place;
  if (Number.isInteger(length) && length >= 1 && length <= place.size) return { ...place, size: length };
  throw new RangeError(`the length must be 1 to ${place.size}, not ${length}`);
}

/**
 * Fills `target`, or its first `length` bytes, from the packet, wherever its bytes lie. `length` is known to be from 1 to
 * target's size. Returns 0, or -14 (EFAULT: not all there; those bytes are zeroed).
 */
export const loadBytes = intrinsic(
  helper(26, "skb_load_bytes", [packet(0), value(1), reference(2), length(3, 2)], "s32"),
  (source: Packet, offset: u32, target: object, count?: u32): s32 => {
    const place = partOf(target, count);
    return simulated(source).load(offset, place.data, place.at, place.size);
  },
);

/**
 * Writes `source`, or its first `length` bytes (from 1 to its size), into the packet. Returns 0, -14 (EFAULT: not all
 * there) or -22 (EINVAL: flags).
 */
export const storeBytes = intrinsic(
  helper(9, "skb_store_bytes", [packet(0), value(1), reference(2), length(4, 2), value(3)], "s32", MOVES),
  (target: Packet, offset: u32, source: object, flags: u32, count?: u32): s32 => {
    const place = partOf(source, count);
    return simulated(target).store(offset, place.data, place.at, place.size, flags);
  },
);

/**
 * Cuts or extends (with zeroes) the packet's end, to `end` bytes in all. `flags` is 0. Returns 0, -22 (EINVAL) or -524 (ENOTSUPP:
 * it was encapsulated by `adjustRoom`).
 */
export const changeTail = intrinsic(
  helper(38, "skb_change_tail", [packet(0), value(1), value(2)], "s32", MOVES),
  (target: Packet, end: u32, flags: u64): s32 => room.changeTail(simulated(target), end, flags),
);

/** Puts `added` zero bytes before the Ethernet header. `flags` is 0. Returns 0 or -22 (EINVAL). */
export const changeHead = intrinsic(
  helper(43, "skb_change_head", [packet(0), value(1), value(2)], "s32", MOVES),
  (target: Packet, added: u32, flags: u64): s32 => room.changeHead(simulated(target), added, flags),
);

/**
 * Inserts (`delta` > 0: zeroed) or removes (< 0) bytes behind the network header or before it, and adapts the GSO size.
 * Returns 0, -22 (EINVAL: flags), -14 (EFAULT: more than 4095 bytes) or -524 (ENOTSUPP: neither IPv4 nor IPv6, no room).
 */
export const adjustRoom = intrinsic(
  helper(50, "skb_adjust_room", [packet(0), value(1), value(2), value(3)], "s32", MOVES),
  (target: Packet, delta: s32, mode: u32, flags: u64): s32 =>
    room.adjustRoom(simulated(target), delta, mode, flags),
);

/**
 * Makes an IPv4 packet an IPv6 packet for the stack, with 20 zero bytes of room before its network header, or an IPv6 packet
 * an IPv4 packet, without the first 20 bytes of it: what the headers are to say is for the program to write. `protocol` as it
 * lies in memory: `swap16(0x86dd)`. `flags` is 0. Returns 0, -22 (EINVAL: flags) or -524 (ENOTSUPP: other protocols).
 */
export const changeProtocol = intrinsic(
  helper(31, "skb_change_proto", [packet(0), value(1), value(2)], "s32", MOVES),
  (target: Packet, protocol: u32, flags: u64): s32 => room.changeProtocol(simulated(target), protocol, flags),
);
