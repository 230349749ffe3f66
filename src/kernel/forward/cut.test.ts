/** Packets that are larger than the way on, and may be fragmented: cut here, so that no part of them meets netfilter. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedPacket, TC_NEXT, TC_REDIRECT } from "../../bpf/index.ts";
import { LOOPBACK } from "../headers.ts";
import { FORWARD_FULLNAT } from "../tables.ts";
import { CLIENT_SIDE, type Outcome, SERVER_SIDE, TestDirector } from "../testing/director.ts";
import { fragmentsOf, reassembled } from "../testing/fragments.ts";
import { frame, type Side, udpFrame } from "../testing/frames.ts";

const [CLIENT, VIRTUAL, SERVER] = ["198.18.0.10:4000", "192.0.2.1:53", "10.0.0.1:53"] as const;
const LOCAL = "10.0.0.200";
const MTU = 600;
/** As sent, and aged by this hop. */
const SENT = { payload: Uint8Array.from({ length: 1500 }, (_, i) => (7 * i) & 0xff), ip: { timeToLive: 9 } };
const AGED = { ...SENT, ip: { timeToLive: 8 } };

function masquerading(): TestDirector {
  const director = new TestDirector();
  director.configuration.addService("udp", VIRTUAL, "rr");
  director.configuration.addServer("udp", VIRTUAL, SERVER);
  return director;
}

function fullnat(): TestDirector {
  const director = new TestDirector();
  director.configuration.addService("udp", VIRTUAL, "rr", { localAddresses: [LOCAL] });
  director.configuration.addServer("udp", VIRTUAL, SERVER, { method: FORWARD_FULLNAT });
  return director;
}

/** The IP packets that leave by a side, none of them larger than its MTU. */
function partsOf({ verdict, packet, out }: Outcome, side: number): Uint8Array[] {
  assert.equal(verdict, TC_REDIRECT);
  assert.deepEqual(
    [...packet.clones.map(({ ifindex }) => ifindex), out].filter((each) => each !== side),
    [],
  );
  const parts = [...packet.clones.map((clone) => clone.packet.bytes), packet.bytes];
  return parts.map((bytes) => {
    assert.ok(bytes.length - 14 <= MTU, `${bytes.length - 14} bytes`);
    return Uint8Array.from(bytes.subarray(14));
  });
}

function assertWhole(parts: readonly Uint8Array[], expected: Uint8Array): void {
  assert.equal(
    Buffer.from(reassembled(parts)).toString("hex"),
    Buffer.from(expected.subarray(14)).toString("hex"),
  );
}

const through = (director: TestDirector, side: Side, bytes: Uint8Array): Outcome =>
  director.receive(bytes, { ifindex: side === "client" ? CLIENT_SIDE : SERVER_SIDE });

for (const [name, make] of [
  ["masquerading", masquerading],
  ["FullNAT", fullnat],
] as const) {
  test(`a datagram that is too large for the way leaves in parts, ${name}`, () => {
    const director = make();
    for (const side of [CLIENT_SIDE, SERVER_SIDE]) director.mtus.set(side, MTU);
    // The first asks for the way, the second knows it.
    for (let round = 0; round < 2; round++) {
      const up = partsOf(through(director, "client", udpFrame("client", CLIENT, VIRTUAL, SENT)), SERVER_SIDE);
      const port = new DataView(up[0]!.buffer).getUint16(20);
      const peer = make === fullnat ? `${LOCAL}:${port}` : CLIENT;
      assertWhole(up, udpFrame("client", peer, SERVER, AGED));
      const back = through(director, "server", udpFrame("server", SERVER, peer, SENT));
      assertWhole(partsOf(back, CLIENT_SIDE), udpFrame("server", VIRTUAL, CLIENT, AGED));
    }
  });

  test(`fragments that are too large for the way are cut again, ${name}`, () => {
    const director = make();
    director.mtus.set(SERVER_SIDE, MTU);
    const packet = udpFrame("client", CLIENT, VIRTUAL, SENT).subarray(14);
    for (const size of [1200, 624]) {
      const parts = fragmentsOf(packet, size).map((part) => frame("client", part));
      const sent = parts.flatMap((part) => partsOf(through(director, "client", part), SERVER_SIDE));
      const port = new DataView(sent[0]!.buffer).getUint16(20);
      const peer = make === fullnat ? `${LOCAL}:${port}` : CLIENT;
      const whole = Buffer.from(reassembled(sent));
      const expected = Buffer.from(udpFrame("client", peer, SERVER, AGED).subarray(14));
      // But for the identification, and so the header's checksum.
      for (const each of [whole, expected]) each.fill(0, 4, 6).fill(0, 10, 12);
      assert.equal(whole.toString("hex"), expected.toString("hex"));
    }
  });
}

test("a checksum that was left to the device is complete before the packet is cut", () => {
  const director = masquerading();
  director.mtus.set(SERVER_SIDE, MTU);
  const bytes = udpFrame("client", CLIENT, VIRTUAL, SENT);
  const view = new DataView(bytes.buffer);
  const complete = view.getUint16(40);
  const words = [26, 28, 30, 32].map((at) => view.getUint16(at));
  const pseudo = words.reduce((sum, word) => sum + word, 17 + view.getUint16(38));
  view.setUint16(40, (pseudo & 0xffff) + (pseudo >>> 16));
  const packet = new SimulatedPacket(bytes, {
    ifindex: CLIENT_SIDE,
    checksum: { kind: "partial", start: 34, offset: 6 },
  });
  assert.notEqual(view.getUint16(40), complete);
  assertWhole(partsOf(director.receivePacket(packet), SERVER_SIDE), udpFrame("client", CLIENT, SERVER, AGED));
});

test("where the neighbour is not known yet, the kernel gets the packet translated, which it ages", () => {
  for (const [make, out] of [
    [masquerading, 0],
    [fullnat, LOOPBACK],
  ] as const) {
    const director = make();
    director.mtus.set(SERVER_SIDE, MTU);
    director.neighboursKnown = false;
    const up = through(director, "client", udpFrame("client", CLIENT, VIRTUAL, SENT));
    assert.deepEqual([up.verdict, up.out], out === 0 ? [TC_NEXT, 0] : [TC_REDIRECT, out]);
    const peer = make === fullnat ? `${LOCAL}:${up.packet.data.getUint16(34)}` : CLIENT;
    const expected = udpFrame("client", peer, SERVER, SENT);
    assert.deepEqual(up.packet.bytes.subarray(14), expected.subarray(14));
  }
});
