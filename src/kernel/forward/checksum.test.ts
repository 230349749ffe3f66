import assert from "node:assert/strict";
import { test } from "node:test";
import { checksum } from "../../net/index.ts";
import { fold, replaceAddress, replaceAddressAndAge, replaceWord } from "./checksum.ts";

function words(...list: number[]): Uint8Array {
  return Uint8Array.from(list.flatMap((word) => [word >>> 8, word & 255]));
}

test("carries are added until none is left", () => {
  assert.equal(fold(0), 0xffff);
  assert.equal(fold(0xffff), 0);
  assert.equal(fold(0x1ffff), 0xfffe);
  assert.equal(fold(0xffffffff), 0);
});

test("a corrected checksum is the one computed anew", () => {
  let seed = 1;
  const random = () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return seed;
  };
  for (let round = 0; round < 2000; round++) {
    const [from, to, age] = [random(), random(), 1 + (random() % 255)];
    const rest = random() >>> 16;
    const header = (address: number, lifetime: number) =>
      checksum(words(0x4500, rest, (lifetime << 8) | 6, address >>> 16, address & 0xffff));
    const before = header(from, age);
    assert.equal(replaceAddress(before, from, to), header(to, age));
    assert.equal(replaceAddressAndAge(before, from, to), header(to, age - 1));
    const word = (value: number) => checksum(words(0x4500, rest, value));
    assert.equal(replaceWord(word(from & 0xffff), from & 0xffff, to & 0xffff), word(to & 0xffff));
  }
});
