import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { make } from "../../bpf/index.ts";
import { formatEndpoint, parseIpPacket } from "../../net/index.ts";
import { hashOf } from "../flow.ts";
import { connectionTable, FLOW_WAYS, FlowKey, flows, STATE_ENDED, STATE_REMOVED } from "../tables.ts";
import { CLIENT_SIDE, type Outcome, SERVER_SIDE, TestDirector } from "../testing/director.ts";
import { udpFrame } from "../testing/frames.ts";
import { setReplyKey } from "./flows.ts";

const [CLIENT, VIRTUAL, OTHER, SERVER] = [
  "198.18.0.10:4000",
  "192.0.2.1:53",
  "192.0.2.2:53",
  "10.0.0.1:53",
] as const;
const MARK = 5;

/** Whom a packet that went out to the client is from. */
function sourceOf({ packet, out }: Outcome): string {
  assert.equal(out, CLIENT_SIDE);
  const ip = packet.bytes.subarray(14);
  const port = new DataView(ip.buffer, ip.byteOffset).getUint16(20);
  return formatEndpoint({ address: parseIpPacket(ip).source, port });
}

describe("one client's port and one server under two services", () => {
  function scene() {
    const director = new TestDirector();
    for (const service of [VIRTUAL, OTHER]) {
      director.configuration.addService("udp", service, "rr");
      director.configuration.addServer("udp", service, SERVER);
    }
    return {
      director,
      ask: (service: string) =>
        director.receive(udpFrame("client", CLIENT, service), { ifindex: CLIENT_SIDE }),
      answer: () => director.receive(udpFrame("server", SERVER, CLIENT), { ifindex: SERVER_SIDE }),
    };
  }

  test("the answers belong to the latest, and when that has ended, to the one before", () => {
    const { director, ask, answer } = scene();
    ask(VIRTUAL);
    assert.equal(sourceOf(answer()), VIRTUAL);
    ask(OTHER);
    assert.equal(sourceOf(answer()), OTHER);
    ask(VIRTUAL);
    assert.equal(sourceOf(answer()), OTHER, "as with ip_vs");
    assert.equal(director.flowWords(), 4);
    for (let i = 0; i < 5; i++) {
      director.wait(100);
      ask(VIRTUAL);
    }
    assert.equal(sourceOf(answer()), VIRTUAL);
    director.wait(302);
    assert.deepEqual(director.connections(), []);
    assert.equal(director.flowWords(), 0);
  });

  test("where there is no room for both, the one before ends, and its next datagram begins another", () => {
    const { director, ask, answer } = scene();
    ask(VIRTUAL);
    director.machine.run(() => {
      const reply = make(FlowKey);
      const slot = Array.from({ length: 64 }, (_, i) => i).find(
        (i) => connectionTable.lookup(i)!.state !== 0,
      )!;
      setReplyKey(connectionTable.lookup(slot)!, reply);
      const home = Number(((hashOf(reply) >> 32n) * 64n) >> 32n);
      const next = flows.lookup((home + 1) % 64)!;
      // Words that no flow has.
      for (let i = 0; i < FLOW_WAYS; i++) if (next.ways[i]!.word === 0) next.ways[i]!.word = 0xffffff00;
    });
    ask(OTHER);
    assert.equal(sourceOf(answer()), OTHER);
    ask(VIRTUAL);
    assert.equal(sourceOf(answer()), VIRTUAL);
    assert.equal(director.events().created, 3);
  });
});

test("a connection whose requests look as another's replies is found again when that has ended", () => {
  const director = new TestDirector();
  const { configuration } = director;
  configuration.addService("mark", String(MARK), "rr");
  configuration.addServer("mark", String(MARK), "10.0.0.2:0");
  configuration.addService("udp", VIRTUAL, "rr");
  configuration.addServer("udp", VIRTUAL, SERVER);
  // A server's late datagram, which a rule marks, opens a connection of its own.
  const late = () =>
    director.receive(udpFrame("server", SERVER, CLIENT), { ifindex: SERVER_SIDE, mark: MARK });
  late();
  director.receive(udpFrame("client", CLIENT, VIRTUAL), { ifindex: CLIENT_SIDE });
  assert.equal(sourceOf(late()), VIRTUAL);
  assert.deepEqual(
    director.connections().map(({ source }) => source),
    [SERVER, CLIENT],
  );
  assert.equal(director.flowWords(), 4, "requests and replies of both");
  director.machine.run(() => {
    for (let slot = 0; slot < 64; slot++) {
      const connection = connectionTable.lookup(slot)!;
      if (connection.clientPort === 4000) connection.state = (connection.state | STATE_ENDED) >>> 0;
    }
  });
  // The packet that finds it over takes it out of the table; it is itself of the other one.
  late();
  late();
  assert.deepEqual(
    director.connections().map(({ source }) => source),
    [SERVER],
  );
  assert.equal(director.flowWords(), 2);
  assert.equal(director.events().created, 2, "no third");
});

test("a packet whose flow another CPU is just taking out of the table is looked at again, and leaves nothing", () => {
  const director = new TestDirector();
  director.configuration.addService("udp", VIRTUAL, "rr");
  director.configuration.addServer("udp", VIRTUAL, SERVER);
  const ask = () => director.receive(udpFrame("client", CLIENT, VIRTUAL), { ifindex: CLIENT_SIDE });
  ask();
  const change = (work: (state: number) => number): void =>
    director.machine.run(() => {
      for (let slot = 0; slot < 64; slot++) {
        const connection = connectionTable.lookup(slot)!;
        if (connection.clientPort === 4000) connection.state = work(connection.state) >>> 0;
      }
    });
  change((state) => state | STATE_REMOVED);
  // It stays so, which no CPU does.
  assert.equal(ask().out, 0);
  assert.equal(director.events().created, 1);
  assert.equal(director.events().stateless, 0);
});
