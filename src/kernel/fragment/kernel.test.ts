/** Fragments on a real network: queued again in the kernel, and put together by the other end. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { buildUdp, endpoint, parseIpPacket } from "../../net/index.ts";
import { CLIENT_SIDE, SERVER_SIDE, TestDirector } from "../testing/director.ts";
import { fragmentsOf, reassembled } from "../testing/fragments.ts";
import { frame, type Side } from "../testing/frames.ts";
import { compilePrograms, KernelDirector } from "../testing/kernel-director.ts";
import { TestNetwork } from "../testing/network.ts";

const skip = process.getuid?.() === 0 ? false : "loading programs into the kernel needs root";
const CLIENT = "198.18.0.10:40001";
const VIRTUAL = "192.0.2.1:53";
const SERVER = "10.0.0.1:8081";
const ENTRIES = { connections: 64, due: 64, flows: 64, wide: 64 };

let network: TestNetwork;
let director: KernelDirector;

before(async () => {
  if (skip) return;
  const simulated = new TestDirector();
  simulated.configuration.addService("udp", VIRTUAL, "rr");
  simulated.configuration.addServer("udp", VIRTUAL, SERVER);
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
  return fragmentsOf(whole, 1480, identification).map((each) => frame(side, each));
}

function assertArrived(frames: readonly Uint8Array[], from: string, to: string): void {
  const { source, destination, transport } = parseIpPacket(
    reassembled(frames.map((bytes) => bytes.subarray(14))),
  );
  assert.ok(transport.kind === "udp" && transport.checksumValid);
  assert.equal(`${source.join(".")}:${transport.sourcePort}`, from);
  assert.equal(`${destination.join(".")}:${transport.destinationPort}`, to);
  assert.deepEqual(Buffer.from(transport.payload), Buffer.from(payload));
}

test("datagrams in parts go through the kernel's datapath in any order, both ways", { skip }, () => {
  const orders = [
    [0, 1, 2, 3, 4, 5, 6],
    [6, 5, 4, 3, 2, 1, 0],
    [3, 1, 6, 0, 2, 4, 5],
    [1, 2, 3, 4, 5, 6, 0],
  ];
  for (const [index, order] of orders.entries()) {
    const there = parts("client", CLIENT, VIRTUAL, index + 1);
    for (const each of order) network.send(CLIENT_SIDE, there[each]!);
    assertArrived(network.receive(SERVER_SIDE), CLIENT, SERVER);
    const back = parts("server", SERVER, CLIENT, index + 1);
    for (const each of order) network.send(SERVER_SIDE, back[each]!);
    assertArrived(network.receive(CLIENT_SIDE), VIRTUAL, CLIENT);
  }
});
