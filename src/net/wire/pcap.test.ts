import assert from "node:assert/strict";
import { test } from "node:test";
import { MalformedPacketError } from "./malformed.ts";
import { decodePcap, encodePcap, LINK_TYPE } from "./pcap.ts";

const capture = {
  linkType: LINK_TYPE.ETHERNET,
  packets: [
    { time: 1_700_000_000_123_456_789n, bytes: Uint8Array.of(1, 2, 3), originalLength: 60 },
    { time: 1_700_000_001_000_000_000n, bytes: Uint8Array.of(4), originalLength: 1 },
  ],
};

test("a capture is written and read again", () => {
  const bytes = encodePcap(capture);
  assert.deepEqual(decodePcap(bytes), capture);
  assert.deepEqual(decodePcap(bytes.subarray(0, -1)).packets, capture.packets.slice(0, 1));
});

test("a big-endian capture in microseconds is read", () => {
  const bytes = Buffer.from(
    `a1b2c3d4 00020004 00000000 00000000 0000ffff 00000065
     00000001 00000002 00000002 00000003 abcd`.replaceAll(/\s/g, ""),
    "hex",
  );
  const { linkType, packets } = decodePcap(bytes);
  assert.equal(linkType, LINK_TYPE.RAW_IP);
  assert.equal(packets[0]?.time, 1_000_002_000n);
  assert.deepEqual([...(packets[0]?.bytes ?? [])], [0xab, 0xcd]);
});

test("anything else is refused", () => {
  assert.throws(() => decodePcap(new Uint8Array(30)), MalformedPacketError);
  assert.throws(() => decodePcap(new Uint8Array(3)), MalformedPacketError);
});
