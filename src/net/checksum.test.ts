import assert from "node:assert/strict";
import { test } from "node:test";
import { addToSum, checksum, checksumHolds, updateChecksum, updateChecksumBytes } from "./checksum.ts";

test("RFC 1071 section 3's example", () => {
  const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
  assert.equal(addToSum(bytes), 0xddf2);
  assert.equal(checksum(bytes), 0x220d);
});

test("an odd last byte counts as a high byte", () => {
  assert.equal(addToSum(Uint8Array.of(0x12, 0x34, 0x56)), 0x1234 + 0x5600);
});

test("long packets do not lose carries", () => {
  const bytes = new Uint8Array(65534).fill(0xff);
  assert.equal(addToSum(bytes), 0xffff);
});

test("RFC 1624 section 4's example", () => {
  assert.equal(updateChecksum(0xdd2f, 0x5555, 0x3285), 0x0000);
});

test("updating equals computing anew", () => {
  let random = 7;
  const next = () => {
    random = (Math.imul(random, 1103515245) + 12345) >>> 0;
    return random >>> 16;
  };
  for (let round = 0; round < 2000; round++) {
    const bytes = Uint8Array.from({ length: 20 }, () => next() & 0xff);
    bytes.fill(0, 10, 12);
    const old = checksum(bytes);
    const oldAddress = bytes.slice(12, 16);
    bytes.set([next() & 0xff, next() & 0xff, next() & 0xff, next() & 0xff], 12);
    const updated = updateChecksumBytes(old, oldAddress, bytes.subarray(12, 16));
    assert.equal(updated, checksum(bytes));
    bytes.set([updated >> 8, updated & 0xff], 10);
    assert.ok(checksumHolds(bytes));
  }
});
