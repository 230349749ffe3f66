import { formatIp, type IpAddress, parseIp, sameBytes } from "./address.ts";

/** An address with a prefix length, "10.0.0.1/8". Host bits may be set (an interface's address has them). */
export interface Prefix {
  readonly address: IpAddress;
  /** How many leading bits are the network's: 0 to 32 or 128. */
  readonly length: number;
}

/**
 * "10.0.0.0/8", "10.0.0.0/255.0.0.0", or an address alone, which stands for itself (/32, /128). Returns undefined
 * for anything else.
 */
export function parsePrefix(text: string): Prefix | undefined {
  const [head, tail, ...rest] = text.split("/");
  const address = parseIp(head ?? "");
  if (address === undefined || rest.length > 0) return undefined;
  if (tail === undefined) return { address, length: 8 * address.length };
  const length = /^\d{1,3}$/.test(tail) ? Number(tail) : lengthOfMaskText(tail, address.length);
  if (length === undefined || length > 8 * address.length) return undefined;
  return { address, length };
}

function lengthOfMaskText(text: string, size: number): number | undefined {
  const mask = parseIp(text);
  return mask?.length === size ? maskLength(mask) : undefined;
}

/** As {@link parsePrefix}, for text that the program itself wrote. Throws RangeError for anything else. */
export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new RangeError(`"${text}" is not an IP prefix`);
  return parsed;
}

/** "10.0.0.0/8". */
export function formatPrefix(prefix: Prefix): string {
  return `${formatIp(prefix.address)}/${prefix.length}`;
}

/** The mask of `length` leading ones in `size` (4 or 16) bytes. */
export function maskOfLength(length: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => {
    const ones = Math.min(8, Math.max(0, length - 8 * index));
    return 0xff & (0xff00 >> ones);
  });
}

/** The number of leading ones of a mask; undefined if a one follows a zero. */
export function maskLength(mask: Uint8Array): number | undefined {
  const length = mask.reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
  return sameBytes(mask, maskOfLength(length, mask.length)) ? length : undefined;
}

/** The address with the bits outside the mask cleared. */
export function applyMask(address: IpAddress, mask: Uint8Array): IpAddress {
  return address.map((byte, index) => byte & mask[index]!);
}

/** The prefix with its host bits cleared: 10.1.2.3/8 becomes 10.0.0.0/8. */
export function networkOf(prefix: Prefix): Prefix {
  const { address, length } = prefix;
  return { address: applyMask(address, maskOfLength(length, address.length)), length };
}

/** The last address of a prefix; for IPv4 its broadcast address. */
export function lastAddressOf(prefix: Prefix): IpAddress {
  const mask = maskOfLength(prefix.length, prefix.address.length);
  return prefix.address.map((byte, index) => byte | (0xff & ~mask[index]!));
}

/** Whether `address` lies in `prefix`. Addresses of another version never do. */
export function prefixContains(prefix: Prefix, address: IpAddress): boolean {
  if (address.length !== prefix.address.length) return false;
  const mask = maskOfLength(prefix.length, address.length);
  return sameBytes(applyMask(address, mask), applyMask(prefix.address, mask));
}
