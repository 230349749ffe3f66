import { formatIpv4, parseIpv4 } from "./ipv4.ts";
import { formatIpv6, parseIpv6 } from "./ipv6.ts";

/** An IP address: 4 bytes for IPv4 or 16 for IPv6, in network order. */
export type IpAddress = Uint8Array;

/** The version of IP. */
export type IpVersion = 4 | 6;

/** An IPv4 or IPv6 address in its usual form (no brackets, no zone). Returns undefined for anything else. */
export function parseIp(text: string): IpAddress | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** As {@link parseIp}, for text that the program itself wrote. Throws RangeError for anything else. */
export function ip(text: string): IpAddress {
  const address = parseIp(text);
  if (address === undefined) throw new RangeError(`"${text}" is not an IP address`);
  return address;
}

/** "10.0.0.1" or "2001:db8::1". */
export function formatIp(address: IpAddress): string {
  return address.length === 4 ? formatIpv4(address) : formatIpv6(address);
}

/** 4 or 6. Throws RangeError if these bytes are no IP address. */
export function ipVersion(address: IpAddress): IpVersion {
  if (address.length === 4) return 4;
  if (address.length === 16) return 6;
  throw new RangeError(`an IP address has 4 or 16 bytes, not ${address.length}`);
}

/** Whether two byte strings (addresses, say) are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** Order of addresses: IPv4 before IPv6, then by value. For Array.sort. */
export function compareIp(a: IpAddress, b: IpAddress): number {
  if (a.length !== b.length) return a.length - b.length;
  for (let index = 0; index < a.length; index++) {
    const difference = a[index]! - b[index]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether this is the unspecified address, 0.0.0.0 or ::. */
export function isUnspecified(address: IpAddress): boolean {
  return address.every((byte) => byte === 0);
}

/** Whether this is a multicast address: 224.0.0.0/4 or ff00::/8. */
export function isMulticast(address: IpAddress): boolean {
  return address.length === 4 ? address[0]! >> 4 === 14 : address[0] === 0xff;
}

/** Whether this is a loopback address: 127.0.0.0/8 or ::1. */
export function isLoopback(address: IpAddress): boolean {
  if (address.length === 4) return address[0] === 127;
  return address[15] === 1 && address.subarray(0, 15).every((byte) => byte === 0);
}

/** Whether this is a link-local unicast address: 169.254.0.0/16 or fe80::/10. */
export function isLinkLocal(address: IpAddress): boolean {
  if (address.length === 4) return address[0] === 169 && address[1] === 254;
  return address[0] === 0xfe && (address[1]! & 0xc0) === 0x80;
}
