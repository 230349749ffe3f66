import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedPacket, TC_NEXT, TC_REDIRECT, TC_SHOT, wireBytes } from "../../bpf/index.ts";
import { buildIp, buildTcp, endpoint, formatIp, ip, PROTOCOL, parseIpPacket } from "../../net/index.ts";
import { hostAddresses, interfaceAddresses } from "../tables.ts";
import { CLIENT_SIDE, SERVER_SIDE, TestDirector } from "../testing/director.ts";
import { frame, interfaceOf, type Side, tcpFrame, udpFrame } from "../testing/frames.ts";
import { isUnicast } from "./limit.ts";

const CLIENT = "198.18.0.10:40001";
const VIRTUAL = "192.0.2.1:80";
const SERVER = "10.0.0.1:8080";

function established(): TestDirector {
  const director = new TestDirector();
  director.configuration.addService("tcp", VIRTUAL, "rr");
  director.configuration.addServer("tcp", VIRTUAL, SERVER);
  director.receive(tcpFrame("client", CLIENT, VIRTUAL, "S"), { ifindex: CLIENT_SIDE });
  director.receive(tcpFrame("server", SERVER, CLIENT, "SA"), { ifindex: SERVER_SIDE });
  return director;
}

interface ErrorOptions {
  readonly type?: number;
  readonly code?: number;
  readonly to?: string;
  readonly quoted?: Uint8Array;
  readonly lifetime?: number;
}

/** An ICMP error from a router on that side about the connection's last packet to it. */
function errorFrame(side: Side, options: ErrorOptions = {}): Uint8Array {
  const { type = 3, code = 1, lifetime } = options;
  const [from, to] = side === "client" ? [VIRTUAL, CLIENT] : [CLIENT, SERVER];
  const quoted = options.quoted ?? buildTcp(endpoint(from), endpoint(to), "A");
  const message = new Uint8Array(8 + quoted.length);
  message[0] = type;
  message[1] = code;
  message.set(quoted, 8);
  let sum = 0;
  for (let i = 0; i < message.length; i += 2) sum += (message[i]! << 8) | (message[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  new DataView(message.buffer).setUint16(2, ~sum & 0xffff);
  const pair = {
    source: ip(side === "client" ? "198.18.0.1" : "10.0.0.1"),
    destination: ip(options.to ?? from.split(":")[0]!),
  };
  return frame(
    side,
    buildIp(pair, PROTOCOL.ICMP, message, lifetime === undefined ? {} : { timeToLive: lifetime }),
  );
}

test("errors are translated for either end, what they quote too", () => {
  const director = established();
  for (const [side, out, source, destination, inner] of [
    ["client", SERVER_SIDE, "198.18.0.1", "10.0.0.1", "10.0.0.1:8080 198.18.0.10:40001"],
    ["server", CLIENT_SIDE, "192.0.2.1", "198.18.0.10", "198.18.0.10:40001 192.0.2.1:80"],
  ] as const) {
    for (const type of [3, 4, 11, 12]) {
      const result = director.receive(errorFrame(side, { type }), { ifindex: interfaceOf(side) });
      assert.equal(result.verdict, TC_REDIRECT);
      assert.equal(result.out, out);
      const packet = parseIpPacket(result.packet.bytes.subarray(14));
      assert.equal(packet.source.join("."), source);
      assert.equal(packet.destination.join("."), destination);
      assert.ok(packet.transport.kind === "icmp" && packet.transport.checksumValid);
      const quoted = parseIpPacket(packet.transport.payload);
      assert.ok("checksumValid" in quoted.header && quoted.header.checksumValid);
      assert.ok(quoted.transport.kind === "tcp");
      const { sourcePort, destinationPort } = quoted.transport;
      const [from, to] = [quoted.source.join("."), quoted.destination.join(".")];
      assert.equal(`${from}:${sourcePort} ${to}:${destinationPort}`, inner);
    }
  }
});

test("errors that are not about a connection, or that cannot be, go on untouched", () => {
  const director = established();
  const whole = buildTcp(endpoint(VIRTUAL), endpoint(CLIENT), "A");
  const later = buildTcp(endpoint(VIRTUAL), endpoint(CLIENT), "A", { ip: { fragmentOffset: 8 } });
  const other = buildTcp(endpoint("192.0.2.1:81"), endpoint(CLIENT), "A");
  const short = whole.subarray(0, 22);
  const version = Uint8Array.from(whole).fill(0x55, 0, 1);
  const header = Uint8Array.from(whole).fill(0x41, 0, 1);
  const protocol = Uint8Array.from(whole).fill(47, 9, 10);
  const frames = {
    "an echo": errorFrame("client", { type: 8 }),
    "a redirect": errorFrame("client", { type: 5 }),
    "another flow": errorFrame("client", { quoted: other }),
    "to somebody else": errorFrame("client", { to: "192.0.2.9" }),
    "a later fragment": errorFrame("client", { quoted: later }),
    "no ports": errorFrame("client", { quoted: short }),
    "nothing quoted": errorFrame("client", { quoted: new Uint8Array(0) }),
    "not IPv4": errorFrame("client", { quoted: version }),
    "a header too short": errorFrame("client", { quoted: header }),
    "another protocol": errorFrame("client", { quoted: protocol }),
    "at its end": errorFrame("client", { lifetime: 1 }),
  };
  for (const [what, bytes] of Object.entries(frames)) {
    const { verdict, packet } = director.receive(bytes, { ifindex: CLIENT_SIDE });
    assert.equal(verdict, TC_NEXT, what);
    assert.deepEqual(Buffer.from(packet.bytes), Buffer.from(bytes), what);
  }
});

test("errors about a removed server's connections are dropped on the way in", () => {
  const director = established();
  director.configuration.deleteServer("tcp", VIRTUAL, SERVER);
  assert.equal(director.receive(errorFrame("client"), { ifindex: CLIENT_SIDE }).verdict, TC_SHOT);
  assert.equal(director.receive(errorFrame("server"), { ifindex: SERVER_SIDE }).verdict, TC_REDIRECT);
});

function refusing(): TestDirector {
  const director = new TestDirector();
  director.configuration.addService("udp", VIRTUAL, "rr");
  return director;
}

for (const length of [0, 1, 2, 3, 17, 35, 36, 63, 64, 519, 520, 521, 1400]) {
  test(`a datagram of ${length} bytes for nobody: port unreachable, quoting what fits`, () => {
    const payload = Uint8Array.from({ length }, (_, i) => i * 7);
    const bytes = udpFrame("client", CLIENT, VIRTUAL, { payload, ip: { typeOfService: 0x1c } });
    const { verdict, packet, out } = refusing().receive(bytes, { ifindex: CLIENT_SIDE });
    assert.equal(verdict, TC_REDIRECT);
    assert.equal(out, CLIENT_SIDE);
    assert.deepEqual([...packet.bytes.subarray(0, 14)], [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
    const sent = parseIpPacket(packet.bytes.subarray(14));
    assert.ok("checksumValid" in sent.header && sent.header.checksumValid);
    assert.equal(sent.header.typeOfService, 0xdc);
    assert.equal(sent.timeToLive, 64);
    assert.equal(sent.source.join("."), "192.0.2.1");
    assert.ok(sent.transport.kind === "icmp");
    assert.ok(sent.transport.checksumValid);
    assert.deepEqual([sent.transport.type, sent.transport.code, sent.transport.parameter], [3, 3, 0]);
    const quote = bytes.subarray(14, 14 + 548);
    assert.deepEqual(Buffer.from(sent.transport.payload), Buffer.from(quote));
  });
}

test("an ICMPv6 error comes from the virtual address if an interface has that, else from the director's own", () => {
  const [client, virtual] = ["[2001:db8:1::10]:40001", "[2001:db8:f::1]:80"];
  const [own, vip] = ["2001:db8:c::2", "2001:db8:f::1"].map(ip) as [Uint8Array, Uint8Array];
  const director = new TestDirector();
  director.configuration.addService("udp", virtual, "rr");
  const key = new Uint8Array(Uint32Array.of(CLIENT_SIDE).buffer);
  director.machine.map(interfaceAddresses).update(key, Uint8Array.of(...own, 0, 0, 0, 0));
  const source = () => {
    const { packet } = director.receive(udpFrame("client", client, virtual), { ifindex: CLIENT_SIDE });
    const { transport, source: from } = parseIpPacket(packet.bytes.subarray(14));
    assert.ok(transport.kind === "icmpv6" && transport.checksumValid);
    return formatIp(from);
  };
  assert.equal(source(), "2001:db8:c::2");
  director.machine.map(hostAddresses).update(vip, Uint8Array.of(1, 0, 0, 0));
  assert.equal(source(), "2001:db8:f::1");
});

test("padding of the frame is not quoted", () => {
  const bytes = new Uint8Array(80).fill(0xee);
  bytes.set(udpFrame("client", CLIENT, VIRTUAL, { payload: Uint8Array.of(1) }));
  const { packet } = refusing().receive(bytes, { ifindex: CLIENT_SIDE });
  assert.equal(packet.length, 14 + 28 + 29);
});

test("the error about a super-packet is right after the device has filled in what it was left", () => {
  const director = new TestDirector();
  director.configuration.addService("tcp", VIRTUAL, "rr");
  director.configuration.addServer("tcp", VIRTUAL, SERVER);
  director.mtus.set(SERVER_SIDE, 1400);
  director.receive(tcpFrame("client", CLIENT, VIRTUAL, "S"), { ifindex: CLIENT_SIDE });
  const payload = Uint8Array.from({ length: 5840 }, (_, i) => i * 11);
  const bytes = tcpFrame("client", CLIENT, VIRTUAL, "A", { payload, ip: { dontFragment: true } });
  // As the stack leaves it: the sum of the pseudo-header, not complemented.
  let sum = 6 + 20 + payload.length;
  for (let i = 26; i < 34; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  new DataView(bytes.buffer).setUint16(50, sum);
  const packet = new SimulatedPacket(bytes, {
    ifindex: CLIENT_SIDE,
    gsoSize: 1460,
    gsoSegments: 4,
    checksum: { kind: "partial", start: 34, offset: 16 },
  });
  const result = director.receivePacket(packet);
  assert.equal(result.out, CLIENT_SIDE);
  const sent = parseIpPacket(wireBytes(packet).subarray(14));
  assert.ok(sent.transport.kind === "icmp" && sent.transport.checksumValid);
});

test("no errors to addresses that nobody has, and not more than a share in a tick", () => {
  for (const source of ["0.0.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1"]) {
    const bytes = udpFrame("client", `${source}:1`, VIRTUAL);
    assert.equal(refusing().receive(bytes).verdict, TC_SHOT, source);
  }
  assert.ok(isUnicast(0xdfffffff) && !isUnicast(0xe0000000));
  const director = refusing();
  const verdicts = Array.from(
    { length: 200 },
    () => director.receive(udpFrame("client", CLIENT, VIRTUAL)).verdict,
  );
  assert.equal(verdicts.filter((verdict) => verdict === TC_REDIRECT).length, 128);
  assert.equal(director.events().unanswered, 72);
  director.wait(0.2);
  assert.equal(director.receive(udpFrame("client", CLIENT, VIRTUAL)).verdict, TC_REDIRECT);
});
