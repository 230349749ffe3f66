import assert from "node:assert/strict";
import { test } from "node:test";
import { make, TC_REDIRECT } from "../../bpf/index.ts";
import { parseIpPacket } from "../../net/index.ts";
import { NO_CONNECTION } from "../flow.ts";
import {
  connectionTable,
  destinationTable,
  due,
  FLOW_WAYS,
  FlowKey,
  flows,
  PROTOCOL_UDP,
  STATE_REMOVED,
  STATE_UDP,
  ticker,
} from "../tables.ts";
import { TestDirector } from "../testing/director.ts";
import { interfaceOf, tcpFrame, udpFrame } from "../testing/frames.ts";
import { REST, takeSlot } from "./allocate.ts";
import { createConnection } from "./create.ts";
import { retire } from "./retire.ts";

const VIRTUAL = "192.0.2.1:53";
/** The tick at which a test director begins. */
const NOW = 37;

function udpDirector(connectionLimit = 16, cpus = 1) {
  const director = new TestDirector({ connectionLimit, cpus });
  director.configuration.addService("udp", VIRTUAL, "rr");
  const slot = director.configuration.addServer("udp", VIRTUAL, "10.0.0.1:5300");
  const other = director.configuration.addServer("udp", VIRTUAL, "10.0.0.2:5300");
  return { director, slot, other };
}

function keyOf(i: number): FlowKey {
  return make(FlowKey, {
    source: 0xc6120000 + i,
    destination: 0xc0000201,
    sourcePort: 1000,
    destinationPort: 53,
    kind: PROTOCOL_UDP,
  });
}

test("CPUs take slots at equal distances, each slot once, until none is left", () => {
  const { director } = udpDirector(16, 4);
  director.machine.run(() => {
    const first = [0, 1, 2, 3].map((cpu) => {
      director.machine.cpu = cpu;
      return takeSlot(NOW);
    });
    assert.deepEqual(first, [0, 4, 8, 12]);
    const rest = Array.from({ length: 12 }, () => takeSlot(NOW));
    assert.deepEqual(
      [...first, ...rest].sort((a, b) => a - b),
      [...Array(16).keys()],
    );
    assert.equal(takeSlot(NOW), NO_CONNECTION);
    due.lookup(7)!.tick = 0;
    assert.equal(takeSlot(NOW), 7);
  });
});

test("a flow that another CPU made a connection of meanwhile is that one's", () => {
  const { director, slot, other } = udpDirector();
  director.machine.run(() => {
    const one = destinationTable.lookup(slot)!;
    const two = destinationTable.lookup(other)!;
    const first = createConnection(keyOf(1), one, slot, STATE_UDP, NOW);
    assert.equal(createConnection(keyOf(1), one, slot, STATE_UDP, NOW), first, "by the reply's entry");
    assert.equal(createConnection(keyOf(1), two, other, STATE_UDP, NOW), first, "by the flow's entry");
    assert.equal(director.flowWords(), 2);
    assert.equal(one.inactive, 1);
    assert.equal(two.inactive, 0);
    const taken = Array.from({ length: 16 }, (_, i) => due.lookup(i)!.tick).filter(
      (tick) => tick > NOW + REST,
    );
    assert.equal(taken.length, 1, "the slots that were not needed only rest");
  });
});

test("a full table of flows leaves nothing behind", () => {
  const director = new TestDirector({ connectionLimit: 16 });
  director.configuration.addService("udp", VIRTUAL, "rr");
  const slot = director.configuration.addServer("udp", VIRTUAL, "10.0.0.1:5300");
  director.machine.run(() => {
    const server = destinationTable.lookup(slot)!;
    assert.equal(createConnection(keyOf(1), server, slot, STATE_UDP, NOW), 0);
    for (let bucket = 0; bucket < 16; bucket++) {
      const { ways } = flows.lookup(bucket)!;
      for (let i = 0; i < FLOW_WAYS; i++) ways[i]!.word ||= 0xffffff7f;
    }
    const all = 16 * FLOW_WAYS;
    assert.equal(createConnection(keyOf(2), server, slot, STATE_UDP, NOW), NO_CONNECTION);
    assert.equal(director.flowWords(), all);
    flows.lookup(3)!.ways[2]!.word = 0;
    for (let i = 2; i < 40; i++) createConnection(keyOf(i), server, slot, STATE_UDP, NOW);
    assert.equal(director.flowWords(), all - 1, "room for one flow is not enough for a connection");
    assert.equal(server.inactive, 1);
    for (let bucket = 0; bucket < 16; bucket++) assert.equal(flows.lookup(bucket)!.overflow, 0);
  });
});

test("a connection ends once; its slot rests, and is not taken before the sweeper has come by", () => {
  const { director, slot } = udpDirector(8);
  director.machine.run(() => {
    const server = destinationTable.lookup(slot)!;
    const index = createConnection(keyOf(1), server, slot, STATE_UDP, NOW);
    const connection = connectionTable.lookup(index)!;
    const word = connection.state;
    assert.equal(retire(connection, index, word ^ 1, NOW), false, "it changed meanwhile");
    assert.equal(retire(connection, index, word, NOW), true);
    assert.equal(retire(connection, index, connection.state, NOW), false);
    assert.equal(server.inactive, 0);
    assert.equal(director.flowWords(), 0);
    assert.notEqual(connection.state & STATE_REMOVED, 0);
    assert.notEqual(due.lookup(index)!.tick, 0);
  });
  director.wait(2);
  director.machine.run(() => {
    for (let i = 0; i < 8; i++) assert.equal(due.lookup(i)!.tick, 0);
    assert.equal(ticker.lookup(0)!.removed, 0);
  });
});

test("a slot that is used again is another generation", () => {
  const { director, slot } = udpDirector(1);
  director.machine.run(() => {
    const server = destinationTable.lookup(slot)!;
    const index = createConnection(keyOf(1), server, slot, STATE_UDP, NOW);
    const connection = connectionTable.lookup(index)!;
    const before = connection.state;
    retire(connection, index, before, NOW);
    due.lookup(index)!.tick = 0;
    assert.equal(createConnection(keyOf(1), server, slot, STATE_UDP, NOW), index);
    assert.notEqual(connection.state, before);
    assert.equal(connection.state & 0xffff, before & 0xffff);
  });
});

test("one client port at two services with one server: the replies are those of the service spoken to last", () => {
  const director = new TestDirector();
  const services = ["192.0.2.1:80", "192.0.2.2:80"];
  for (const service of services) {
    director.configuration.addService("tcp", service, "rr");
    director.configuration.addServer("tcp", service, "10.0.0.1:80");
  }
  const client = "198.18.0.10:1000";
  const source = () => {
    const reply = tcpFrame("server", "10.0.0.1:80", client, "A");
    const { packet, verdict } = director.receive(reply, { ifindex: interfaceOf("server") });
    assert.equal(verdict, TC_REDIRECT);
    return parseIpPacket(packet.bytes.subarray(14)).source.join(".");
  };
  for (const service of services) director.receive(tcpFrame("client", client, service, "S"));
  assert.equal(director.connections().length, 2);
  assert.equal(source(), "192.0.2.2");
  director.wait(30);
  director.receive(tcpFrame("client", client, services[1]!, "A"));
  director.wait(40);
  assert.equal(director.connections().length, 1, "the first has ended");
  assert.equal(source(), "192.0.2.2", "and left the other's replies alone");
});

test("datagrams of one flow stay with one server", () => {
  const { director, slot, other } = udpDirector();
  for (let i = 0; i < 5; i++) director.receive(udpFrame("client", "198.18.0.10:1000", VIRTUAL));
  assert.deepEqual([director.load(slot).inactive, director.load(other).inactive], [0, 1]);
  assert.equal(director.counters(other).inPackets, 5);
});
