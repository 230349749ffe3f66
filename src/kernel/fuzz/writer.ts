/**
 * Packets written into one buffer that is used again for each: no memory is asked for. Headers are written one behind the
 * other; `close` then fills in the lengths and checksums of an IP packet, from the inside out.
 */
import type { Random } from "./random.ts";

export const CAPACITY = 4096;
export const LINK = 14;

/** Ones' complement sum of a range, added to `sum`. Not folded. */
export function sumOf(bytes: Uint8Array, from: number, to: number, sum: number): number {
  let at = from;
  for (; at + 1 < to; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!;
  return at < to ? sum + (bytes[at]! << 8) : sum;
}

/** Folds a sum to 16 bits. */
export function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return folded;
}

/** The sum of the pseudo header of the IP packet at `network` (RFC 9293, RFC 8200), for `length` bytes of `protocol`. */
export function pseudoSum(bytes: Uint8Array, network: number, protocol: number, length: number): number {
  const isIpv6 = bytes[network]! >>> 4 === 6;
  const from = network + (isIpv6 ? 8 : 12);
  return sumOf(bytes, from, from + (isIpv6 ? 32 : 8), protocol + length);
}

/** Where the checksum of a transport protocol is in its header; −1: it has none of this kind. */
export function checksumPlace(protocol: number): number {
  if (protocol === 6) return 16;
  if (protocol === 17) return 6;
  return protocol === 1 || protocol === 58 ? 2 : -1;
}

export class PacketWriter {
  readonly bytes = new Uint8Array(CAPACITY);
  length = 0;

  put16(at: number, value: number): void {
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  get16(at: number): number {
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }

  put32(at: number, value: number): void {
    this.bytes[at] = value >>> 24;
    this.bytes[at + 1] = value >>> 16;
    this.bytes[at + 2] = value >>> 8;
    this.bytes[at + 3] = value;
  }

  /** Begins a frame to a link-layer address. */
  begin(destination: Uint8Array, type: number): void {
    this.bytes.set(destination, 0);
    this.bytes.fill(2, 6, 12);
    this.put16(12, type);
    this.length = LINK;
  }

  /** An IPv4 header with `options` bytes of options (of NOPs). Answers where it begins. */
  ipv4(source: Uint8Array, destination: Uint8Array, protocol: number, ttl: number, options: number): number {
    const at = this.length;
    const { bytes } = this;
    bytes.fill(0, at, at + 20);
    bytes[at] = 0x45 + (options >>> 2);
    this.put16(at + 6, 0x4000);
    bytes[at + 8] = ttl;
    bytes[at + 9] = protocol;
    bytes.set(source, at + 12);
    bytes.set(destination, at + 16);
    bytes.fill(1, at + 20, at + 20 + options);
    this.length = at + 20 + options;
    return at;
  }

  /** An IPv6 header. Answers where it begins. */
  ipv6(source: Uint8Array, destination: Uint8Array, next: number, hopLimit: number): number {
    const at = this.length;
    this.put32(at, 0x60000000);
    this.put16(at + 4, 0);
    this.bytes[at + 6] = next;
    this.bytes[at + 7] = hopLimit;
    this.bytes.set(source, at + 8);
    this.bytes.set(destination, at + 24);
    this.length = at + 40;
    return at;
  }

  /** A TCP header with `options` bytes of options (of NOPs). */
  tcp(source: number, destination: number, flags: number, sequence: number, options: number): number {
    const at = this.length;
    this.put16(at, source);
    this.put16(at + 2, destination);
    this.put32(at + 4, sequence);
    this.put32(at + 8, sequence ^ 0x5a5a5a5a);
    this.bytes[at + 12] = (5 + (options >>> 2)) << 4;
    this.bytes[at + 13] = flags;
    this.put16(at + 14, 0x7210);
    this.put32(at + 16, 0);
    this.bytes.fill(1, at + 20, at + 20 + options);
    this.length = at + 20 + options;
    return at;
  }

  /** A UDP header; `close` fills in its length. */
  udp(source: number, destination: number): number {
    const at = this.length;
    this.put16(at, source);
    this.put16(at + 2, destination);
    this.put32(at + 4, 0);
    this.length = at + 8;
    return at;
  }

  /** Bytes that count on. */
  payload(count: number): void {
    for (let i = 0; i < count; i++) this.bytes[this.length + i] = i + count;
    this.length += count;
  }

  /** Random bytes. */
  noise(count: number, random: Random): void {
    for (let i = 0; i < count; i++) this.bytes[this.length + i] = random.next();
    this.length += count;
  }

  /** Fills in the lengths and checksums of the IP packet at `network`, which goes to the end, with that transport header. */
  close(network: number, transport: number, protocol: number): void {
    const { bytes, length } = this;
    const isIpv6 = bytes[network]! >>> 4 === 6;
    if (isIpv6) {
      this.put16(network + 4, length - network - 40);
    } else {
      this.put16(network + 2, length - network);
      this.put16(network + 10, 0);
      this.put16(network + 10, ~fold(sumOf(bytes, network, network + (bytes[network]! & 15) * 4, 0)));
    }
    const place = checksumPlace(protocol);
    if (protocol === 17) this.put16(transport + 4, length - transport);
    if (place < 0 || transport + place + 2 > length) return;
    const before = protocol === 1 ? 0 : pseudoSum(bytes, network, protocol, length - transport);
    this.put16(transport + place, 0);
    const sum = ~fold(sumOf(bytes, transport, length, before)) & 0xffff;
    this.put16(transport + place, sum === 0 && protocol === 17 ? 0xffff : sum);
  }
}
