import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SimulatedPacket } from "../../../bpf/index.ts";
import { CALL_ID_WORDS, sipMessage } from "../../tables.ts";
import { TestDirector } from "../../testing/director.ts";
import { udpFrame } from "../../testing/frames.ts";
import { readRecording } from "../../testing/recordings.ts";
import { sipRequest } from "../../testing/sip.ts";
import { readCallId } from "./call-id.ts";

const director = new TestDirector();
const FROM = "198.18.0.1:5060";
const TO = "192.0.2.1:5060";

/** The Call-ID that is found in a datagram's payload; null: none. `cut`: bytes of the payload that the UDP header does not tell of. */
function find(text: string, cut = 0): string | null {
  const bytes = udpFrame("client", FROM, TO, { payload: Buffer.from(text, "latin1") });
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint16(38, view.getUint16(38) - cut);
  return director.machine.run(() => {
    const word = readCallId(new SimulatedPacket(bytes), 34, bytes.length - 14);
    const message = sipMessage.lookup(0)!;
    assert.equal(message.word, word);
    if (word === 0) return null;
    const found = Buffer.alloc(8 * CALL_ID_WORDS);
    for (let i = 0; i < CALL_ID_WORDS; i++) found.writeBigUInt64LE(message.callId.words[i]!, 8 * i);
    return found.toString("latin1").replace(/\0+$/, "");
  });
}

interface RecordedMessage {
  readonly id: string;
  readonly payload: string;
  /** Whether ip_vs forwarded it: it drops what has no Call-ID. */
  readonly forwarded: boolean;
}

const RECORDED = readRecording<readonly RecordedMessage[]>("sip.json");

/** What we take for a Call-ID and ip_vs does not, and the other way about (docs/sip.md). */
const DIFFERENT = ["folded, blank line", "trailing blank", "base64", "two @", "body"];

describe("what ip_vs takes for a Call-ID", () => {
  for (const { id, payload, forwarded } of RECORDED) {
    test(id, () => assert.equal(find(payload) !== null, DIFFERENT.includes(id) ? !forwarded : forwarded));
  }
});

const LONGEST = "x".repeat(255);

describe("the Call-ID of a message", () => {
  const spellings: Record<string, [header: string, callId: string | null]> = {
    "as everyone writes it": ["Call-ID: 1-27@198.18.0.1\r\n", "1-27@198.18.0.1"],
    "in any case": ["cALL-iD: a\r\n", "a"],
    "keeps its own case": ["call-id: AbC@Host\r\n", "AbC@Host"],
    "in the compact form": ["i: a@b\r\n", "a@b"],
    "in the compact form, capital": ["I:a@b\r\n", "a@b"],
    "without blanks": ["Call-ID:a\r\n", "a"],
    "with blanks around the colon": ["Call-ID \t:\t  a\r\n", "a"],
    "with blanks behind": ["Call-ID: a \t\r\n", "a"],
    "on the next line": ["Call-ID:\r\n a@b\r\n", "a@b"],
    "two lines below": ["Call-ID: \r\n\t\r\n  a@b\r\n", "a@b"],
    "with all characters of RFC 3261's word": [
      "Call-ID: -.!%*_+`'~()<>:\\\"/[]?{}@x\r\n",
      "-.!%*_+`'~()<>:\\\"/[]?{}@x",
    ],
    "with others that are seen": ["Call-ID: YWJj==@host;x\r\n", "YWJj==@host;x"],
    "lines that end with LF alone": ["Call-ID: a\n", "a"],
    "lines that end with CR alone": ["Call-ID: a\r", "a"],
    "of 255 bytes": [`Call-ID: ${LONGEST}\r\n`, LONGEST],
    "of 256 bytes": [`Call-ID: ${LONGEST}x\r\n`, null],
    empty: ["Call-ID:\r\n", null],
    "empty but for blanks": ["Call-ID:   \r\n", null],
    "in two words": ["Call-ID: a b\r\n", null],
    "with a control character": ["Call-ID: a\x1b[2J\r\n", null],
    "with a zero": ["Call-ID: a\0b\r\n", null],
    "with a byte that is not ASCII": ["Call-ID: caf\xe9\r\n", null],
    "without a colon": ["Call-ID a\r\n", null],
    missing: ["", null],
    "of another name": ["Call-IDs: a\r\nX-Call-ID: b\r\nCall-Info: c\r\nix: d\r\nCall\rID: e\r\n", null],
    "twice: the first": ["Call-ID: a\r\ni: b\r\n", "a"],
    "not in the continuation of another": ["Subject: x\r\n Call-ID: b\r\n", null],
    "not in a part of its own name": ["CCall-ID: b\r\nCall-\r\nCall-ID: a\r\n", "a"],
  };
  for (const [name, [header, expected]] of Object.entries(spellings)) {
    test(name, () => assert.equal(find(sipRequest(header)), expected));
  }

  test("not in the request line", () => assert.equal(find("Call-ID: a\r\nVia: b\r\n\r\n"), null));
  test("not in the body", () => assert.equal(find("INVITE x SIP/2.0\r\nVia: b\r\n\r\nCall-ID: a\r\n"), null));
  test("after empty lines before the message", () =>
    assert.equal(find(`\r\n\r\n${sipRequest("i: a\r\n")}`), "a"));
  test("in an answer", () => assert.equal(find("SIP/2.0 200 OK\r\nCall-ID: a\r\n\r\n"), "a"));

  test("none in a message that ends before its line does", () => {
    const whole = sipRequest("Call-ID: abc@def\r\n");
    const end = whole.indexOf("@def") + 4;
    for (let length = 0; length <= end; length++)
      assert.equal(find(whole.slice(0, length)), null, `${length}`);
    assert.equal(find(whole.slice(0, end + 1)), "abc@def");
  });

  test("none behind what the UDP header tells of", () => {
    const whole = sipRequest("Call-ID: a\r\n");
    assert.equal(find(whole, whole.length), null);
    assert.equal(find(whole, whole.length - whole.indexOf("Call-ID") - 9), null);
    assert.equal(find(whole, whole.length - whole.indexOf("Call-ID") - 11), "a");
    // A length that is less than the header's own.
    assert.equal(find(whole, whole.length + 4), null);
  });

  test("none behind the first 2048 bytes", () => {
    const before = (length: number) => `INVITE x SIP/2.0\r\nX: ${"y".repeat(length - 23)}\r\n`;
    assert.equal(find(`${before(2048 - 12)}Call-ID: ab\r\n\r\n`), "ab");
    assert.equal(find(`${before(2048 - 10)}Call-ID: ab\r\n\r\n`), null);
  });

  test("none in no message at all", () => {
    for (const text of ["", "\r\n\r\n", "\0", "i:", "Call-ID", "\r\r\r\r", "\n \n \n"])
      assert.equal(find(text), null);
  });

  test("keeps nothing of the message before", () => {
    assert.equal(find(sipRequest("Call-ID: a-long-one@host\r\n")), "a-long-one@host");
    assert.equal(find(sipRequest("Call-ID: b\r\n")), "b");
  });
});
