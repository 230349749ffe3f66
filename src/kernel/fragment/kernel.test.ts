/** Fragments on a real network: queued again in the kernel, and put together by the other end. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { buildUdp, endpoint, formatIp, parseIpPacket } from "../../net/index.ts";
import { CLIENT_SIDE, SERVER_SIDE, TestDirector } from "../testing/director.ts";
import { fragmentsOf, reassembled } from "../testing/fragments.ts";
import { frame, type Side } from "../testing/frames.ts";
import { compilePrograms, KernelDirector } from "../testing/kernel-director.ts";
import { TestNetwork } from "../testing/network.ts";
import { smallTables } from "../testing/small-tables.ts";

const skip = process.getuid?.() === 0 ? false : "loading programs into the kernel needs root";
const FAMILIES = [
  { client: "198.18.0.10:40001", virtual: "192.0.2.1:53", server: "10.0.0.1:8081" },
  { client: "[2001:db8:1::10]:40001", virtual: "[2001:db8:f::1]:53", server: "[2001:db8:a::1]:8081" },
] as const;
const ENTRIES = smallTables(64);

let network: TestNetwork;
let director: KernelDirector;

before(async () => {
  if (skip) return;
  const simulated = new TestDirector();
  for (const { virtual, server } of FAMILIES) {
    simulated.configuration.addService("udp", virtual, "rr");
    simulated.configuration.addServer("udp", virtual, server);
  }
  director = new KernelDirector(await compilePrograms(), ENTRIES);
  director.configureAs(simulated);
  network = new TestNetwork(`icmp-${process.pid}`);
  director.attach(
    network.name,
    [CLIENT_SIDE, SERVER_SIDE].map((side) => network.indexOf(side)),
  );
});

after(() => {
  if (skip) return;
  network?.close();
  director?.close();
});

const payload = Uint8Array.from({ length: 9000 }, (_, i) => i * 7 + (i >>> 8));

function parts(side: Side, from: string, to: string, identification: number): Uint8Array[] {
  const whole = buildUdp(endpoint(from), endpoint(to), { payload, ip: { dontFragment: false } });
  return fragmentsOf(whole, 1440, identification).map((each) => frame(side, each));
}

function endpointText(address: Uint8Array, port: number): string {
  return address.length === 16 ? `[${formatIp(address)}]:${port}` : `${formatIp(address)}:${port}`;
}

function assertArrived(frames: readonly Uint8Array[], from: string, to: string): void {
  const { source, destination, transport } = parseIpPacket(
    reassembled(frames.map((bytes) => bytes.subarray(14))),
  );
  assert.ok(transport.kind === "udp" && transport.checksumValid);
  assert.equal(endpointText(source, transport.sourcePort), from);
  assert.equal(endpointText(destination, transport.destinationPort), to);
  assert.deepEqual(Buffer.from(transport.payload), Buffer.from(payload));
}

test("datagrams in parts go through the kernel's datapath in any order, both ways", { skip }, () => {
  const orders = [
    [0, 1, 2, 3, 4, 5, 6],
    [6, 5, 4, 3, 2, 1, 0],
    [3, 1, 6, 0, 2, 4, 5],
    [1, 2, 3, 4, 5, 6, 0],
  ];
  for (const { client, virtual, server } of FAMILIES) {
    for (const [index, order] of orders.entries()) {
      const there = parts("client", client, virtual, index + 1);
      for (const each of order) network.send(CLIENT_SIDE, there[each]!);
      assertArrived(network.receive(SERVER_SIDE, 500, order.length), client, server);
      const back = parts("server", server, client, index + 1);
      for (const each of order) network.send(SERVER_SIDE, back[each]!);
      assertArrived(network.receive(CLIENT_SIDE, 500, order.length), virtual, client);
    }
  }
});
