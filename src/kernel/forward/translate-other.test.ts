import assert from "node:assert/strict";
import { test } from "node:test";
import { make, SimulatedPacket } from "../../bpf/index.ts";
import { buildIp, checksum, ip } from "../../net/index.ts";
import { Address, FROM_CLIENT, FROM_SERVER, PROTOCOL_ESP, PROTOCOL_SCTP } from "../tables.ts";
import { TestDirector } from "../testing/director.ts";
import { frame } from "../testing/frames.ts";
import { translate } from "./translate.ts";
import { translate6 } from "./translate6.ts";

const CLIENT = "198.18.0.10";
const VIRTUAL = "192.0.2.1";
const SERVER = "10.0.0.1";
const director = new TestDirector();

function crc32c(bytes: Uint8Array): number {
  let register = 0xffffffff;
  for (const byte of bytes) {
    register ^= byte;
    for (let bit = 0; bit < 8; bit++) register = (register >>> 1) ^ ((register & 1) === 0 ? 0 : 0x82f63b78);
  }
  return ~register >>> 0;
}

/** An INIT chunk's packet. */
function sctp(from: number, to: number): Uint8Array {
  const bytes = Uint8Array.from({ length: 32 }, (_, i) => i);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, from);
  view.setUint16(2, to);
  view.setUint32(8, 0);
  view.setUint32(8, crc32c(bytes), true);
  return bytes;
}

function packetOf(
  source: string,
  destination: string,
  protocol: number,
  payload: Uint8Array,
  timeToLive: number,
) {
  const addresses = { source: ip(source), destination: ip(destination) };
  return frame("client", buildIp(addresses, protocol, payload, { timeToLive }));
}

test("SCTP: address, port and CRC", () => {
  const packet = new SimulatedPacket(packetOf(CLIENT, VIRTUAL, PROTOCOL_SCTP, sctp(1000, 80), 64));
  director.machine.run(() => assert.ok(translate(packet, 34, FROM_CLIENT, 0x0a000001, 8080)));
  assert.deepEqual(packet.bytes, packetOf(CLIENT, SERVER, PROTOCOL_SCTP, sctp(1000, 8080), 63));
  const reply = new SimulatedPacket(packetOf(SERVER, CLIENT, PROTOCOL_SCTP, sctp(8080, 1000), 64));
  director.machine.run(() => assert.ok(translate(reply, 34, FROM_SERVER, 0xc0000201, 80)));
  assert.deepEqual(reply.bytes, packetOf(VIRTUAL, CLIENT, PROTOCOL_SCTP, sctp(80, 1000), 63));
});

test("SCTP over IPv6", () => {
  const director6 = new TestDirector({ options: { family: 6 } });
  const wideFrame = (destination: string, port: number, hops: number) =>
    packetOf("2001:db8:1::10", destination, PROTOCOL_SCTP, sctp(1000, port), hops);
  const packet = new SimulatedPacket(wideFrame("2001:db8:f::1", 80, 64));
  director6.machine.run(() => {
    const to = make(Address);
    for (const [i, word] of [0x20010db8, 0x000a0000, 0, 1].entries()) to.words[i] = word;
    assert.ok(translate6(packet, 54, PROTOCOL_SCTP, FROM_CLIENT, to, 8080));
  });
  assert.deepEqual(packet.bytes, wideFrame("2001:db8:a::1", 8080, 63));
});

test("protocols without ports: only addresses change", () => {
  const payload = Uint8Array.from({ length: 40 }, (_, i) => 255 - i);
  const packet = new SimulatedPacket(packetOf(CLIENT, VIRTUAL, PROTOCOL_ESP, payload, 64));
  director.machine.run(() => assert.ok(translate(packet, 34, FROM_CLIENT, 0x0a000001, 500)));
  assert.deepEqual(packet.bytes, packetOf(CLIENT, SERVER, PROTOCOL_ESP, payload, 63));
  assert.equal(checksum(packet.bytes.subarray(14, 34)), 0);
});
