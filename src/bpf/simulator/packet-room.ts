/** Helpers that resize packets. */
import { ETHERNET_LENGTH } from "../../net/index.ts";
import type { SimulatedPacket } from "./packet.ts";

const EFAULT = 14;
const ENOMEM = 12;
const EINVAL = 22;
const EALREADY = 114;
const ENOTSUPP = 524;

/** The longest packet (other than a GSO one) that a helper may make, in bytes: about four pages. */
const MAX_LENGTH = 16_064;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;

/** Modes and flags of adjustRoom, as in the kernel's UAPI. */
const MODE_NETWORK = 0;
const MODE_MAC = 1;
const FIXED_GSO = 1n;
const ENCAPSULATE_IPV4 = 2n;
const ENCAPSULATE_IPV6 = 4n;
const ENCAPSULATE_L3 = ENCAPSULATE_IPV4 | ENCAPSULATE_IPV6;
const ENCAPSULATE_GRE = 8n;
const ENCAPSULATE_UDP = 16n;
const NO_CHECKSUM_RESET = 32n;
const ENCAPSULATE_ETHERNET = 64n;
const DECAPSULATE_IPV4 = 128n;
const DECAPSULATE_IPV6 = 256n;
const DECAPSULATE_L3 = DECAPSULATE_IPV4 | DECAPSULATE_IPV6;
const INNER_ETHERNET_LENGTH = 0xffn << 56n;
const ALL = 0x1ffn | INNER_ETHERNET_LENGTH;

/** `changeTail` */
export function changeTail(packet: SimulatedPacket, length: number, flags: bigint): number {
  packet.revokeViews();
  const { checksum } = packet;
  const least = checksum.kind === "partial" ? checksum.start + checksum.offset + 2 : ETHERNET_LENGTH;
  if (flags !== 0n || length > MAX_LENGTH || length < least) return -EINVAL;
  if (packet.encapsulation !== undefined) return -ENOTSUPP;
  if (length > packet.length) {
    packet.makeWritable(packet.length);
    packet.splice(packet.length, 0, length - packet.length);
    if (checksum.kind === "complete") packet.checksum = { kind: "none" };
  } else {
    const linear = Math.min(packet.linearBytes, length);
    packet.splice(length, packet.length - length, 0);
    packet.linearBytes = linear;
    if (checksum.kind === "complete") packet.checksum = { kind: "none" };
  }
  packet.gsoSize = 0;
  packet.gsoSegments = 0;
  return 0;
}

/** `changeHead` */
export function changeHead(packet: SimulatedPacket, length: number, flags: bigint): number {
  packet.revokeViews();
  if (flags !== 0n || (packet.gsoSize === 0 && packet.length + length > MAX_LENGTH)) return -EINVAL;
  packet.splice(0, 0, length);
  return 0;
}

function networkHeaderLength(protocol: number): number | undefined {
  return protocol === IPV4 ? 20 : protocol === IPV6 ? 40 : undefined;
}

/** Whether it is a super-packet of datagrams, whose size may not change with the room. */
function isDatagramGso(packet: SimulatedPacket): boolean {
  return packet.gsoSize !== 0 && packet.gsoType === "udp";
}

function checkGrow(packet: SimulatedPacket, delta: number, flags: bigint): number {
  if ((flags & DECAPSULATE_L3) !== 0n) return -EINVAL;
  if (packet.gsoSize === 0 && packet.length + delta > MAX_LENGTH) return -ENOTSUPP;
  if (isDatagramGso(packet) && (flags & FIXED_GSO) === 0n) return -ENOTSUPP;
  if ((flags & ENCAPSULATE_L3) === 0n) return 0;
  if ((flags & ENCAPSULATE_L3) === ENCAPSULATE_L3) return -EINVAL;
  const both = ENCAPSULATE_GRE | ENCAPSULATE_UDP;
  if ((flags & both) === both) return -EINVAL;
  if ((flags & ENCAPSULATE_ETHERNET) !== 0n && flags >> 56n < BigInt(ETHERNET_LENGTH)) return -EINVAL;
  if (packet.encapsulation !== undefined) return -EALREADY;
  return flags >> 56n > BigInt(delta) ? -EINVAL : 0;
}

function checkShrink(packet: SimulatedPacket, delta: number, flags: bigint): number {
  if ((flags & DECAPSULATE_L3) === DECAPSULATE_L3) return -EINVAL;
  const inner = (flags & DECAPSULATE_IPV4) !== 0n ? IPV4 : IPV6;
  const protocol = (flags & DECAPSULATE_L3) === 0n ? packet.protocol : inner;
  const left = packet.length - ETHERNET_LENGTH - delta;
  if (left < (networkHeaderLength(protocol) ?? Infinity)) return -ENOTSUPP;
  if ((flags & ~(FIXED_GSO | DECAPSULATE_L3 | NO_CHECKSUM_RESET)) !== 0n) return -EINVAL;
  return isDatagramGso(packet) && (flags & FIXED_GSO) === 0n ? -ENOTSUPP : 0;
}

/** `adjustRoom` */
export function adjustRoom(packet: SimulatedPacket, delta: number, mode: number, flags: bigint): number {
  packet.revokeViews();
  const size = Math.abs(delta);
  if ((flags & ~ALL) !== 0n) return -EINVAL;
  if (size > 0xfff) return -EFAULT;
  const network = networkHeaderLength(packet.protocol);
  if (network === undefined || (mode !== MODE_NETWORK && mode !== MODE_MAC)) return -ENOTSUPP;
  const at = ETHERNET_LENGTH + (mode === MODE_NETWORK ? network : 0);
  const refused = delta < 0 ? checkShrink(packet, size, flags) : checkGrow(packet, size, flags);
  if (refused !== 0) return refused;
  if (delta < 0) {
    if (!packet.makeWritable(at + size)) return -ENOTSUPP;
    packet.splice(at, size, 0);
    // What a device was to sum up from there on is no longer there.
    if (packet.checksum.kind === "partial" && packet.checksum.start < 0) packet.checksum = { kind: "none" };
    if ((flags & DECAPSULATE_IPV4) !== 0n) packet.protocol = IPV4;
    if ((flags & DECAPSULATE_IPV6) !== 0n) packet.protocol = IPV6;
  } else {
    packet.splice(at, 0, size);
    if ((flags & ENCAPSULATE_L3) !== 0n) packet.encapsulation = flags;
    if ((flags & ENCAPSULATE_IPV4) !== 0n) packet.protocol = IPV4;
    if ((flags & ENCAPSULATE_IPV6) !== 0n) packet.protocol = IPV6;
  }
  if (packet.gsoSize !== 0) {
    if ((flags & FIXED_GSO) === 0n) packet.gsoSize = (packet.gsoSize - delta) & 0xffff;
    packet.gsoSegments = 0;
  }
  if ((flags & NO_CHECKSUM_RESET) === 0n && packet.checksum.kind === "unnecessary") {
    packet.checksum = { kind: "none" };
  }
  return 0;
}

/** Bytes by which an IPv6 header is longer than an IPv4 header. */
const HEADER_DIFFERENCE = 20;

/** `changeProtocol` */
export function changeProtocol(packet: SimulatedPacket, inMemory: number, flags: bigint): number {
  packet.revokeViews();
  if (flags !== 0n) return -EINVAL;
  const protocol = ((inMemory & 0xff) << 8) | ((inMemory >>> 8) & 0xff);
  const longer = packet.protocol === IPV4 && protocol === IPV6;
  if (!longer && !(packet.protocol === IPV6 && protocol === IPV4)) return -ENOTSUPP;
  if (!longer && !packet.makeWritable(ETHERNET_LENGTH + HEADER_DIFFERENCE)) return -ENOMEM;
  packet.splice(ETHERNET_LENGTH, longer ? 0 : HEADER_DIFFERENCE, longer ? HEADER_DIFFERENCE : 0);
  packet.protocol = protocol;
  packet.hash = 0;
  packet.gsoSegments = 0;
  return 0;
}
