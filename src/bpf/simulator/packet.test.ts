import assert from "node:assert/strict";
import { test } from "node:test";
import * as bpf from "../index.ts";

const Ethernet = bpf.struct("Ethernet", {
  destination: bpf.bytes(6),
  source: bpf.bytes(6),
  type: bpf.u16be,
});
const Ipv4 = bpf.struct("Ipv4", {
  version: bpf.u8,
  tos: bpf.u8,
  length: bpf.u16be,
  id: bpf.u16be,
  fragment: bpf.u16be,
  ttl: bpf.u8,
  protocol: bpf.u8,
  checksum: bpf.u16be,
  source: bpf.ipv4,
  destination: bpf.ipv4,
});
const machine = bpf.createMachine();
const EFAULT = -14;
const EINVAL = -22;
const ENOTSUPP = -524;

/** An Ethernet frame of an IPv4 packet with `payload` bytes, numbered from 0. */
function frame(payload = 40, options: bpf.PacketOptions = {}): bpf.SimulatedPacket {
  const bytes = new Uint8Array(34 + payload);
  bytes.set([8, 0, 0x45], 12);
  bytes[23] = 17;
  for (let i = 0; i < payload; i++) bytes[34 + i] = i;
  return new bpf.SimulatedPacket(bytes, options);
}

test("metadata has the defaults of an ordinary packet", () => {
  const packet = frame(6, { ifindex: 3 });
  const { length, protocol, ifindex, ingressIfindex, mark, gsoSize, type, vlanPresent } = packet;
  assert.deepEqual(
    { length, protocol, ifindex, ingressIfindex, mark, gsoSize, type, vlanPresent },
    {
      length: 40,
      protocol: 0x800,
      ifindex: 3,
      ingressIfindex: 3,
      mark: 0,
      gsoSize: 0,
      type: 0,
      vlanPresent: 0,
    },
  );
  packet.mark = -1;
  assert.equal(packet.mark, 0xffffffff);
});

test("header gives a view of directly accessible bytes only; pullData makes more accessible", () => {
  const packet = frame(40, { linearBytes: 33 });
  machine.run(() => {
    const ethernet = packet.header(Ethernet, 0);
    assert.ok(ethernet);
    assert.equal(ethernet.type, 0x800);
    assert.equal(packet.header(Ipv4, 14), null);
    assert.equal(bpf.pullData(packet, 34), 0);
    assert.throws(() => ethernet.type, { code: "ERR_STALE_REFERENCE" });
    const ip = packet.header(Ipv4, 14);
    assert.ok(ip);
    ip.source = 0x0a000001;
    assert.deepEqual([...packet.bytes.subarray(26, 30)], [10, 0, 0, 1]);
    assert.equal(packet.header(Ipv4, 55), null);
    assert.equal(bpf.pullData(packet, 75), -12);
    assert.throws(() => ip.source, { code: "ERR_STALE_REFERENCE" });
    assert.throws(() => packet.header(Ipv4, 65536), RangeError);
  });
});

test("loadBytes reads anywhere, storeBytes writes anywhere and makes views stale", () => {
  const packet = frame(40, { linearBytes: 14 });
  const Four = bpf.struct("Four", { word: bpf.u32be });
  const four = bpf.make(Four, { word: 7 });
  machine.run(() => {
    assert.equal(bpf.loadBytes(packet, 40, four), 0);
    assert.equal(four.word, 0x06070809);
    assert.equal(bpf.loadBytes(packet, 71, four), EFAULT);
    assert.equal(four.word, 0);
    const ethernet = packet.header(Ethernet, 0);
    four.word = 0x01020304;
    assert.equal(bpf.storeBytes(packet, 70, four, 0), 0);
    assert.throws(() => ethernet?.type, { code: "ERR_STALE_REFERENCE" });
    assert.deepEqual([...packet.bytes.subarray(70)], [1, 2, 3, 4]);
    assert.equal(bpf.storeBytes(packet, 71, four, 0), EFAULT);
    assert.equal(bpf.storeBytes(packet, 0, four, 4), EINVAL);
    const view = packet.header(Four, 70);
    assert.ok(view);
    assert.equal(bpf.storeBytes(packet, 34, view, 0), 0, "the source may lie in the packet");
    assert.deepEqual([...packet.bytes.subarray(34, 38)], [1, 2, 3, 4]);
  });
});

test("changeTail and changeHead move the ends", () => {
  const packet = frame(10, { gsoSize: 5, gsoSegments: 2 });
  machine.run(() => {
    assert.equal(bpf.changeTail(packet, 50, 0n), 0);
    assert.equal(packet.length, 50);
    assert.deepEqual([...packet.bytes.subarray(42)], [8, 9, 0, 0, 0, 0, 0, 0]);
    assert.equal(packet.gsoSize, 0);
    assert.equal(bpf.changeTail(packet, 40, 0n), 0);
    assert.equal(packet.length, 40);
    assert.equal(bpf.changeTail(packet, 13, 0n), EINVAL);
    assert.equal(bpf.changeTail(packet, 20_000, 0n), EINVAL);
    assert.equal(bpf.changeTail(packet, 40, 1n), EINVAL);
    assert.equal(bpf.changeHead(packet, 2, 0n), 0);
    assert.deepEqual([...packet.bytes.subarray(0, 2)], [0, 0]);
    assert.equal(packet.header(Ipv4, 16)?.version, 0x45);
    assert.equal(bpf.changeHead(packet, 2, 1n), EINVAL);
  });
});

test("adjustRoom opens and closes room in front of or behind the network header", () => {
  const packet = frame(40);
  machine.run(() => {
    assert.equal(bpf.adjustRoom(packet, 20, bpf.ROOM_MAC, bpf.ROOM_ENCAPSULATE_IPV4), 0);
    assert.equal(packet.length, 94);
    assert.deepEqual([...packet.bytes.subarray(14, 34)], new Array<number>(20).fill(0));
    assert.equal(packet.header(Ipv4, 34)?.version, 0x45);
    assert.equal(packet.encapsulation, 2n);
    assert.equal(bpf.adjustRoom(packet, 20, bpf.ROOM_MAC, bpf.ROOM_ENCAPSULATE_IPV4), -114);
    assert.equal(bpf.adjustRoom(packet, -20, bpf.ROOM_MAC, 0n), 0);
    assert.equal(packet.header(Ipv4, 14)?.version, 0x45);
    assert.equal(bpf.adjustRoom(packet, 4, bpf.ROOM_NETWORK, 0n), 0);
    assert.deepEqual([...packet.bytes.subarray(33, 40)], [0, 0, 0, 0, 0, 0, 1]);
    assert.equal(bpf.adjustRoom(packet, 4096, bpf.ROOM_MAC, 0n), EFAULT);
    assert.equal(bpf.adjustRoom(packet, 4, bpf.ROOM_MAC, 1n << 10n), EINVAL);
    assert.equal(bpf.adjustRoom(packet, 4, 2, 0n), ENOTSUPP);
    assert.equal(bpf.adjustRoom(packet, -60, bpf.ROOM_MAC, 0n), ENOTSUPP);
    packet.protocol = 0x806;
    assert.equal(bpf.adjustRoom(packet, 4, bpf.ROOM_MAC, 0n), ENOTSUPP);
  });
});

test("adjustRoom of a TCP super-packet takes the room from the segments", () => {
  const packet = frame(3000, { gsoSize: 1460, gsoSegments: 3, checksum: { kind: "unnecessary" } });
  machine.run(() => {
    assert.equal(bpf.adjustRoom(packet, 20, bpf.ROOM_MAC, 0n), ENOTSUPP, "datagrams keep their size");
    packet.bytes[23] = 6;
    assert.equal(bpf.adjustRoom(packet, 20, bpf.ROOM_MAC, bpf.ROOM_NO_CHECKSUM_RESET), 0);
    assert.deepEqual([packet.gsoSize, packet.gsoSegments, packet.checksum.kind], [1440, 0, "unnecessary"]);
    assert.equal(bpf.adjustRoom(packet, -20, bpf.ROOM_MAC, bpf.ROOM_FIXED_GSO), 0);
    assert.deepEqual([packet.gsoSize, packet.checksum.kind], [1440, "none"]);
  });
});

test("helpers of the simulator take its own packets only", () => {
  const alien = { ...frame() } as unknown as bpf.Packet;
  assert.throws(() => machine.run(() => bpf.pullData(alien, 1)), TypeError);
});
