/** Ones' complement sums as the kernel keeps them: of 16-bit words in native (little-endian) order, in 32 bits. */

/** a + b with end-around carry, 32 bits. */
export function addChecksum(a: number, b: number): number {
  const sum = a + b;
  return sum > 0xffffffff ? sum - 0xffffffff : sum;
}

/** a − b with end-around carry, 32 bits. */
export function subtractChecksum(a: number, b: number): number {
  return addChecksum(a, ~b >>> 0);
}

/** A 32-bit sum as a 16-bit sum, not complemented. */
export function foldChecksum(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/** The 32-bit sum of `length` bytes; an odd last byte counts as followed by 0. */
export function sumBytes(data: DataView, at: number, length: number): number {
  let sum = 0;
  let i = 0;
  for (; i + 2 <= length; i += 2) sum += data.getUint16(at + i, true);
  if (i < length) sum += data.getUint8(at + i);
  while (sum > 0xffffffff) sum = (sum % 0x100000000) + Math.trunc(sum / 0x100000000);
  return sum;
}
