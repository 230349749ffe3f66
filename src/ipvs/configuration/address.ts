/**
 * Addresses as numbers: cheap keys of maps, and never equal across families. An IPv4 address is a number
 * (10.0.0.1 = 0x0a000001), an IPv6 address a bigint of 128 bits, the first byte the highest.
 */
import { formatIpv6, type IpAddress, parseIpv6 } from "../../net/index.ts";
import type { Family } from "../model.ts";

export type AddressNumber = number | bigint;

/** What identifies an address and more: a number for IPv4, a bigint for IPv6. Equal keys are the same to a Map. */
export type NumberKey = number | bigint;

export function familyOf(address: AddressNumber): Family {
  return typeof address === "number" ? 4 : 6;
}

/** The number of an address in text. Throws RangeError for other text. */
export function addressNumber(text: string): AddressNumber {
  let value = 0;
  let part = -1;
  let parts = 1;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x2e && part >= 0 && parts < 4) {
      value = value * 256 + part;
      part = -1;
      parts++;
    } else if (code >= 0x30 && code <= 0x39) {
      part = Math.max(part, 0) * 10 + code - 0x30;
      if (part > 255) return ipv6Number(text);
    } else {
      return ipv6Number(text);
    }
  }
  if (parts !== 4 || part < 0) return ipv6Number(text);
  return value * 256 + part;
}

function ipv6Number(text: string): bigint {
  const bytes = parseIpv6(text);
  if (bytes === undefined) throw new RangeError(`"${text}" is not an IP address`);
  return numberOfBytes(bytes) as bigint;
}

/** The number of an address in 4 or 16 bytes. */
export function numberOfBytes(bytes: IpAddress): AddressNumber {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength === 4) return view.getUint32(0);
  return (view.getBigUint64(0) << 64n) | view.getBigUint64(8);
}

/** The bytes of an address: 4 or 16. */
export function bytesOfNumber(address: AddressNumber): IpAddress {
  const view = new DataView(new ArrayBuffer(typeof address === "number" ? 4 : 16));
  if (typeof address === "number") {
    view.setUint32(0, address);
  } else {
    view.setBigUint64(0, address >> 64n);
    view.setBigUint64(8, address & 0xffff_ffff_ffff_ffffn);
  }
  return new Uint8Array(view.buffer);
}

/** Canonical text: a dotted quad, or as RFC 5952 has it. */
export function addressText(address: AddressNumber): string {
  if (typeof address === "bigint") return formatIpv6(bytesOfNumber(address));
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** The IPv6 address of four words of 32 bits. */
export function ofWords(first: number, second: number, third: number, fourth: number): bigint {
  return (BigInt(first) << 96n) | (BigInt(second) << 64n) | (BigInt(third) << 32n) | BigInt(fourth);
}

/** One of the four words of an IPv6 address: 0 is the highest. */
export function wordOf(address: bigint, index: number): number {
  return Number((address >> BigInt(96 - 32 * index)) & 0xffff_ffffn);
}

/** The IPv6 mask of a prefix length. */
export function prefixMask(length: number): bigint {
  return ((1n << BigInt(length)) - 1n) << BigInt(128 - length);
}

/** The prefix length of an IPv6 mask. */
export function prefixLength(mask: bigint): number {
  let length = 0;
  for (let rest = mask; rest !== 0n; rest = BigInt.asUintN(128, rest << 1n)) length++;
  return length;
}

/**
 * Whether an address can be a host's, as far as the address itself tells. Of IPv6 link-local ones can be too, if they are the
 * director's own.
 */
export function isUnicastByItself(address: AddressNumber): boolean {
  if (typeof address === "number") {
    return address !== 0 && address !== 0xffff_ffff && address >>> 28 !== 0xe;
  }
  const mapped = address >> 32n === 0xffffn;
  return address !== 0n && address >> 120n !== 0xffn && !mapped && !isLinkLocal(address);
}

/** Whether this is an address of fe80::/10. */
export function isLinkLocal(address: AddressNumber): boolean {
  return typeof address === "bigint" && address >> 118n === 0x3fan;
}

/** Whether this is a loopback address, which is every host's own: 127.0.0.0/8 or ::1. */
export function isLoopbackAddress(address: AddressNumber): boolean {
  return typeof address === "number" ? address >>> 24 === 127 : address === 1n;
}
