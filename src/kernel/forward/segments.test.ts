import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, REDIRECT_INGRESS, SimulatedPacket, TC_SHOT, wireBytes } from "../../bpf/index.ts";
import { runCommand } from "../testing/commands.ts";
import { CLIENT_SIDE, TestDirector } from "../testing/director.ts";
import { tcpFrame, udpFrame } from "../testing/frames.ts";

const ENDS = [
  { client: "198.18.0.10:40000", virtual: "192.0.2.1:80", server: "10.0.0.1", ip: 20 },
  { client: "[2001:db8:1::10]:40000", virtual: "[2001:db8:f::1]:80", server: "[2001:db8:a::1]:80", ip: 40 },
] as const;

function directorFor(virtual: string, server: string, service: "-t" | "-u"): TestDirector {
  const director = new TestDirector();
  runCommand(director.configuration, `ipvsadm -A ${service} ${virtual} -s rr`.split(" "));
  const add = `ipvsadm -a ${service} ${virtual} -r ${server} -i --tun-type gre --tun-csum`;
  runCommand(director.configuration, add.split(" "));
  return director;
}

/** A super-packet as it comes from a device: its checksum is left to the next one. */
function superPacket(
  frame: Uint8Array,
  transport: number,
  field: number,
  gsoSize: number,
  segments: number,
): Packet {
  const packet = new SimulatedPacket(frame, {
    ifindex: CLIENT_SIDE,
    gsoSize,
    gsoSegments: segments,
    checksum: { kind: "partial", start: transport, offset: field },
  });
  // What the field holds then is the sum of the pseudo-header: that of the complete one, less all that it covers.
  const data = packet.data;
  let sum = ~data.getUint16(transport + field) & 0xffff;
  data.setUint16(transport + field, 0);
  for (let at = transport; at < frame.length; at += 2) {
    const word = (frame[at]! << 8) | (frame[at + 1] ?? 0);
    sum += at === transport + field ? 0 : ~word & 0xffff;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  data.setUint16(transport + field, sum);
  return packet;
}

const payload = Uint8Array.from({ length: 2500 }, (_, i) => (i * 31) >>> 3);

for (const { client, virtual, server, ip } of ENDS) {
  const transport = 14 + ip;

  test(`${virtual}: a super-packet of TCP comes in again as segments, for GRE with checksums`, () => {
    const director = directorFor(virtual, server, "-t");
    director.receive(tcpFrame("client", client, virtual, "S"), { ifindex: CLIENT_SIDE });
    const frame = (from: number, to: number, flags: string, identification: number) =>
      tcpFrame("client", client, virtual, flags, {
        sequence: 1000 + from,
        acknowledgement: 77,
        payload: payload.subarray(from, to),
        ip: { identification },
      });
    const packet = superPacket(frame(0, 2500, "FPACE", 9), transport, 16, 1000, 3) as SimulatedPacket;
    const before = director.counters(2);
    assert.equal(director.receivePacket(packet).verdict, TC_SHOT);
    assert.deepEqual(director.counters(2), before, "its segments count");
    assert.deepEqual(
      packet.clones.map(({ ifindex, flags }) => [ifindex, flags]),
      [1, 2, 3].map(() => [CLIENT_SIDE, REDIRECT_INGRESS]),
    );
    const expected = [frame(0, 1000, "ACE", 9), frame(1000, 2000, "AE", 10), frame(2000, 2500, "FPAE", 11)];
    assert.deepEqual(
      packet.clones.map((clone) => Buffer.from(wireBytes(clone.packet)).toString("hex")),
      expected.map((each) => Buffer.from(each).toString("hex")),
    );
    for (const clone of packet.clones) {
      const segment = new SimulatedPacket(clone.packet.bytes, { ...clone.packet, ifindex: CLIENT_SIDE });
      assert.notEqual(director.receivePacket(segment).out, 0);
    }
    assert.equal(director.counters(2).inPackets, before.inPackets + 3);
  });

  test(`${virtual}: datagrams of one super-packet`, () => {
    const director = directorFor(virtual, server, "-u");
    const frame = (from: number, to: number, identification: number) =>
      udpFrame("client", client, virtual, { payload: payload.subarray(from, to), ip: { identification } });
    const packet = superPacket(frame(0, 2500, 9), transport, 6, 1200, 3) as SimulatedPacket;
    director.receivePacket(packet);
    assert.deepEqual(
      packet.clones.map((clone) => Buffer.from(wireBytes(clone.packet)).toString("hex")),
      [frame(0, 1200, 9), frame(1200, 2400, 10), frame(2400, 2500, 11)].map((each) =>
        Buffer.from(each).toString("hex"),
      ),
    );
  });
}
