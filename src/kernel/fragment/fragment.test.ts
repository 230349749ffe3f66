import assert from "node:assert/strict";
import { test } from "node:test";
import { TC_NEXT, TC_REDIRECT, TC_SHOT } from "../../bpf/index.ts";
import { buildTcp, buildUdp, endpoint, parseIpPacket } from "../../net/index.ts";
import { CLIENT_SIDE, type Outcome, SERVER_SIDE, TestDirector } from "../testing/director.ts";
import { fragmentsOf, reassembled, receiveAll } from "../testing/fragments.ts";
import { frame, type Side } from "../testing/frames.ts";
import { randomNumbers } from "../testing/mutate.ts";

const CLIENT = "198.18.0.10:40001";
const VIRTUAL = "192.0.2.1:53";
const SERVER = "10.0.0.1:8081";

function director(): { director: TestDirector; slot: number } {
  const made = new TestDirector();
  made.configuration.addService("udp", VIRTUAL, "rr");
  made.configuration.addService("tcp", VIRTUAL, "rr");
  made.configuration.addServer("tcp", VIRTUAL, SERVER);
  return { director: made, slot: made.configuration.addServer("udp", VIRTUAL, SERVER) };
}

const payload = Uint8Array.from({ length: 4000 }, (_, i) => i * 7 + (i >>> 8));

function parts(side: Side, from: string, to: string, identification = 1, size = 1480): Uint8Array[] {
  const whole = buildUdp(endpoint(from), endpoint(to), { payload, ip: { dontFragment: false } });
  return fragmentsOf(whole, size, identification).map((each) => frame(side, each));
}

/** The datagram that was sent on in parts. */
function sent(outcomes: readonly Outcome[]): ReturnType<typeof parseIpPacket> {
  const out = outcomes.filter(({ verdict }) => verdict === TC_REDIRECT);
  return parseIpPacket(reassembled(out.map(({ packet }) => packet.bytes.subarray(14))));
}

function assertUdp(outcomes: readonly Outcome[], from: string, to: string): void {
  const { source, destination, transport } = sent(outcomes);
  assert.ok(transport.kind === "udp" && transport.checksumValid);
  assert.equal(`${source.join(".")}:${transport.sourcePort}`, from);
  assert.equal(`${destination.join(".")}:${transport.destinationPort}`, to);
  assert.deepEqual(Buffer.from(transport.payload), Buffer.from(payload));
}

test("all parts of a datagram go the same way, and it counts once; the reply's too", () => {
  const { director: made, slot } = director();
  const there = receiveAll(made, parts("client", CLIENT, VIRTUAL), CLIENT_SIDE);
  assert.deepEqual(
    there.map(({ out }) => out),
    [SERVER_SIDE, SERVER_SIDE, SERVER_SIDE],
  );
  assertUdp(there, CLIENT, SERVER);
  for (const { packet } of there) {
    const { header, timeToLive } = parseIpPacket(packet.bytes.subarray(14));
    assert.ok("checksumValid" in header && header.checksumValid);
    assert.equal(timeToLive, 63);
  }
  const back = receiveAll(made, parts("server", SERVER, CLIENT), SERVER_SIDE);
  assertUdp(back, VIRTUAL, CLIENT);
  // As recorded: a datagram of 4000 bytes is one packet of 4028.
  assert.deepEqual(made.counters(slot), {
    connections: 1,
    inPackets: 1,
    inBytes: 4028,
    outPackets: 1,
    outBytes: 4028,
  });
});

test("in any order, with others between them", () => {
  const random = randomNumbers(7);
  for (let round = 0; round < 40; round++) {
    const { director: made, slot } = director();
    const size = 8 * (60 + random(126));
    const clients = ["198.18.0.10:1", "198.18.0.11:1"];
    const all = clients.flatMap((client, index) => parts("client", client, VIRTUAL, index + 5, size));
    for (let i = all.length - 1; i > 0; i--) {
      const j = random(i + 1);
      [all[i], all[j]] = [all[j]!, all[i]!];
    }
    const outcomes = receiveAll(made, all, CLIENT_SIDE);
    for (const client of clients) {
      const from = [...endpoint(client).address].join();
      assertUdp(
        outcomes.filter(({ packet }) => packet.bytes.subarray(26, 30).join() === from),
        client,
        SERVER,
      );
    }
    assert.equal(made.counters(slot).inPackets, 2);
    assert.equal(made.counters(slot).inBytes, 2 * 4028);
    assert.equal(made.events().unheld, 0);
  }
});

test("parts without the first one are kept for a second, and only so many", () => {
  const { director: made } = director();
  const [first, ...others] = parts("client", CLIENT, VIRTUAL);
  assert.deepEqual(
    receiveAll(made, others, CLIENT_SIDE).map(({ verdict }) => verdict),
    [TC_SHOT, TC_SHOT],
  );
  made.wait(1.5);
  const late = receiveAll(made, [first!], CLIENT_SIDE);
  assert.deepEqual(
    late.map(({ verdict }) => verdict),
    [TC_REDIRECT],
  );
  const small = parts("client", CLIENT, VIRTUAL, 9, 160).slice(1);
  const verdicts = receiveAll(made, small, CLIENT_SIDE).map(({ verdict }) => verdict);
  assert.equal(verdicts.filter((verdict) => verdict === TC_SHOT).length, 16);
  assert.equal(verdicts.filter((verdict) => verdict === TC_NEXT).length, small.length - 16);
  assert.equal(made.events().held, 18);
  assert.equal(made.events().unheld, small.length - 16);
});

test("what is not ours goes on untouched, in any order", () => {
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
  ]) {
    const { director: made } = director();
    const all = parts("client", CLIENT, "192.0.2.1:54");
    const outcomes = receiveAll(
      made,
      order.map((index) => all[index]!),
      CLIENT_SIDE,
    );
    const left = outcomes.filter(({ verdict }) => verdict === TC_NEXT).map(({ packet }) => packet.bytes);
    assert.deepEqual(
      left.map((bytes) => Buffer.from(bytes).toString("hex")).sort(),
      all.map((bytes) => Buffer.from(bytes).toString("hex")).sort(),
    );
    assert.deepEqual(made.connections(), []);
  }
});

test("tiny first parts and overlapping ones are not balanced (RFC 1858, RFC 3128)", () => {
  const { director: made } = director();
  const syn = buildTcp(endpoint(CLIENT), endpoint(VIRTUAL), "S", { payload: new Uint8Array(100) });
  const tiny = fragmentsOf(syn, 8).map((each) => frame("client", each));
  for (const { verdict } of receiveAll(made, tiny, CLIENT_SIDE)) assert.equal(verdict, TC_NEXT);
  assert.deepEqual(made.connections(), []);

  const [first] = fragmentsOf(syn, 64, 2).map((each) => frame("client", each));
  const [, second, third] = fragmentsOf(syn, 8, 2).map((each) => frame("client", each));
  const later = fragmentsOf(syn, 64, 2).map((each) => frame("client", each))[1]!;
  const outcomes = receiveAll(made, [first!, second!, third!, later], CLIENT_SIDE);
  assert.deepEqual(
    outcomes.map(({ verdict }) => verdict),
    [TC_REDIRECT, TC_SHOT, TC_SHOT, TC_SHOT],
  );
});

test("parts that no datagram can have go on untouched", () => {
  const { director: made } = director();
  const [first, second] = parts("client", CLIENT, VIRTUAL);
  const change = (at: number, value: number) => {
    const bytes = Uint8Array.from(second!);
    new DataView(bytes.buffer).setUint16(at, value);
    return bytes;
  };
  receiveAll(made, [first!], CLIENT_SIDE);
  const wrong = {
    "not a multiple of 8": change(16, 1495),
    empty: change(16, 20),
    "past the end": change(20, 0x3fff),
  };
  for (const [what, bytes] of Object.entries(wrong)) {
    const { verdict, packet } = made.receive(bytes, { ifindex: CLIENT_SIDE });
    assert.equal(verdict, TC_NEXT, what);
    assert.deepEqual(Buffer.from(packet.bytes), Buffer.from(bytes));
  }
  assert.equal(made.events().malformed, 3);
});

test("parts of a datagram whose connection or server is gone are dropped", () => {
  const { director: made } = director();
  const [first, second, third] = parts("client", CLIENT, VIRTUAL);
  receiveAll(made, [first!, second!], CLIENT_SIDE);
  made.configuration.deleteServer("udp", VIRTUAL, SERVER);
  assert.equal(made.receive(third!, { ifindex: CLIENT_SIDE }).verdict, TC_SHOT);
  assert.equal(made.events().orphaned, 1);
});
