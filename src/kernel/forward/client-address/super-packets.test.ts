/** Super-packets with unfinished checksums through the kernel, where a program cannot see what is unfinished. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { formatEndpoint, type TcpSegment, type TcpSettings } from "../../../net/index.ts";
import { FORWARD_FULLNAT, POOL_PROXY, POOL_TOA } from "../../tables.ts";
import { CLIENT_SIDE, SERVER_SIDE, TestDirector } from "../../testing/director.ts";
import { tcpFrame } from "../../testing/frames.ts";
import { compilePrograms, KernelDirector } from "../../testing/kernel-director.ts";
import { TestNetwork } from "../../testing/network.ts";
import { smallTables } from "../../testing/small-tables.ts";
import { SuperPacketWires } from "../../testing/super-packet-wires.ts";
import { FAMILIES, hex, optionBytes } from "./testing/dialogue.ts";

const skip = process.getuid?.() === 0 ? false : "loading programs into the kernel needs root";
const ENTRIES = smallTables(64);
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
let wires: SuperPacketWires;

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
  wires = new SuperPacketWires(network, SEGMENT);
});

after(() => {
  if (skip) return;
  wires?.close();
  network?.close();
  director?.close();
});

for (const family of FAMILIES) {
  const payload = Uint8Array.from({ length: 9001 }, (_, i) => (11 * i) & 0xff);

  /** A client's segments after a handshake. */
  function answered(port: number): (flags: string, settings: TcpSettings) => TcpSegment[] {
    const virtual = family.virtual.replace(/80$/, String(port));
    const send = (flags: string, settings: TcpSettings) =>
      wires.pass("client", tcpFrame("client", family.client, virtual, flags, settings));
    const { packet, segment } = send("S", { sequence: 5000 })[0]!;
    const peer = formatEndpoint({ address: packet.source, port: segment.sourcePort });
    const numbers = { sequence: 900, acknowledgement: 5001 };
    wires.pass("server", tcpFrame("server", family.server, peer, "SA", numbers));
    return (flags, settings) => send(flags, settings).map((each) => each.segment);
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
