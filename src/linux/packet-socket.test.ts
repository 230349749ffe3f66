import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  BROADCAST_MAC,
  buildTcp,
  buildUdp,
  describePacket,
  ETHERTYPE,
  emitEthernet,
  endpoint,
  mac,
  prefix,
} from "../net/index.ts";
import { offloadEnabled, setOffload } from "./ethtool.ts";
import { createNetworkNamespace, deleteNetworkNamespace, inNetworkNamespace } from "./namespace.ts";
import { addAddress, createVeth, withRouteSocket } from "./netlink/index.ts";
import { GSO_TYPE, openPacketSocket } from "./packet-socket.ts";
import { findSysctl, readSysctl, writeSysctl } from "./sysctl.ts";

const skip = process.getuid?.() === 0 ? false : "raw sockets need root";
const A = `linuxtest-packet-a-${process.pid}`;
const B = `linuxtest-packet-b-${process.pid}`;
const [from, to] = [endpoint("10.0.0.9:1000"), endpoint("10.0.0.2:2000")];
const frameOf = (payload: Uint8Array) =>
  emitEthernet({ source: mac("2:0:0:0:0:1"), destination: BROADCAST_MAC, type: ETHERTYPE.IPV4, payload });

describe("packet sockets", { skip }, () => {
  before(() => {
    createNetworkNamespace(A);
    createNetworkNamespace(B);
    withRouteSocket((socket) => {
      createVeth(socket, { name: "va", up: true }, { name: "vb", namespace: B, up: true });
      addAddress(socket, "va", prefix("10.0.0.1/24"));
    }, A);
  });
  after(() => {
    deleteNetworkNamespace(A);
    deleteNetworkNamespace(B);
  });

  test("a frame sent at one end comes out at the other", () => {
    const sender = openPacketSocket("va", A);
    const witness = openPacketSocket("va", A);
    const receiver = openPacketSocket("vb", B);
    const sent = frameOf(buildUdp(from, to, { payload: new TextEncoder().encode("hello") }));
    assert.equal(receiver.receiveAll(0).filter(({ bytes }) => bytes[12] === 8).length, 0);
    sender.send(sent);
    const frames = receiver.receiveAll(100).filter(({ bytes }) => bytes[12] === 8);
    assert.deepEqual(
      frames.map(({ bytes }) => describePacket(bytes)),
      ["IP 10.0.0.9.1000 > 10.0.0.2.2000: UDP, length 5"],
    );
    assert.equal(frames[0]?.outgoing, false);
    assert.deepEqual(frames[0]?.bytes, sent);
    const witnessed = witness.receiveAll(0).filter(({ bytes }) => bytes[12] === 8);
    assert.deepEqual(
      witnessed.map(({ outgoing }) => outgoing),
      [true],
    );
    witness.close();
    sender.close();
    receiver.close();
  });

  test("a large frame stays whole, with its note", () => {
    const sender = openPacketSocket("va", A);
    const receiver = openPacketSocket("vb", B);
    const payload = new Uint8Array(20_000).fill(7);
    const segments = { type: GSO_TYPE.TCPV4, size: 1000, headerLength: 54 };
    const checksum = { start: 34, offset: 16 };
    sender.send(frameOf(buildTcp(from, to, "A", { payload })), { segments, checksum });
    const frame = receiver.receiveAll(100).find(({ bytes }) => bytes.length > 20_000);
    assert.equal(frame?.bytes.length, 20_054);
    assert.equal(frame?.segments?.type, GSO_TYPE.TCPV4);
    assert.equal(frame?.segments?.size, 1000);
    assert.deepEqual(frame?.checksum, checksum);
    sender.close();
    receiver.close();
  });

  test("an interface that is not there is named", () => {
    assert.throws(() => openPacketSocket("nope", A), /interface nope: ENODEV.*lo, .*va/);
  });

  test("offloads are read and set", () => {
    inNetworkNamespace(A, () => {
      setOffload("va", "txChecksum", false);
      assert.equal(offloadEnabled("va", "txChecksum"), false);
      setOffload("va", "txChecksum", true);
      assert.equal(offloadEnabled("va", "txChecksum"), true);
      assert.throws(() => setOffload("nope", "gro", true), /ENODEV/);
    });
  });

  test("kernel parameters are those of the namespace", () => {
    const outside = readSysctl("net.ipv4.ip_forward");
    inNetworkNamespace(A, () => {
      writeSysctl("net.ipv4.ip_forward", outside === "1" ? 0 : 1);
      writeSysctl("net/ipv4/conf/va/rp_filter", 0);
      assert.notEqual(readSysctl("net.ipv4.ip_forward"), outside);
      assert.equal(readSysctl("net.ipv4.conf.va.rp_filter"), "0");
      assert.throws(() => writeSysctl("net.ipv4.ip_forward", "x"), /write sysctl .*: EINVAL/);
    });
    assert.equal(readSysctl("net.ipv4.ip_forward"), outside);
    assert.equal(findSysctl("net.ipv4.no_such_thing"), undefined);
    assert.throws(() => readSysctl("net.ipv4.no_such_thing"), /ENOENT.*does not have this parameter/);
    assert.throws(() => readSysctl("../../etc/passwd"), RangeError);
  });
});
