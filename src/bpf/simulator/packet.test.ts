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
  const options = { gsoSize: 1460, gsoSegments: 3, checksum: { kind: "unnecessary" } } as const;
  const packet = frame(3000, { ...options, gsoType: "tcp" });
  machine.run(() => {
    assert.equal(
      bpf.adjustRoom(frame(3000, options), 20, bpf.ROOM_MAC, 0n),
      ENOTSUPP,
      "datagrams keep theirs",
    );
    assert.equal(bpf.adjustRoom(packet, 20, bpf.ROOM_MAC, bpf.ROOM_NO_CHECKSUM_RESET), 0);
    assert.deepEqual([packet.gsoSize, packet.gsoSegments, packet.checksum.kind], [1440, 0, "unnecessary"]);
    assert.equal(bpf.adjustRoom(packet, -20, bpf.ROOM_MAC, bpf.ROOM_FIXED_GSO), 0);
    assert.deepEqual([packet.gsoSize, packet.checksum.kind], [1440, "none"]);
  });
});

test("encapsulation: the protocol becomes the outer one, and the inner one's again; segments stay as they are", () => {
  const whole = bpf.ROOM_ENCAPSULATE_IPV6 | bpf.ROOM_ENCAPSULATE_UDP | bpf.ROOM_FIXED_GSO;
  const packet = frame(3000, {
    gsoSize: 1400,
    gsoType: "tcp",
    checksum: { kind: "partial", start: 34, offset: 16 },
  });
  const before = packet.bytes.slice();
  machine.run(() => {
    assert.equal(bpf.adjustRoom(packet, 52, bpf.ROOM_MAC, whole), 0);
    assert.deepEqual([packet.protocol, packet.gsoSize], [0x86dd, 1400]);
    assert.deepEqual(packet.checksum, { kind: "partial", start: 86, offset: 16 });
    const back = bpf.ROOM_DECAPSULATE_IPV4 | bpf.ROOM_FIXED_GSO;
    assert.equal(bpf.adjustRoom(packet, -52, bpf.ROOM_MAC, back), 0);
    assert.deepEqual([packet.protocol, packet.gsoSize], [0x0800, 1400]);
    assert.deepEqual(packet.checksum, { kind: "partial", start: 34, offset: 16 });
  });
  assert.deepEqual(packet.bytes, before);
});

test("a header that is taken off is taken out of the sum of a complete checksum", () => {
  const packet = frame(40);
  const sum = (from: number) => bpf.checksumDifference(null, bpf.make(bpf.array(bpf.u8, 20)), from) && from;
  assert.ok(sum(1));
  const bytes = packet.bytes.subarray(34);
  let inner = 0;
  for (let at = 0; at < bytes.length; at += 2) inner += bytes[at]! | ((bytes[at + 1] ?? 0) << 8);
  let outer = inner;
  for (let at = 14; at < 34; at += 2) outer += packet.bytes[at]! | (packet.bytes[at + 1]! << 8);
  packet.checksum = { kind: "complete", sum: outer };
  machine.run(() => assert.equal(bpf.adjustRoom(packet, -20, bpf.ROOM_MAC, 0n), 0));
  assert.deepEqual(packet.checksum, { kind: "complete", sum: inner });
});

test("checksumLevel counts the checksums that are verified", () => {
  const packet = frame(10);
  const { checksumLevel } = bpf;
  machine.run(() => {
    assert.equal(checksumLevel(packet, 0n), -13);
    assert.equal(checksumLevel(packet, 1n), 0);
    assert.equal(checksumLevel(packet, 0n), 0);
    checksumLevel(packet, 1n);
    assert.equal(checksumLevel(packet, 0n), 1);
    checksumLevel(packet, 2n);
    checksumLevel(packet, 2n);
    assert.deepEqual(packet.checksum, { kind: "none" });
    checksumLevel(packet, 1n);
    checksumLevel(packet, 3n);
    assert.deepEqual(packet.checksum, { kind: "none" });
    assert.equal(checksumLevel(packet, 4n), EINVAL);
  });
});

test("copies are of the packet as it was when they were sent", () => {
  const packet = frame(10, { mark: 7 });
  const verdict = machine.execute((each) => {
    each.mark = 8;
    assert.equal(bpf.cloneRedirect(each, 3, 0), 0);
    assert.equal(bpf.cloneRedirect(each, 3, 2), EINVAL);
    const header = each.header(Ipv4, 14);
    if (header !== null) header.version = 0;
    assert.equal(bpf.cloneRedirect(each, 4, bpf.REDIRECT_INGRESS), 0);
    return 0;
  }, packet);
  assert.equal(verdict, 0);
  const sent = packet.clones.map(({ ifindex, flags, packet: copy }) => [
    ifindex,
    flags,
    copy.mark,
    copy.bytes[14],
  ]);
  assert.deepEqual(sent, [
    [3, 0, 8, 0x45],
    [4, 1, 8, 0],
  ]);
});

test("a part of memory is filled from the packet, and written to it", () => {
  const packet = frame(10);
  const memory = bpf.make(bpf.bytes(8));
  machine.run(() => {
    assert.equal(bpf.loadBytes(packet, 12, memory, 3), 0);
    assert.deepEqual(Array.from(memory), [8, 0, 0x45, 0, 0, 0, 0, 0]);
    assert.equal(bpf.storeBytes(packet, 0, memory, 0, 2), 0);
    assert.deepEqual([...packet.bytes.subarray(0, 2)], [8, 0]);
    for (const length of [0, 9]) assert.throws(() => bpf.loadBytes(packet, 12, memory, length), RangeError);
  });
});

test("a flow has one hash", () => {
  const [one, other] = [frame(10), frame(10)];
  machine.run(() => {
    assert.equal(bpf.flowHash(one), bpf.flowHash(other));
    assert.equal(one.hash, bpf.flowHash(one));
    assert.notEqual(one.hash, 0);
    assert.equal(bpf.flowHash(frame(10, { hash: 99 })), 99);
  });
});

test("helpers of the simulator take its own packets only", () => {
  const alien = { ...frame() } as unknown as bpf.Packet;
  assert.throws(() => machine.run(() => bpf.pullData(alien, 1)), TypeError);
});
