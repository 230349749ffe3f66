import assert from "node:assert/strict";
import { test } from "node:test";
import { TC_NEXT, TC_REDIRECT } from "../bpf/index.ts";
import { parseIpPacket } from "../net/index.ts";
import { TestDirector } from "./testing/director.ts";
import { interfaceOf, tcpFrame, udpFrame } from "./testing/frames.ts";

const VIRTUAL = "192.0.2.1:53";
const SERVERS = ["10.0.0.1:5300", "10.0.0.2:5300", "10.0.0.3:5300"];
const LIMIT = 8;

function full(protocol: "tcp" | "udp"): TestDirector {
  const director = new TestDirector({ connectionLimit: LIMIT });
  director.configuration.addService(protocol, VIRTUAL, "rr");
  for (const server of SERVERS) director.configuration.addServer(protocol, VIRTUAL, server);
  return director;
}

function serverOf(bytes: Uint8Array): string {
  const { destination, transport } = parseIpPacket(bytes.subarray(14));
  assert.ok(transport.kind === "udp" || transport.kind === "tcp");
  assert.ok(transport.checksumValid);
  return `${destination.join(".")}:${transport.destinationPort}`;
}

test("with the table full, new flows still get through, each to one server, and are counted", () => {
  const director = full("udp");
  const chosen = new Map<string, string>();
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 40; i++) {
      const client = `198.18.0.${i}:1000`;
      const { verdict, packet } = director.receive(udpFrame("client", client, VIRTUAL));
      assert.equal(verdict, TC_REDIRECT);
      const server = serverOf(packet.bytes);
      assert.equal(chosen.get(client) ?? server, server, "a flow keeps its server");
      chosen.set(client, server);
    }
  }
  assert.equal(director.connections().length, LIMIT);
  assert.equal(director.events().stateless, 3 * (40 - LIMIT));
  assert.deepEqual(new Set(chosen.values()), new Set(SERVERS));
});

test("replies of flows without state are translated too", () => {
  const director = full("udp");
  for (let i = 0; i < LIMIT + 1; i++) {
    const client = `198.18.0.${i}:1000`;
    const { packet } = director.receive(udpFrame("client", client, VIRTUAL));
    const reply = udpFrame("server", serverOf(packet.bytes), client);
    const result = director.receive(reply, { ifindex: interfaceOf("server") });
    assert.equal(result.verdict, TC_REDIRECT);
    const { source, transport } = parseIpPacket(result.packet.bytes.subarray(14));
    assert.ok(transport.kind === "udp");
    assert.equal(`${source.join(".")}:${transport.sourcePort}`, VIRTUAL);
  }
});

test("segments of flows without state find their server; before the table was full, and long after, they are not ours", () => {
  const director = full("tcp");
  const late = () => director.receive(tcpFrame("client", "198.18.0.99:1000", VIRTUAL, "A"));
  assert.equal(late().verdict, TC_NEXT);
  for (let i = 0; i < LIMIT; i++) director.receive(tcpFrame("client", `198.18.0.${i}:1000`, VIRTUAL, "S"));
  assert.equal(late().verdict, TC_NEXT);
  const opened = director.receive(tcpFrame("client", "198.18.0.99:1000", VIRTUAL, "S"));
  const server = serverOf(opened.packet.bytes);
  assert.equal(serverOf(late().packet.bytes), server);
  const other = tcpFrame("server", "10.0.0.9:80", "198.18.0.99:1000", "A");
  assert.equal(director.receive(other, { ifindex: interfaceOf("server") }).verdict, TC_NEXT);
  director.wait(901);
  assert.equal(late().verdict, TC_NEXT);
});

test("when room is there again, new flows become connections", () => {
  const director = full("udp");
  for (let i = 0; i < LIMIT + 4; i++) director.receive(udpFrame("client", `198.18.0.${i}:1`, VIRTUAL));
  assert.equal(director.events().stateless, 4);
  director.wait(310);
  assert.equal(director.connections().length, 0);
  for (let i = 0; i < LIMIT; i++) director.receive(udpFrame("client", `198.18.1.${i}:1`, VIRTUAL));
  assert.equal(director.connections().length, LIMIT);
  assert.equal(director.events().stateless, 4);
});

test("with the table full, what a server sends to the director itself stays as it is", () => {
  const director = full("tcp");
  for (let i = 0; i <= LIMIT; i++) director.receive(tcpFrame("client", `198.18.0.${i}:1000`, VIRTUAL, "S"));
  const sent = tcpFrame("server", SERVERS[0]!, "172.16.0.1:40000", "SA");
  const { verdict, packet } = director.receive(sent, { ifindex: interfaceOf("server") });
  assert.equal(verdict, TC_NEXT);
  assert.deepEqual(packet.bytes, sent);
});
