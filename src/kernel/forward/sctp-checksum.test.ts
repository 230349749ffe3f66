import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedPacket } from "../../bpf/index.ts";
import { TestDirector } from "../testing/director.ts";
import { randomNumbers } from "../testing/mutate.ts";
import { replaceSctpChecksum, shiftRegister } from "./sctp-checksum.ts";

/** CRC32c, bit by bit. */
function crc32c(bytes: Uint8Array): number {
  let register = 0xffffffff;
  for (const byte of bytes) {
    register ^= byte;
    for (let bit = 0; bit < 8; bit++) register = (register >>> 1) ^ ((register & 1) === 0 ? 0 : 0x82f63b78);
  }
  return ~register >>> 0;
}

/** An SCTP packet with its checksum behind an Ethernet header and `gap` bytes. */
function frameOf(sctp: Uint8Array, gap: number): Uint8Array {
  const sealed = Uint8Array.from(sctp);
  sealed.fill(0, 8, 12);
  new DataView(sealed.buffer).setUint32(8, crc32c(sealed), true);
  const frame = new Uint8Array(14 + gap + sctp.length);
  frame.set(sealed, 14 + gap);
  return frame;
}

test("the check value of CRC32c", () => {
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
});

test("a register is shifted by as many zero bytes as asked", () => {
  const director = new TestDirector();
  const random = randomNumbers(7);
  const shift = (register: number, length: number) =>
    director.machine.run(() => shiftRegister(register, length));
  assert.equal(shift(0x12345678, 0), 0x12345678);
  for (let round = 0; round < 50; round++) {
    const [register, one, two] = [random(2 ** 32), random(30000), random(30000)];
    assert.equal(shift(shift(register, one), two), shift(register, one + two));
  }
});

test("after a change of ports the checksum is that computed anew; one left to the device stays 0", () => {
  const director = new TestDirector();
  const random = randomNumbers(5);
  for (let round = 0; round < 300; round++) {
    const sctp = Uint8Array.from({ length: 16 + random(round < 250 ? 100 : 65000) }, () => random(256));
    const changed = Uint8Array.from(sctp);
    for (let i = 0; i < 4; i++) changed[i] = random(256);
    const view = (bytes: Uint8Array) => new DataView(bytes.buffer).getUint32(0);
    const packet = new SimulatedPacket(frameOf(sctp, 20));
    packet.bytes.set(changed.subarray(0, 4), 34);
    director.machine.run(() => replaceSctpChecksum(packet, 34, sctp.length, view(sctp), view(changed)));
    assert.deepEqual(packet.bytes, frameOf(changed, 20));
    packet.bytes.fill(0, 42, 46);
    const before = packet.bytes.slice();
    director.machine.run(() => replaceSctpChecksum(packet, 34, sctp.length, view(changed), view(sctp)));
    assert.deepEqual(packet.bytes, before);
  }
});
