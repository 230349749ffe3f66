import assert from "node:assert/strict";
import { test } from "node:test";
import { formatIp, ip } from "../address.ts";
import { endpoint } from "../endpoint.ts";
import { BROADCAST_MAC, mac } from "../mac.ts";
import { ARP_OPERATION, emitArp, parseArp } from "./arp.ts";
import { buildEcho, buildIp, buildTcp, buildUdp } from "./build.ts";
import { describePacket } from "./describe.ts";
import { emitEthernet, parseEthernet } from "./ethernet.ts";
import { emitIcmpv4, emitIcmpv6, ICMPV4_TYPE, ICMPV6_TYPE } from "./icmp.ts";
import { emitIpv4Packet, parseIpv4Packet } from "./ipv4.ts";
import { emitIpv6Fragment, emitIpv6Packet, ipv6UpperLayer, parseIpv6Packet } from "./ipv6.ts";
import { parseIpPacket } from "./layers.ts";
import { MalformedPacketError } from "./malformed.ts";
import { ETHERTYPE, PROTOCOL } from "./protocol.ts";
import { formatTcpFlags, parseTcp, tcpFlags } from "./tcp.ts";
import { emitTcpOptions, parseTcpOptions } from "./tcp-options.ts";
import { emitUdp, parseUdp } from "./udp.ts";

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const text = (value: string) => new TextEncoder().encode(value);
const client = endpoint("10.0.0.2:40000");
const service = endpoint("10.0.0.100:80");

/** A SYN from 10.0.0.2:40000 to 10.0.0.100:80 in a frame. */
const SYN = hex(`
  02000000000b 02000000000a 0800
  45000028 12344000 4006 1437 0a000002 0a000064
  9c400050 00000001 00000000 5002ffff feeb 0000`);

test("a frame, a packet and a segment are taken apart and put together again", () => {
  const frame = parseEthernet(SYN);
  assert.deepEqual(frame.source, mac("02:00:00:00:00:0a"));
  assert.equal(frame.type, ETHERTYPE.IPV4);
  const packet = parseIpv4Packet(frame.payload);
  assert.equal(packet.identification, 0x1234);
  assert.ok(packet.dontFragment && packet.checksumValid && !packet.truncated);
  const segment = parseTcp(packet.payload, packet);
  assert.equal(formatTcpFlags(segment.flags), "S");
  assert.ok(segment.checksumValid);
  const rebuilt = buildTcp(client, service, "S", {
    sequence: 1,
    ip: { identification: 0x1234, dontFragment: true },
  });
  assert.deepEqual(emitEthernet({ ...frame, payload: rebuilt }), SYN);
  assert.deepEqual(emitIpv4Packet(packet), Uint8Array.from(frame.payload));
});

test("Ethernet with a VLAN tag", () => {
  const frame = {
    source: mac("2:0:0:0:0:1"),
    destination: BROADCAST_MAC,
    type: 0x806,
    vlan: 7,
    payload: text("x"),
  };
  assert.deepEqual(parseEthernet(emitEthernet(frame)), { ...frame, payload: Uint8Array.of(120) });
});

test("ARP", () => {
  const packet = {
    operation: ARP_OPERATION.REQUEST,
    senderMac: mac("2:0:0:0:0:1"),
    senderIp: ip("10.0.0.1"),
    targetMac: new Uint8Array(6),
    targetIp: ip("10.0.0.2"),
  };
  assert.deepEqual(parseArp(emitArp(packet)), packet);
  assert.throws(() => parseArp(new Uint8Array(28)), MalformedPacketError);
});

test("padding after an IPv4 packet is not its payload, and a cut one says so", () => {
  const bytes = buildUdp(client, service, { payload: text("hi") });
  const padded = new Uint8Array(46);
  padded.set(bytes);
  assert.equal(parseIpv4Packet(padded).payload.length, 10);
  assert.ok(parseIpv4Packet(bytes.subarray(0, 28)).truncated);
});

test("malformed packets are refused by name", () => {
  const bad: [bytes: string, reason: RegExp][] = [
    ["45", /malformed IPv4 packet: 1 bytes where at least 20/],
    ["55".padEnd(40, "0"), /version 5/],
    ["41".padEnd(40, "0"), /header of 4 bytes/],
    ["4f".padEnd(40, "0"), /header of 60 bytes/],
    ["4500000a".padEnd(40, "0"), /total length 10/],
    ["60".padEnd(78, "0"), /malformed IPv6/],
    ["", /no bytes/],
  ];
  for (const [bytes, reason] of bad) assert.throws(() => parseIpPacket(hex(bytes)), reason);
  const shortTcp = buildIp(
    { source: client.address, destination: service.address },
    PROTOCOL.TCP,
    text("short"),
  );
  assert.throws(() => parseIpPacket(shortTcp), /malformed TCP packet: 5 bytes/);
});

test("UDP: a zero checksum is none, and a computed zero is sent as ones", () => {
  const addresses = { source: client.address, destination: service.address };
  const without = emitUdp({ sourcePort: 1, destinationPort: 2, payload: text("x") }, addresses, {
    checksum: 0,
  });
  assert.ok(parseUdp(without, addresses).checksumValid);
  const wrong = emitUdp({ sourcePort: 1, destinationPort: 2, payload: text("x") }, addresses, {
    checksum: 1,
  });
  assert.ok(!parseUdp(wrong, addresses).checksumValid);
  for (let port = 0; port < 65536; port += 1) {
    const bytes = emitUdp({ sourcePort: port, destinationPort: 2, payload: new Uint8Array(0) }, addresses);
    assert.notEqual((bytes[6]! << 8) | bytes[7]!, 0);
  }
});

test("TCP options", () => {
  const options = [
    { kind: "mss", size: 1460 },
    { kind: "sackPermitted" },
    { kind: "timestamps", value: 1, echo: 0xffffffff },
    { kind: "noop" },
    { kind: "windowScale", shift: 7 },
  ] as const;
  const bytes = emitTcpOptions(options);
  assert.deepEqual(bytes, hex("020405b4 0402080a 00000001 ffffffff 01030307"));
  assert.deepEqual(parseTcpOptions(bytes), options);
  assert.deepEqual(parseTcpOptions(hex("050a0000000100000002 0000")), [
    { kind: "sack", blocks: [{ left: 1, right: 2 }] },
  ]);
  assert.throws(() => parseTcpOptions(hex("02ff")), MalformedPacketError);
  assert.throws(() => parseTcpOptions(hex("0201")), MalformedPacketError);
});

test("TCP flags by letters", () => {
  assert.equal(tcpFlags("SA"), 0x12);
  assert.equal(formatTcpFlags(0xff), "FSRPAUEC");
  assert.throws(() => tcpFlags("X"), RangeError);
});

test("IPv6 and its extension headers", () => {
  const [source, destination] = [ip("2001:db8::1"), ip("2001:db8::2")];
  const bytes = buildEcho({ source, destination }, { identifier: 3, sequence: 4 });
  const packet = parseIpv6Packet(bytes);
  assert.deepEqual(emitIpv6Packet(packet), bytes);
  assert.equal(
    describePacket(bytes, "ip"),
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, echo request, id 3, seq 4, length 8",
  );
  const hopByHop = Uint8Array.of(PROTOCOL.FRAGMENT, 0, 1, 4, 0, 0, 0, 0);
  const fragment = { offset: 8, more: true, identification: 99 };
  const part = emitIpv6Fragment(PROTOCOL.UDP, fragment, text("part"));
  const chain = {
    source,
    destination,
    nextHeader: PROTOCOL.HOP_BY_HOP,
    payload: Uint8Array.of(...hopByHop, ...part),
  };
  const upper = ipv6UpperLayer(parseIpv6Packet(emitIpv6Packet(chain)));
  assert.deepEqual(upper, { protocol: PROTOCOL.UDP, payload: Uint8Array.from(text("part")), fragment });
});

test("packets are described in one line", () => {
  assert.equal(
    describePacket(SYN),
    "IP 10.0.0.2.40000 > 10.0.0.100.80: Flags [S], seq 1, win 65535, length 0",
  );
  const data = buildTcp(client, service, "PA", {
    sequence: 10,
    acknowledgement: 20,
    payload: text("GET"),
    checksum: 1,
    options: emitTcpOptions([{ kind: "mss", size: 1400 }]),
  });
  assert.equal(
    describePacket(data, "ip"),
    "IP 10.0.0.2.40000 > 10.0.0.100.80: Flags [P.], seq 10:13, ack 20, win 65535, options [mss 1400], length 3" +
      " (bad tcp cksum)",
  );
  const addresses = { source: service.address, destination: client.address };
  const error = emitIcmpv4({
    type: ICMPV4_TYPE.UNREACHABLE,
    code: 4,
    parameter: 1400,
    payload: data.subarray(0, 28),
  });
  assert.equal(
    describePacket(buildIp(addresses, PROTOCOL.ICMP, error), "ip"),
    "IP 10.0.0.100 > 10.0.0.2: ICMP unreachable, fragmentation needed, mtu 1400" +
      " [10.0.0.2.40000 > 10.0.0.100.80 protocol 6]",
  );
  const six = { source: ip("2001:db8::1"), destination: ip("2001:db8::2") };
  const quotedPacket = buildUdp({ address: six.destination, port: 1 }, { address: six.source, port: 2 });
  const tooBig = emitIcmpv6(
    { type: ICMPV6_TYPE.PACKET_TOO_BIG, code: 0, parameter: 1280, payload: quotedPacket },
    six,
  );
  assert.equal(
    describePacket(buildIp(six, PROTOCOL.ICMPV6, tooBig), "ip"),
    "IP6 2001:db8::1 > 2001:db8::2: ICMP6, packet too big, mtu 1280 [2001:db8::2.1 > 2001:db8::1.2 protocol 17]",
  );
  const tunnel = buildIp(addresses, PROTOCOL.IPIP, data);
  assert.match(describePacket(tunnel, "ip"), /^IP 10.0.0.100 > 10.0.0.2: IP 10.0.0.2.40000 > /);
  const fragmented = buildIp(addresses, PROTOCOL.UDP, text("12345678"), {
    moreFragments: true,
    identification: 5,
  });
  assert.match(describePacket(fragmented, "ip"), /protocol 17, length 8 \(frag id 5 offset 0\+\)$/);
  assert.match(describePacket(hex("00"), "ip"), /^malformed IP packet: version 0, 1 bytes in all$/);
  assert.equal(formatIp(parseIpPacket(data).source), "10.0.0.2");
});

test("no cut or flipped bytes throw anything but MalformedPacketError", () => {
  const packets = [
    SYN,
    emitEthernet({
      ...parseEthernet(SYN),
      type: ETHERTYPE.IPV6,
      payload: buildTcp(endpoint("[::1]:1"), endpoint("[::2]:2"), "S"),
    }),
  ];
  for (const packet of packets) {
    for (let length = 0; length <= packet.length; length++) describePacket(packet.subarray(0, length));
    for (let index = 12; index < packet.length; index++) {
      for (const value of [0, 1, 0x0f, 0x3c, 0x7f, 0xff, packet[index]! ^ 0x80]) {
        const changed = packet.slice();
        changed[index] = value;
        describePacket(changed);
      }
    }
  }
});
