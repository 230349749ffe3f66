/**
 * The Internet checksum: RFC 1071, and RFC 1624 for updates. Sums are partial ones' complement sums that may be
 * handed on from part to part; every part but the last must have an even length.
 */

/** Adds the 16-bit big-endian words of `bytes` to a sum; an odd byte at the end counts as a high byte. */
export function addToSum(bytes: Uint8Array, sum = 0): number {
  let total = sum;
  for (let index = 0; index + 1 < bytes.length; index += 2) {
    total += (bytes[index]! << 8) | bytes[index + 1]!;
  }
  if (bytes.length % 2 === 1) total += bytes[bytes.length - 1]! << 8;
  return foldSum(total);
}

/** A sum folded into 16 bits, carries added back in. */
export function foldSum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x1_0000) + Math.floor(folded / 0x1_0000);
  return folded;
}

/** The checksum of `bytes` (with its checksum field zero): the complement of the sum. */
export function checksum(bytes: Uint8Array, sum = 0): number {
  return 0xffff ^ addToSum(bytes, sum);
}

/** Whether bytes that hold their checksum are right: their sum is all ones. */
export function checksumHolds(bytes: Uint8Array, sum = 0): boolean {
  return addToSum(bytes, sum) === 0xffff;
}

/**
 * The sum of the pseudo-header that the checksums of TCP, UDP (RFC 793, 768) and everything over IPv6 (RFC 8200
 * section 8.1) include: both addresses, the protocol and the length of the upper-layer packet in bytes.
 */
export function pseudoHeaderSum(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  length: number,
): number {
  const addresses = addToSum(destination, addToSum(source));
  return foldSum(addresses + protocol + (length >>> 16) + (length & 0xffff));
}

/** The checksum after one 16-bit word changed: RFC 1624 equation 3, HC' = ~(~HC + ~m + m'). */
export function updateChecksum(old: number, oldWord: number, newWord: number): number {
  return 0xffff ^ foldSum((0xffff ^ old) + (0xffff ^ oldWord) + newWord);
}

/** As {@link updateChecksum}, for a field of an even number of bytes at an even offset (an address, a port). */
export function updateChecksumBytes(old: number, oldBytes: Uint8Array, newBytes: Uint8Array): number {
  const removed = addToSum(oldBytes.map((byte) => 0xff ^ byte));
  return 0xffff ^ foldSum((0xffff ^ old) + removed + addToSum(newBytes));
}
