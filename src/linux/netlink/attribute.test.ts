import assert from "node:assert/strict";
import { test } from "node:test";
import { AttributeSet, attribute, encodeAttributes } from "./attribute.ts";
import { decodeAcknowledgement, decodeMessages, encodeMessage, NLMSG } from "./message.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("attributes are aligned, nested and read back", () => {
  const bytes = encodeAttributes(
    [
      attribute.text(3, "eth0"),
      attribute.nested(18, attribute.u8(1, 7), attribute.u16be(2, 0x1234)),
      attribute.u64(5, 2n ** 63n),
    ],
    Uint8Array.of(1, 2, 3),
  );
  assert.equal(
    hex(bytes),
    "01020300" +
      "0900030065746830" +
      "00000000" +
      "14001280" +
      "0500010007000000" +
      "0600020012340000".slice(0, 16) +
      "0c000500" +
      "0000000000000080",
  );
  const set = new AttributeSet(bytes.subarray(4));
  assert.equal(set.text(3), "eth0");
  assert.equal(set.nested(18)?.u8(1), 7);
  assert.equal(set.nested(18)?.u16be(2), 0x1234);
  assert.equal(set.u64(5), 2n ** 63n);
  assert.equal(set.u32(99), undefined);
  assert.equal(set.u32(5), 0);
});

test("a cut attribute ends the set", () => {
  assert.deepEqual(new AttributeSet(Uint8Array.of(8, 0, 1, 0, 1)).all, []);
  assert.deepEqual(new AttributeSet(Uint8Array.of(0, 0, 1, 0)).all, []);
});

test("messages are written and read, several in one datagram", () => {
  const one = encodeMessage({ type: 16, flags: 5, sequence: 7, payload: Uint8Array.of(1) });
  assert.equal(hex(one), "11000000100005000700000000000000" + "01000000");
  const two = decodeMessages(Uint8Array.from([...one, ...one]));
  assert.equal(two.length, 2);
  assert.deepEqual(two[1], { type: 16, flags: 5, sequence: 7, payload: Uint8Array.of(1) });
});

test("an acknowledgement tells errno and the kernel's words", () => {
  const quoted = new Uint8Array(20);
  const words = encodeAttributes(
    [attribute.text(1, "no such thing")],
    Uint8Array.from([0xfe, 255, 255, 255, ...quoted.subarray(0, 16)]),
  );
  const message = { type: NLMSG.ERROR, flags: 0x300, sequence: 1, payload: words };
  assert.deepEqual(decodeAcknowledgement(message), { errno: 2, text: "no such thing" });
  const plain = { type: NLMSG.ERROR, flags: 0, sequence: 1, payload: new Uint8Array(20) };
  assert.deepEqual(decodeAcknowledgement(plain), { errno: 0, text: undefined });
});
