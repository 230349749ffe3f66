import assert from "node:assert/strict";
import { test } from "node:test";
import { type PacketOptions, TC_NEXT, TC_REDIRECT, TC_SHOT } from "../bpf/index.ts";
import { parseIpPacket } from "../net/index.ts";
import { destinationTable } from "./tables.ts";
import { CLIENT_SIDE, type Outcome, SERVER_SIDE, TestDirector } from "./testing/director.ts";
import { interfaceOf, type Side, tcpFrame, udpFrame } from "./testing/frames.ts";

const CLIENT = "198.18.0.10:40001";
const VIRTUAL = "192.0.2.1:80";
const SERVER = "10.0.0.1:8080";

function nat(): { director: TestDirector; slot: number } {
  const director = new TestDirector();
  director.configuration.addService("tcp", VIRTUAL, "rr");
  director.configuration.addService("udp", VIRTUAL, "rr");
  director.configuration.addServer("udp", VIRTUAL, SERVER);
  return { director, slot: director.configuration.addServer("tcp", VIRTUAL, SERVER) };
}

function segment(director: TestDirector, side: Side, flags: string, options: PacketOptions = {}): Outcome {
  const [from, to] = side === "client" ? [CLIENT, VIRTUAL] : [SERVER, CLIENT];
  return director.receive(tcpFrame(side, from, to, flags), { ifindex: interfaceOf(side), ...options });
}

/** Establishes a connection; the next hops are known afterwards. */
function establish(director: TestDirector): void {
  segment(director, "client", "S");
  segment(director, "server", "SA");
  segment(director, "client", "A");
}

function assertUntouched(outcome: Outcome, bytes: Uint8Array): void {
  assert.equal(outcome.verdict, TC_NEXT);
  assert.deepEqual(Buffer.from(outcome.packet.bytes), Buffer.from(bytes));
}

test("what is not ours goes on untouched", () => {
  const { director } = nat();
  const frames = {
    "another address": tcpFrame("client", CLIENT, "192.0.2.2:80", "S"),
    "another port": tcpFrame("client", CLIENT, "192.0.2.1:81", "S"),
    "a datagram for another port": udpFrame("client", CLIENT, "192.0.2.1:81"),
    "a segment that opens nothing": tcpFrame("client", CLIENT, VIRTUAL, "A"),
    "a reset with SYN": tcpFrame("client", CLIENT, VIRTUAL, "SR"),
  };
  for (const [what, bytes] of Object.entries(frames)) {
    assert.doesNotThrow(() => assertUntouched(director.receive(bytes), bytes), what);
  }
  const syn = tcpFrame("client", CLIENT, VIRTUAL, "S");
  assertUntouched(director.receive(syn, { type: 3 }), syn);
  assertUntouched(director.receive(syn, { vlanPresent: 1 }), syn);
  assertUntouched(director.receive(syn, { protocol: 0x86dd }), syn);
  assert.deepEqual(director.connections(), []);
});

test("a service of another epoch does not exist", () => {
  const { director } = nat();
  director.setEpoch(2);
  const syn = tcpFrame("client", CLIENT, VIRTUAL, "S");
  assertUntouched(director.receive(syn), syn);
});

test("programs without TCP or UDP leave it alone", () => {
  for (const [option, opens] of [
    ["tcp", "udp"],
    ["udp", "tcp"],
  ] as const) {
    const director = new TestDirector({ options: { [option]: false } });
    for (const protocol of ["tcp", "udp"] as const) {
      director.configuration.addService(protocol, VIRTUAL, "rr");
      director.configuration.addServer(protocol, VIRTUAL, SERVER);
    }
    director.receive(tcpFrame("client", CLIENT, VIRTUAL, "S"));
    director.receive(udpFrame("client", CLIENT, VIRTUAL));
    assert.deepEqual(
      director.connections().map(({ state }) => state),
      [opens === "udp" ? "UDP" : "SYN_RECV"],
    );
  }
});

test("headers are found in packets whose data is not linear, and behind IP options", () => {
  const { director } = nat();
  const { verdict, packet } = segment(director, "client", "S", { linearBytes: 14 });
  assert.equal(verdict, TC_REDIRECT);
  assert.equal(parseIpPacket(packet.bytes.subarray(14)).destination.join("."), "10.0.0.1");
  const options = Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0);
  const other = tcpFrame("client", "198.18.0.11:1", VIRTUAL, "S", { ip: { options } });
  const result = director.receive(other, { linearBytes: 20 });
  assert.equal(result.verdict, TC_REDIRECT);
  const sent = parseIpPacket(result.packet.bytes.subarray(14));
  assert.ok(sent.transport.kind === "tcp" && sent.transport.checksumValid);
  assert.equal(sent.transport.destinationPort, 8080);
});

test("the first packets go through the neighbour code, the next by the kept hop; each second it is asked again", () => {
  const { director } = nat();
  const first = segment(director, "client", "S");
  assert.equal(first.packet.redirected?.kind, "redirectNeighbour");
  assert.equal(first.out, SERVER_SIDE);
  const reply = segment(director, "server", "SA");
  assert.equal(reply.packet.redirected?.kind, "redirectNeighbour");
  assert.equal(reply.out, CLIENT_SIDE);
  assert.equal(director.lookups, 2);

  const second = segment(director, "client", "A");
  assert.equal(second.packet.redirected?.kind, "redirect");
  assert.deepEqual([...second.packet.bytes.subarray(0, 12)], [2, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 3]);
  const toClient = segment(director, "server", "A");
  assert.deepEqual([...toClient.packet.bytes.subarray(0, 12)], [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
  assert.equal(director.lookups, 2);

  director.wait(1.3);
  assert.equal(segment(director, "client", "A").packet.redirected?.kind, "redirectNeighbour");
  assert.equal(segment(director, "client", "A").packet.redirected?.kind, "redirect");
  assert.equal(director.lookups, 3);
});

test("the way to a client is asked for once for all its connections", () => {
  const { director } = nat();
  director.receive(udpFrame("client", CLIENT, VIRTUAL), { ifindex: CLIENT_SIDE });
  establish(director);
  const before = director.lookups;
  for (const port of [1, 2, 3]) {
    const client = `198.18.0.10:${port}`;
    director.receive(tcpFrame("client", client, VIRTUAL, "S"), { ifindex: CLIENT_SIDE });
    const reply = tcpFrame("server", SERVER, client, "SA");
    const { packet } = director.receive(reply, { ifindex: SERVER_SIDE });
    assert.deepEqual(packet.redirected, { kind: "redirect", ifindex: CLIENT_SIDE, flags: 0 });
    assert.deepEqual([...packet.bytes.subarray(0, 12)], [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
  }
  assert.equal(director.lookups, before);
  // The same place in the table, another client.
  const other = "198.18.16.11:1";
  director.receive(tcpFrame("client", other, VIRTUAL, "S"), { ifindex: CLIENT_SIDE });
  director.receive(tcpFrame("server", SERVER, other, "SA"), { ifindex: SERVER_SIDE });
  assert.equal(director.lookups, before + 1);
});

test("an unknown neighbour is the kernel's to find", () => {
  const { director } = nat();
  director.neighboursKnown = false;
  for (let i = 0; i < 3; i++) {
    const { packet, out } = segment(director, "client", "S");
    assert.equal(packet.redirected?.kind, "redirectNeighbour");
    assert.equal(out, SERVER_SIDE);
  }
});

test("packets from loopback's addresses, or from none, are no clients'", () => {
  const { director } = nat();
  for (const client of ["127.0.0.1:4000", "0.0.0.0:4000"]) {
    assert.equal(director.receive(tcpFrame("client", client, VIRTUAL, "S")).verdict, TC_NEXT);
  }
  assert.deepEqual(director.connections(), []);
});

test("a checksum that a device will fill in keeps the sum of the pseudo-header", () => {
  const { director } = nat();
  const partial = { kind: "partial", start: 34, offset: 16 } as const;
  const { packet } = segment(director, "client", "S", { checksum: partial });
  const ip = packet.bytes.subarray(14);
  const sum = (bytes: Uint8Array) => {
    let all = 0;
    for (let i = 0; i < bytes.length; i += 2) all += (bytes[i]! << 8) | bytes[i + 1]!;
    while (all > 0xffff) all = (all & 0xffff) + (all >>> 16);
    return all;
  };
  const before = tcpFrame("client", CLIENT, VIRTUAL, "S").subarray(14);
  const field = (bytes: Uint8Array) => (bytes[36]! << 8) | bytes[37]!;
  const addresses = sum(ip.subarray(12, 20)) - sum(before.subarray(12, 20));
  const change = (field(ip) - field(before) - addresses) % 0xffff;
  assert.ok(change === 0, "only the addresses count, not the ports");
});

test("a datagram without a checksum stays without", () => {
  const { director } = nat();
  const bytes = udpFrame("client", CLIENT, VIRTUAL, { payload: Uint8Array.of(1, 2, 3) });
  bytes.fill(0, 40, 42);
  const { packet, verdict } = director.receive(bytes);
  assert.equal(verdict, TC_REDIRECT);
  assert.deepEqual([...packet.bytes.subarray(40, 42)], [0, 0]);
});

test("super-packets stay whole and count as what they become on the wire", () => {
  const { director, slot } = nat();
  establish(director);
  const before = director.counters(slot);
  const bytes = tcpFrame("client", CLIENT, VIRTUAL, "PA", { payload: new Uint8Array(14_600) });
  const { verdict, packet } = director.receive(bytes, { gsoSize: 1460, gsoSegments: 10 });
  assert.equal(verdict, TC_REDIRECT);
  assert.equal(packet.length, bytes.length);
  const after = director.counters(slot);
  assert.equal(after.inPackets - before.inPackets, 10);
  assert.equal(after.inBytes - before.inBytes, bytes.length - 14);
});

test("a super-packet whose segments are larger than the MTU behind is answered", () => {
  const { director } = nat();
  director.mtus.set(SERVER_SIDE, 1400);
  establish(director);
  const bytes = tcpFrame("client", CLIENT, VIRTUAL, "PA", {
    payload: new Uint8Array(14_600),
    ip: { dontFragment: true },
  });
  const partial = { kind: "partial", start: 34, offset: 16 } as const;
  const { packet, out } = director.receive(bytes, {
    ifindex: CLIENT_SIDE,
    gsoSize: 1460,
    gsoSegments: 10,
    checksum: partial,
  });
  assert.equal(out, CLIENT_SIDE);
  const { transport } = parseIpPacket(packet.bytes.subarray(14));
  assert.ok(transport.kind === "icmp" && transport.type === 3 && transport.code === 4);
  assert.equal(transport.parameter & 0xffff, 1400);
});

test("time to live runs out: the client is told, the server's packets are left to the kernel", () => {
  const { director } = nat();
  establish(director);
  const late = { ip: { timeToLive: 1 } };
  const { packet, out, verdict } = director.receive(tcpFrame("client", CLIENT, VIRTUAL, "A", late), {
    ifindex: CLIENT_SIDE,
  });
  assert.equal(verdict, TC_REDIRECT);
  assert.equal(out, CLIENT_SIDE);
  const answer = parseIpPacket(packet.bytes.subarray(14));
  assert.equal(answer.source.join("."), "192.0.2.1");
  assert.equal(answer.destination.join("."), "198.18.0.10");
  assert.ok(
    answer.transport.kind === "icmp" && answer.transport.type === 11 && answer.transport.checksumValid,
  );
  const bytes = tcpFrame("server", SERVER, CLIENT, "A", late);
  assertUntouched(director.receive(bytes, { ifindex: SERVER_SIDE }), bytes);
});

test("packets of a removed server's connections are dropped and its replies pass, neither counted; it can come back", () => {
  const { director, slot } = nat();
  establish(director);
  const before = director.counters(slot);
  director.configuration.deleteServer("tcp", VIRTUAL, SERVER);
  assert.equal(segment(director, "client", "A").verdict, TC_SHOT);
  assert.equal(segment(director, "server", "A").verdict, TC_REDIRECT);
  assert.deepEqual(director.counters(slot), before);
  assert.equal(director.events().orphaned, 1);
  assert.equal(director.configuration.addServer("tcp", VIRTUAL, SERVER), slot);
  assert.equal(segment(director, "client", "A").verdict, TC_REDIRECT);
  assert.deepEqual(director.load(slot), { active: 1, inactive: 0 });
});

test("a SYN on a connection that is over is scheduled anew", () => {
  const director = new TestDirector();
  director.configuration.addService("tcp", VIRTUAL, "rr");
  const old = director.configuration.addServer("tcp", VIRTUAL, SERVER);
  const other = director.configuration.addServer("tcp", VIRTUAL, "10.0.0.2:8080");
  director.receive(tcpFrame("client", "198.18.0.99:1", VIRTUAL, "S"));
  establish(director);
  assert.deepEqual(director.load(old), { active: 1, inactive: 0 });
  segment(director, "client", "R");
  assert.deepEqual(director.load(old), { active: 0, inactive: 1 });
  segment(director, "client", "S");
  assert.deepEqual(director.load(old), { active: 0, inactive: 0 });
  assert.deepEqual(director.load(other), { active: 2, inactive: 0 });
  assert.equal(director.counters(other).connections, 2);
  assert.equal(director.connections().length, 2);
});

test("connections end in time, and their slots rest before they are used again", () => {
  const { director, slot } = nat();
  segment(director, "client", "S");
  segment(director, "client", "R");
  director.wait(59);
  assert.equal(director.connections().length, 1);
  director.wait(3);
  assert.equal(director.connections().length, 0);
  assert.deepEqual(director.load(slot), { active: 0, inactive: 0 });
  assert.equal(director.events().expired, 1);
  director.wait(3);
  establish(director);
  director.wait(890);
  segment(director, "server", "A");
  director.wait(890);
  assert.equal(director.connections().length, 1);
  segment(director, "client", "R");
  director.wait(12);
  assert.equal(director.connections().length, 0, "a timeout that became shorter holds at once");
  director.wait(3);
  const free = director.machine.run(() => destinationTable.lookup(slot)!.inactive);
  assert.equal(free, 0);
});
