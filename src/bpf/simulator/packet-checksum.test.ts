import assert from "node:assert/strict";
import { test } from "node:test";
import * as bpf from "../index.ts";
import { randomSequence } from "./random.ts";

const machine = bpf.createMachine();
const IP = 14;
const UDP = 34;
const EINVAL = -22;
const EFAULT = -14;

/** RFC 1071, over big-endian words, written apart from the code under test. */
function internetChecksum(...parts: (Uint8Array | number[])[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += (part[i]! << 8) | (part[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

function pseudoHeader(bytes: Uint8Array): number[] {
  const length = bytes.length - UDP;
  return [...bytes.subarray(26, 34), 0, bytes[23]!, length >> 8, length & 0xff];
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 0xff;
}

function get16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/** A UDP datagram with right checksums. */
function datagram(next: () => number, payload: number): Uint8Array {
  const bytes = new Uint8Array(UDP + 8 + payload).map(() => next() & 0xff);
  bytes.set([8, 0, 0x45], 12);
  bytes[23] = 17;
  put16(bytes, UDP + 4, 8 + payload);
  finish(bytes);
  return bytes;
}

function finish(bytes: Uint8Array): void {
  put16(bytes, IP + 10, 0);
  put16(bytes, IP + 10, internetChecksum(bytes.subarray(IP, UDP)));
  put16(bytes, UDP + 6, 0);
  put16(bytes, UDP + 6, internetChecksum(pseudoHeader(bytes), bytes.subarray(UDP)) || 0xffff);
}

const Word = bpf.struct("Word", { value: bpf.ipv4 });
const Port = bpf.struct("Port", { value: bpf.u16be });

/** Rewrites the destination as a NAT director does with helpers. */
function rewrite(packet: bpf.SimulatedPacket, address: number, port: number): void {
  machine.run(() => {
    const word = bpf.make(Word);
    const half = bpf.make(Port);
    bpf.loadBytes(packet, IP + 16, word);
    bpf.loadBytes(packet, UDP + 2, half);
    const from = bpf.swap32(word.value);
    const to = bpf.swap32(address);
    const l4 = UDP + 6;
    const flags = bpf.CHECKSUM_ZERO_IS_NONE;
    assert.equal(bpf.replaceL3Checksum(packet, IP + 10, from, to, 4), 0);
    assert.equal(bpf.replaceL4Checksum(packet, l4, from, to, flags | bpf.CHECKSUM_PSEUDO_HEADER | 4), 0);
    assert.equal(bpf.replaceL4Checksum(packet, l4, bpf.swap16(half.value), bpf.swap16(port), flags | 2), 0);
    word.value = address;
    half.value = port;
    bpf.storeBytes(packet, IP + 16, word, 0);
    bpf.storeBytes(packet, UDP + 2, half, 0);
  });
}

test("a rewritten datagram has the checksums that a computation anew gives", () => {
  const next = randomSequence(5);
  for (let round = 0; round < 300; round++) {
    const packet = new bpf.SimulatedPacket(datagram(next, next() % 50));
    rewrite(packet, next(), next() & 0xffff);
    const expected = packet.bytes.slice();
    finish(expected);
    assert.deepEqual(bpf.wireBytes(packet), expected);
  }
});

test("partial: only the pseudo-header's change is applied, and the device completes it", () => {
  const next = randomSequence(6);
  for (let round = 0; round < 300; round++) {
    const bytes = datagram(next, 2 * (next() % 20));
    put16(bytes, UDP + 6, ~internetChecksum(pseudoHeader(bytes)) & 0xffff);
    const checksum = { kind: "partial", start: UDP, offset: 6 } as const;
    const packet = new bpf.SimulatedPacket(bytes, { checksum });
    rewrite(packet, next(), next() & 0xffff);
    const expected = packet.bytes.slice();
    finish(expected);
    assert.deepEqual(bpf.wireBytes(packet), expected);
  }
});

test("complete: the sum stays that of the packet", () => {
  const next = randomSequence(7);
  const sumOf = (bytes: Uint8Array) => ~bpf.swap16(internetChecksum(bytes.subarray(IP))) & 0xffff;
  for (let round = 0; round < 100; round++) {
    const bytes = datagram(next, next() % 50);
    const packet = new bpf.SimulatedPacket(bytes, { checksum: { kind: "complete", sum: sumOf(bytes) } });
    machine.run(() => {
      const byte = new Uint8Array([next() & 0xff]);
      bpf.storeBytes(packet, UDP + 8 + (next() % 2), byte, bpf.STORE_RECOMPUTE_CHECKSUM);
    });
    assert.equal(packet.checksum.kind, "complete");
    if (packet.checksum.kind !== "complete") continue;
    const sum = packet.checksum.sum;
    const folded = ((sum & 0xffff) + (sum >>> 16)) % 0xffff;
    assert.equal(folded, sumOf(packet.bytes) % 0xffff);
  }
});

test("UDP without a checksum stays without one, unless enforced", () => {
  const bytes = datagram(randomSequence(8), 4);
  put16(bytes, UDP + 6, 0);
  const packet = new bpf.SimulatedPacket(bytes);
  rewrite(packet, 1, 2);
  assert.equal(get16(packet.bytes, UDP + 6), 0);
  const flags = bpf.CHECKSUM_ZERO_IS_NONE | bpf.CHECKSUM_ENFORCE | 2;
  machine.run(() => assert.equal(bpf.replaceL4Checksum(packet, UDP + 6, 0, 1, flags), 0));
  assert.notEqual(get16(packet.bytes, UDP + 6), 0);
});

test("checksumDifference feeds size 0, and sizes are multiples of 4", () => {
  const next = randomSequence(9);
  const Pair = bpf.struct("Pair", { a: bpf.ipv4, b: bpf.ipv4 });
  for (let round = 0; round < 100; round++) {
    const bytes = datagram(next, 10);
    const packet = new bpf.SimulatedPacket(bytes);
    machine.run(() => {
      const before = bpf.make(Pair);
      bpf.loadBytes(packet, IP + 12, before);
      const after = bpf.make(Pair, { a: next(), b: next() });
      const difference = bpf.checksumDifference(before, after, 0);
      bpf.storeBytes(packet, IP + 12, after, 0);
      assert.equal(bpf.replaceL3Checksum(packet, IP + 10, 0, difference, 0), 0);
      const flags = bpf.CHECKSUM_PSEUDO_HEADER | bpf.CHECKSUM_ZERO_IS_NONE;
      assert.equal(bpf.replaceL4Checksum(packet, UDP + 6, 0, difference, flags), 0);
      const sum = bpf.checksumDifference(null, after, 0);
      assert.equal(bpf.checksumDifference(after, null, sum) % 0xffff, 0);
    });
    const expected = packet.bytes.slice();
    finish(expected);
    assert.deepEqual(packet.bytes, expected);
  }
  assert.equal(bpf.checksumDifference(null, bpf.make(Port), 0), EINVAL >>> 0);
});

test("wrong flags, sizes and places are refused", () => {
  const packet = new bpf.SimulatedPacket(datagram(randomSequence(1), 4));
  machine.run(() => {
    assert.equal(bpf.replaceL3Checksum(packet, IP + 10, 0, 0, 3), EINVAL);
    assert.equal(bpf.replaceL3Checksum(packet, IP + 10, 1, 0, 0), EINVAL);
    assert.equal(bpf.replaceL3Checksum(packet, IP + 10, 0, 0, 0x12), EINVAL);
    assert.equal(bpf.replaceL3Checksum(packet, IP + 11, 0, 0, 2), EFAULT);
    assert.equal(bpf.replaceL4Checksum(packet, packet.length, 0, 0, 2), EFAULT);
    assert.equal(bpf.replaceL4Checksum(packet, UDP + 6, 0, 0, 0x102), EINVAL);
  });
});
