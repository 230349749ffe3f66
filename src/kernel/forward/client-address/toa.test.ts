import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { POOL_TOA } from "../../tables.ts";
import { CLIENT_SIDE, SERVER_SIDE } from "../../testing/director.ts";
import { Dialogue, FAMILIES, hex, optionBytes, optionsOf, SYN_OPTIONS } from "./testing/dialogue.ts";

const TIMESTAMPS = { kind: "timestamps", value: 8, echo: 9 } as const;
const PLAIN = optionBytes({ kind: "noop" }, { kind: "noop" }, TIMESTAMPS);

/** A list of options in which option 254 comes, after others. */
const FORGED = Uint8Array.from([1, 1, 254, 8, 1, 2, 9, 9, 9, 9, 1, 1]);

for (const family of FAMILIES) {
  const length = family.toa.length / 2;

  /** A connection whose handshake is done but for the client's last segment. */
  function answered(flags: number): Dialogue {
    const dialogue = new Dialogue(family, flags);
    dialogue.client("S", { sequence: 5000, options: optionBytes(...SYN_OPTIONS) });
    dialogue.server("SA", { sequence: 900, acknowledgement: 5001, options: optionBytes(...SYN_OPTIONS) });
    return dialogue;
  }

  describe(`TOA, ${family.name}`, () => {
    for (const manner of [{}, { partial: true }, { padding: 6 }]) {
      const how = JSON.stringify(manner);

      test(`is in the SYN, in front of its other options ${how}`, () => {
        const dialogue = new Dialogue(family, POOL_TOA);
        const [syn] = dialogue.client("S", { sequence: 5000, options: optionBytes(...SYN_OPTIONS) }, manner);
        assert.equal(hex(syn!.options.subarray(0, length)), family.toa);
        assert.equal(hex(syn!.options.subarray(length)), hex(optionBytes(...SYN_OPTIONS)));
      });

      test(`is in what ends the handshake, and in the first data ${how}`, () => {
        const dialogue = answered(POOL_TOA);
        const numbers = { sequence: 5001, acknowledgement: 901, options: PLAIN };
        const [last] = dialogue.client("A", numbers, manner);
        assert.equal(hex(last!.options), family.toa + hex(PLAIN));
        const payload = Uint8Array.from({ length: 1301 }, (_, i) => i & 0xff);
        const [data] = dialogue.client("PA", { ...numbers, payload }, manner);
        assert.equal(hex(data!.options), family.toa + hex(PLAIN));
        assert.equal(hex(data!.payload), hex(payload));
        assert.equal(data!.sequence, 5001);
        const [later] = dialogue.client("PA", { ...numbers, acknowledgement: 902, payload }, manner);
        assert.equal(hex(later!.options), hex(PLAIN));
      });
    }

    test("is in each segment of a super-packet", () => {
      for (const linearBytes of [undefined, 90]) {
        const dialogue = answered(POOL_TOA);
        const payload = Uint8Array.from({ length: 5000 }, (_, i) => (7 * i) & 0xff);
        const segments = dialogue.client(
          "PA",
          { sequence: 5001, acknowledgement: 901, options: PLAIN, payload },
          { partial: true, gsoSize: 1400, ...(linearBytes === undefined ? {} : { linearBytes }) },
        );
        assert.equal(segments.length, 4);
        for (const each of segments) assert.equal(hex(each.options), family.toa + hex(PLAIN));
        assert.equal(hex(Buffer.concat(segments.map((each) => each.payload))), hex(payload));
      }
    });

    test("is left out where it does not fit", () => {
      const dialogue = answered(POOL_TOA);
      const full = new Uint8Array(40 - length + 4).fill(1);
      const numbers = { sequence: 5001, acknowledgement: 901 };
      assert.equal(hex(dialogue.client("A", { ...numbers, options: full })[0]!.options), hex(full));
      const payload = new Uint8Array(1500 - (family.version === 6 ? 60 : 40));
      const [data] = dialogue.client("A", { ...numbers, payload });
      assert.equal(data!.options.length, 0);
      assert.equal(data!.payload.length, payload.length);
      dialogue.director.mtus.set(SERVER_SIDE, 1400);
      dialogue.director.wait(2);
      const most = payload.subarray(100);
      for (const [left, options] of [
        [0, 0],
        [length - 1, 0],
        [length, length],
      ] as const) {
        const [small] = dialogue.client("A", { ...numbers, payload: most.subarray(left) });
        assert.equal(small!.payload.length, most.length - left);
        assert.equal(small!.options.length, options);
      }
    });

    test("makes the client's segments small enough", () => {
      const dialogue = new Dialogue(family, POOL_TOA);
      dialogue.client("S", { sequence: 5000 });
      const [answer] = dialogue.server("SA", {
        sequence: 900,
        acknowledgement: 5001,
        options: optionBytes(...SYN_OPTIONS),
      });
      assert.deepEqual(optionsOf(answer)[0], { kind: "mss", size: 1460 - length });
      assert.equal(optionsOf(answer).length, 4);
    });

    for (const flags of [0, POOL_TOA]) {
      test(`of the client is overwritten ${flags}`, () => {
        const dialogue = answered(flags);
        const numbers = { sequence: 5001, acknowledgement: 950 };
        for (const partial of [false, true]) {
          const [cleaned] = dialogue.client("A", { ...numbers, options: FORGED }, { partial });
          assert.equal(hex(cleaned!.options), "01".repeat(12));
        }
        for (const [list, clean] of [
          // The option's length is too large; too small; it is the last byte.
          ["080a0000000100000002fefe", "080a00000001000000020101"],
          ["0101fe000908070605040302", "010101010101010101010101"],
          ["010101fe", "01010101"],
          // Behind the end of the list, and behind an option that is malformed.
          ["0100fe04010203040506fe02", "010000000000000000000000"],
          ["0300fe080102030405060708", "010101010101010101010101"],
          ["0328fe080102030405060708", "010101010101010101010101"],
          // Many.
          ["fe02".repeat(20), "01".repeat(40)],
          ["05fe".padEnd(8, "fe"), "01010101"],
        ] as const) {
          const [cleaned] = dialogue.client("A", { ...numbers, options: Buffer.from(list, "hex") });
          assert.equal(hex(cleaned!.options), clean);
        }
      });
    }

    test("is not told to servers of other services", () => {
      const dialogue = answered(0);
      const [last] = dialogue.client("A", { sequence: 5001, acknowledgement: 901, options: PLAIN });
      assert.equal(hex(last!.options), hex(PLAIN));
      assert.equal(dialogue.director.mtus.get(CLIENT_SIDE), 1500);
    });
  });
}
