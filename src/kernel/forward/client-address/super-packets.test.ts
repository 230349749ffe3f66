/** Super-packets with unfinished checksums through the kernel, where a program cannot see what is unfinished. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SimulatedPacket } from "../../../bpf/index.ts";
import { GSO_TYPE, openPacketSocket, type PacketSocket } from "../../../linux/index.ts";
import { formatIp, parseIpPacket, type TcpSegment, type TcpSettings } from "../../../net/index.ts";
import { FORWARD_FULLNAT, POOL_PROXY, POOL_TOA } from "../../tables.ts";
import { CLIENT_SIDE, SERVER_SIDE, TestDirector } from "../../testing/director.ts";
import { type Side, tcpFrame } from "../../testing/frames.ts";
import { compilePrograms, KernelDirector } from "../../testing/kernel-director.ts";
import { TestNetwork } from "../../testing/network.ts";
import { FAMILIES, type Family, hex, optionBytes } from "./testing/dialogue.ts";
import { onTheWire, pseudoOf } from "./testing/on-the-wire.ts";

const skip = process.getuid?.() === 0 ? false : "loading programs into the kernel needs root";
const ENTRIES = { connections: 64, due: 64, flows: 64, wide: 64, call_ids: 64, proxied: 64 };
const SERVICES = [
  [80, POOL_TOA],
  [81, POOL_PROXY],
] as const;
const SEGMENT = 1400;
const WITH_TIMESTAMPS = optionBytes(
  { kind: "noop" },
  { kind: "noop" },
  { kind: "timestamps", value: 8, echo: 9 },
);

let network: TestNetwork;
let director: KernelDirector;
let wires: Record<Side, PacketSocket>;

before(async () => {
  if (skip) return;
  const simulated = new TestDirector();
  for (const { virtual, server, local } of FAMILIES) {
    for (const [port, flags] of SERVICES) {
      const service = virtual.replace(/80$/, String(port));
      simulated.configuration.addService("tcp", service, "rr", { flags, localAddresses: [local] });
      simulated.configuration.addServer("tcp", service, server, { method: FORWARD_FULLNAT });
    }
  }
  director = new KernelDirector(await compilePrograms(), ENTRIES);
  director.configureAs(simulated);
  network = new TestNetwork(`toa-${process.pid}`);
  director.attach(
    network.name,
    [CLIENT_SIDE, SERVER_SIDE].map((side) => network.indexOf(side)),
  );
  wires = {
    client: openPacketSocket("c0", `${network.name}-out`),
    server: openPacketSocket("r0", `${network.name}-out`),
  };
});

after(() => {
  if (skip) return;
  for (const wire of Object.values(wires ?? {})) wire.close();
  network?.close();
  director?.close();
});

/** Sends a segment, as a super-packet if it is longer than SEGMENT; what comes out at the other side, and who it is from. */
function pass(side: Side, family: Family, frame: Uint8Array): { peer: string; segments: TcpSegment[] } {
  const other = side === "client" ? "server" : "client";
  wires[other].receiveAll(0);
  const transport = family.version === 6 ? 40 : 20;
  const start = 14 + transport;
  new DataView(frame.buffer).setUint16(start + 16, pseudoOf(frame.subarray(14), transport));
  const headerLength = start + (frame[start + 12]! >>> 4) * 4;
  const type = family.version === 6 ? GSO_TYPE.TCPV6 : GSO_TYPE.TCPV4;
  wires[side].send(frame, {
    checksum: { start, offset: 16 },
    ...(frame.length > SEGMENT + headerLength ? { segments: { type, size: SEGMENT, headerLength } } : {}),
  });
  const segments: TcpSegment[] = [];
  let peer = "";
  for (const { bytes, outgoing, checksum, segments: cut } of wires[other].receiveAll(100)) {
    if (outgoing || (bytes[12] !== 0x08 && bytes[12] !== 0x86) || bytes[13] === 0x06) continue;
    const packet = new SimulatedPacket(bytes, {
      gsoSize: cut?.size ?? 0,
      ...(checksum === undefined ? {} : { checksum: { kind: "partial", ...checksum } }),
    });
    for (const ip of onTheWire(packet)) {
      const parsed = parseIpPacket(ip);
      if (parsed.transport.kind !== "tcp") continue;
      assert.ok(parsed.transport.checksumValid, "the TCP checksum");
      segments.push(parsed.transport);
      const address = formatIp(parsed.source);
      peer = `${address.includes(":") ? `[${address}]` : address}:${parsed.transport.sourcePort}`;
    }
  }
  return { peer, segments };
}

for (const family of FAMILIES) {
  const payload = Uint8Array.from({ length: 9001 }, (_, i) => (11 * i) & 0xff);

  /** A client's segments after a handshake. */
  function answered(port: number): (flags: string, settings: TcpSettings) => TcpSegment[] {
    const virtual = family.virtual.replace(/80$/, String(port));
    const send = (flags: string, settings: TcpSettings) =>
      pass("client", family, tcpFrame("client", family.client, virtual, flags, settings));
    const { peer } = send("S", { sequence: 5000 });
    pass(
      "server",
      family,
      tcpFrame("server", family.server, peer, "SA", { sequence: 900, acknowledgement: 5001 }),
    );
    return (flags, settings) => send(flags, settings).segments;
  }

  const numbers = { sequence: 5001, acknowledgement: 901, options: WITH_TIMESTAMPS };
  const together = (segments: readonly TcpSegment[]) =>
    hex(Buffer.concat(segments.map((each) => each.payload)));

  test(`TOA in each segment of a super-packet, ${family.name}`, { skip }, () => {
    const client = answered(80);
    assert.equal(hex(client("A", numbers)[0]!.options), family.toa + hex(WITH_TIMESTAMPS));
    const segments = client("PA", { ...numbers, payload });
    assert.equal(segments.length, Math.ceil(payload.length / SEGMENT));
    for (const each of segments) assert.equal(hex(each.options), family.toa + hex(WITH_TIMESTAMPS));
    assert.equal(together(segments), hex(payload));
  });

  test(`the PROXY header in front of a super-packet, ${family.name}`, { skip }, () => {
    const client = answered(81);
    const header = family.proxy.replace(/0050$/, "0051");
    assert.equal(together(client("A", numbers)), header);
    assert.equal(together(client("PA", { ...numbers, payload })), header + hex(payload));
    const later = client("PA", { ...numbers, sequence: 14002, payload });
    assert.equal(later[0]!.sequence, 14002 + header.length / 2);
    assert.equal(together(later), hex(payload));
  });
}
