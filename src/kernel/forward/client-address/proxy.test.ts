import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseIpPacket } from "../../../net/index.ts";
import { POOL_PROXY } from "../../tables.ts";
import { SERVER_SIDE } from "../../testing/director.ts";
import { tcpFrame } from "../../testing/frames.ts";
import { Dialogue, FAMILIES, hex, optionBytes, optionsOf, SYN_OPTIONS } from "./testing/dialogue.ts";

const TIMESTAMPS = { kind: "timestamps", value: 8, echo: 9 } as const;
const PLAIN = optionBytes({ kind: "noop" }, { kind: "noop" }, TIMESTAMPS);
const DATA = Uint8Array.from({ length: 1001 }, (_, i) => (3 * i) & 0xff);

for (const family of FAMILIES) {
  const length = family.proxy.length / 2;
  /** The client's first byte is 5001, the server's 901. */
  const first = { sequence: 5001, acknowledgement: 901 };

  function answered(): Dialogue {
    const dialogue = new Dialogue(family, POOL_PROXY);
    dialogue.client("S", { sequence: 5000, options: optionBytes(...SYN_OPTIONS) });
    dialogue.server("SA", { sequence: 900, acknowledgement: 5001, options: optionBytes(...SYN_OPTIONS) });
    return dialogue;
  }

  /** The server's acknowledgement as the client gets it. */
  function acknowledged(dialogue: Dialogue, acknowledgement: number): number {
    return dialogue.server("A", { sequence: 901, acknowledgement })[0]!.acknowledgement;
  }

  describe(`PROXY protocol, ${family.name}`, () => {
    test("keeps of the SYN's options those that need not know of sequence numbers", () => {
      const dialogue = new Dialogue(family, POOL_PROXY);
      for (const partial of [false, true, false]) {
        const [syn] = dialogue.client(
          "S",
          { sequence: 5000, options: optionBytes(...SYN_OPTIONS) },
          { partial },
        );
        assert.deepEqual(optionsOf(syn), [SYN_OPTIONS[0], SYN_OPTIONS[2], SYN_OPTIONS[4]]);
        assert.equal(syn!.sequence, 5000);
        assert.equal(syn!.payload.length, 0);
      }
      const [answer] = dialogue.server("SA", {
        sequence: 900,
        acknowledgement: 5001,
        options: optionBytes(...SYN_OPTIONS),
      });
      assert.deepEqual(optionsOf(answer), [
        { kind: "mss", size: 1460 - length },
        SYN_OPTIONS[2],
        SYN_OPTIONS[4],
      ]);
      assert.equal(answer!.acknowledgement, 5001);
    });

    test("takes no data in a SYN", () => {
      const dialogue = new Dialogue(family, POOL_PROXY);
      assert.deepEqual(dialogue.client("S", { sequence: 5000, payload: DATA }), []);
      assert.equal(dialogue.client("S", { sequence: 5000 }).length, 1);
    });

    for (const manner of [{}, { partial: true }, { padding: 5 }]) {
      test(`puts the header in front of the stream ${JSON.stringify(manner)}`, () => {
        const dialogue = answered();
        const [last] = dialogue.client("A", { ...first, options: PLAIN }, manner);
        assert.equal(hex(last!.payload), family.proxy);
        assert.equal(last!.sequence, 5001);
        assert.equal(hex(last!.options), hex(PLAIN));
        const [data] = dialogue.client("PA", { ...first, options: PLAIN, payload: DATA }, manner);
        assert.equal(hex(data!.payload), family.proxy + hex(DATA));
        assert.equal(data!.sequence, 5001);
        // The next segment comes before the first is acknowledged.
        const [next] = dialogue.client("PA", { ...first, sequence: 6002, payload: DATA }, manner);
        assert.equal(hex(next!.payload), hex(DATA));
        assert.equal(next!.sequence, 6002 + length);
        assert.equal(acknowledged(dialogue, 5001 + length), 5001);
        const [again] = dialogue.client("PA", { ...first, payload: DATA }, manner);
        assert.equal(hex(again!.payload), hex(DATA));
        assert.equal(again!.sequence, 5001 + length);
        assert.equal(acknowledged(dialogue, 7003 + length), 7003);
      });
    }

    test("in front of a super-packet", () => {
      for (const linearBytes of [undefined, 90]) {
        const dialogue = answered();
        const payload = Uint8Array.from({ length: 5000 }, (_, i) => (7 * i) & 0xff);
        const manner = {
          partial: true,
          gsoSize: 1400,
          ...(linearBytes === undefined ? {} : { linearBytes }),
        };
        const segments = dialogue.client("PA", { ...first, options: PLAIN, payload }, manner);
        const stream = Buffer.concat(segments.map((each) => each.payload));
        assert.equal(hex(stream), family.proxy + hex(payload));
        acknowledged(dialogue, 10001 + length);
        const more = dialogue.client("PA", { ...first, sequence: 10001, options: PLAIN, payload }, manner);
        assert.equal(more[0]!.sequence, 10001 + length);
        assert.equal(hex(Buffer.concat(more.map((each) => each.payload))), hex(payload));
      }
    });

    test("a server that has a part of the header has none of the client's data", () => {
      const dialogue = answered();
      dialogue.client("A", first);
      assert.equal(acknowledged(dialogue, 5001), 5001);
      assert.equal(acknowledged(dialogue, 5002), 5001);
      assert.equal(acknowledged(dialogue, 5000 + length), 5001);
      const [again] = dialogue.client("PA", { ...first, payload: DATA });
      assert.equal(hex(again!.payload), family.proxy + hex(DATA));
      assert.equal(acknowledged(dialogue, 5011 + length), 5011);
      // A part of the first segment again.
      const [part] = dialogue.client("PA", { ...first, sequence: 5011, payload: DATA.subarray(10, 20) });
      assert.equal(part!.sequence, 5011 + length);
      assert.equal(hex(part!.payload), hex(DATA.subarray(10, 20)));
    });

    test("FIN without data, keepalives and window probes", () => {
      const dialogue = answered();
      const [probe] = dialogue.client("A", { ...first, sequence: 5000 });
      assert.deepEqual([probe!.sequence, probe!.payload.length], [5000, 0]);
      const [fin] = dialogue.client("FA", first);
      assert.deepEqual([fin!.sequence, hex(fin!.payload), fin!.flags], [5001, family.proxy, 0x11]);
      assert.equal(acknowledged(dialogue, 5002 + length), 5002);
      const [again] = dialogue.client("A", { ...first, sequence: 5000 });
      assert.equal(again!.sequence, 5000 + length);
      const [last] = dialogue.client("A", { ...first, sequence: 5002 });
      assert.deepEqual([last!.sequence, last!.payload.length], [5002 + length, 0]);
    });

    test("resets, of both", () => {
      const early = answered();
      const [before] = early.client("R", first);
      assert.deepEqual([before!.sequence, before!.payload.length], [5001, 0]);
      const dialogue = answered();
      dialogue.client("A", first);
      assert.equal(dialogue.client("R", first)[0]!.sequence, 5001 + length);
      const answer = dialogue.server("RA", { sequence: 901, acknowledgement: 5001 + length });
      assert.equal(answer[0]!.acknowledgement, 5001);
      const bare = dialogue.server("R", { sequence: 901, acknowledgement: 0 });
      assert.equal(bare[0]!.acknowledgement, 0);
      const refused = new Dialogue(family, POOL_PROXY);
      refused.client("S", { sequence: 5000 });
      assert.equal(refused.server("RA", { acknowledgement: 5001 })[0]!.acknowledgement, 5001);
    });

    test("urgent data end later", () => {
      const [data] = answered().client("PAU", { ...first, urgent: 5, payload: DATA });
      assert.equal(data!.urgent, 5 + length);
    });

    test("what is too large with the header is answered with the MTU less the header", () => {
      const dialogue = answered();
      const headers = family.version === 6 ? 60 : 40;
      const payload = new Uint8Array(1500 - headers);
      dialogue.director.mtus.set(SERVER_SIDE, 1500);
      const settings = { ...first, payload, ip: { dontFragment: true } };
      const bytes = tcpFrame("client", family.client, family.virtual, "PA", settings);
      const { packet } = dialogue.raw("client", bytes);
      const { transport } = parseIpPacket(packet.bytes.subarray(14));
      assert.ok(transport.kind === "icmp" || transport.kind === "icmpv6");
      assert.equal(transport.parameter & 0xffff, 1500 - length);
      const fits = dialogue.client("PA", { ...first, payload: payload.subarray(length) });
      assert.equal(hex(fits[0]!.payload), family.proxy + hex(payload.subarray(length)));
    });

    test("is in front of each datagram", () => {
      const dialogue = new Dialogue(family, POOL_PROXY);
      // 1 is a stream, 2 are datagrams.
      const header = family.proxy.replace(/^(.{26}.)1/, "$12");
      for (const size of [1001, 0, 700]) {
        assert.equal(hex(dialogue.datagram(DATA.subarray(0, size))), header + hex(DATA.subarray(0, size)));
      }
      assert.equal(dialogue.datagram(DATA, { gsoSize: 500 }), undefined);
      const checksumless = new Uint8Array(0);
      assert.equal(hex(dialogue.datagram(checksumless)), header);
    });

    test("a connection keeps what it began with", () => {
      const dialogue = answered();
      dialogue.client("PA", { ...first, payload: DATA });
      dialogue.director.configuration.addService("tcp", family.virtual.replace(/80$/, "81"), "rr");
      assert.equal(acknowledged(dialogue, 6002 + length), 6002);
      const other = new Dialogue(family, 0);
      other.client("S", { sequence: 5000 });
      other.server("SA", { sequence: 900, acknowledgement: 5001 });
      const [data] = other.client("PA", { ...first, payload: DATA });
      assert.equal(hex(data!.payload), hex(DATA));
    });
  });
}
