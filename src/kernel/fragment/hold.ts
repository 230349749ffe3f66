// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Fragments that come before the first one of their datagram wait here for it, for about a second: a bounded store, which
 * nobody can make larger. Once the first has come, both it and they are queued at their interface again, in order, and take the ordinary
 * way: that of a known datagram.
 */
import {
  atomicCompareExchange,
  atomicExchange,
  changeTail,
  cloneRedirect,
  copy,
  loadBytes,
  type Packet,
  REDIRECT_INGRESS,
  readOnce,
  STORE_RECOMPUTE_CHECKSUM,
  storeBytes,
  type u32,
} from "../../bpf/index.ts";
import { LINK_HEADER } from "../headers.ts";
import {
  type DatagramKey,
  HELD,
  HELD_BUCKETS,
  HELD_CHANGING,
  HELD_FRAME,
  HELD_FREE,
  HELD_WAYS,
  type HeldFragment,
  heldFragments,
  pressure,
} from "../tables.ts";

/** Ticks that a fragment waits: about a second. */
const PATIENCE = 8;

/** No place. */
export const NO_PLACE = 0xffffffff;

/** An odd constant with well-mixed bits. */
const FACTOR = 0x9e3779b1;

/** The first place of a datagram's bucket. */
function bucketOf(key: DatagramKey): u32 {
  const mixed =
    (key.source ^ key.destination ^ key.identification ^ key.protocol ^ pressure.at(0).seed) >>> 0;
  return ((Math.imul(mixed, FACTOR) >>> 16) % HELD_BUCKETS) * HELD_WAYS;
}

/** Whether a fragment that is held is of that datagram. */
function isOf(held: HeldFragment, key: DatagramKey): boolean {
  return (
    held.key.source === key.source &&
    held.key.destination === key.destination &&
    held.key.identification === key.identification &&
    held.key.protocol === key.protocol
  );
}

/** Takes a place of the datagram's bucket: a free one, or one whose fragment has waited long enough. NO_PLACE: there is none. */
function takePlace(key: DatagramKey, now: u32): u32 {
  const bucket = bucketOf(key);
  for (let i = 0; i < HELD_WAYS; i++) {
    const held = heldFragments.lookup((bucket + i) >>> 0);
    if (held !== null) {
      const owner = readOnce(held, "owner");
      const isFree = owner === HELD_FREE || (owner === HELD && held.until < now);
      if (isFree && atomicCompareExchange(held, "owner", owner, HELD_CHANGING) === owner) {
        return (bucket + i) >>> 0;
      }
    }
  }
  return NO_PLACE;
}

/** Keeps a copy of the packet. Answers its place, or NO_PLACE: there is no room, or it is too long. */
export function hold(packet: Packet, key: DatagramKey, now: u32): u32 {
  const length = packet.length;
  if (length < LINK_HEADER || length > HELD_FRAME) return NO_PLACE;
  const place = takePlace(key, now);
  const held = heldFragments.lookup(place);
  if (held === null) return NO_PLACE;
  copy(held.key, key);
  held.until = (now + PATIENCE) >>> 0;
  held.length = length;
  held.interface = packet.ifindex;
  const isThere = loadBytes(packet, 0, held.frame, length) === 0;
  pressure.at(0).heldAt = now;
  // All of it is there before anybody takes it for held.
  atomicExchange(held, "owner", isThere ? HELD : HELD_FREE);
  return isThere ? place : NO_PLACE;
}

/** Takes back what was held. False: somebody has released it, or took its place. */
export function takeBack(place: u32): boolean {
  const held = heldFragments.lookup(place);
  return held !== null && atomicCompareExchange(held, "owner", HELD, HELD_FREE) === HELD;
}

/** Makes the packet what is held, and queues it where that came in. */
function requeue(packet: Packet, place: u32): void {
  const held = heldFragments.lookup(place);
  if (held === null) return;
  const length = held.length;
  if (length < LINK_HEADER || length > HELD_FRAME) return;
  if (changeTail(packet, length, 0n) !== 0) return;
  if (storeBytes(packet, 0, held.frame, STORE_RECOMPUTE_CHECKSUM, length) !== 0) return;
  cloneRedirect(packet, held.interface, REDIRECT_INGRESS);
}

/**
 * If fragments of its datagram are held: queues the packet, the first fragment, where it came in, and they behind it, and
 * answers true: the packet itself is used up then.
 */
export function release(packet: Packet, key: DatagramKey, now: u32): boolean {
  const heldAt = pressure.at(0).heldAt;
  if (heldAt === 0 || heldAt + PATIENCE < now) return false;
  const bucket = bucketOf(key);
  let isUsed = false;
  for (let i = 0; i < HELD_WAYS; i++) {
    const held = heldFragments.lookup((bucket + i) >>> 0);
    if (held !== null && readOnce(held, "owner") === HELD && held.until >= now && isOf(held, key)) {
      if (atomicCompareExchange(held, "owner", HELD, HELD_CHANGING) === HELD) {
        if (!isUsed) cloneRedirect(packet, packet.ifindex, REDIRECT_INGRESS);
        isUsed = true;
        requeue(packet, (bucket + i) >>> 0);
        atomicExchange(held, "owner", HELD_FREE);
      }
    }
  }
  return isUsed;
}
