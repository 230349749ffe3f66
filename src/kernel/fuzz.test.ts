/** Packets that are not what they should be: the datapath never fails, and never does anything but pass, drop or send. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TC_NEXT, TC_REDIRECT, TC_SHOT } from "../bpf/index.ts";
import { buildIp, buildUdp, endpoint, ip, PROTOCOL } from "../net/index.ts";
import { TestDirector } from "./testing/director.ts";
import { frame, interfaceOf, tcpFrame, udpFrame } from "./testing/frames.ts";

const CLIENT = "198.18.0.10:40001";
const VIRTUAL = "192.0.2.1:80";
const SERVER = "10.0.0.1:8080";
const ROUNDS = 20_000;

function director(): TestDirector {
  const made = new TestDirector({ connectionLimit: 32 });
  for (const protocol of ["tcp", "udp"] as const) {
    made.configuration.addService(protocol, VIRTUAL, protocol === "tcp" ? "wlc" : "wrr");
    made.configuration.addServer(protocol, VIRTUAL, SERVER);
    made.configuration.addServer(protocol, VIRTUAL, "10.0.0.2:80", { weight: 3, upper: 5 });
    made.configuration.addService(protocol, "192.0.2.1:9", "rr");
  }
  return made;
}

function icmpError(side: "client" | "server", type: number): Uint8Array {
  const about =
    side === "client"
      ? buildUdp(endpoint(VIRTUAL), endpoint(CLIENT))
      : buildUdp(endpoint(CLIENT), endpoint(SERVER));
  const message = new Uint8Array(8 + about.length);
  message[0] = type;
  message.set(about, 8);
  const [source, destination] = side === "client" ? ["198.18.0.1", "192.0.2.1"] : ["10.0.0.1", "198.18.0.10"];
  const pair = { source: ip(source), destination: ip(destination) };
  return frame(side, buildIp(pair, PROTOCOL.ICMP, message));
}

function seeds(): [side: "client" | "server", bytes: Uint8Array][] {
  return [
    ["client", tcpFrame("client", CLIENT, VIRTUAL, "S")],
    ["client", tcpFrame("client", CLIENT, VIRTUAL, "PA", { payload: new Uint8Array(100) })],
    ["server", tcpFrame("server", SERVER, CLIENT, "SA")],
    ["client", udpFrame("client", CLIENT, VIRTUAL, { payload: new Uint8Array(20) })],
    ["server", udpFrame("server", SERVER, CLIENT)],
    ["client", udpFrame("client", CLIENT, "192.0.2.1:9", { payload: new Uint8Array(1000) })],
    ["client", icmpError("client", 3)],
    ["server", icmpError("server", 11)],
    ["client", udpFrame("client", CLIENT, VIRTUAL, { ip: { options: new Uint8Array(40) } })],
  ];
}

test(`${ROUNDS} mutilated packets`, () => {
  let state = 1;
  const random = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const made = director();
  const originals = seeds();
  const seen = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    const [side, original] = originals[random(originals.length)]!;
    let bytes = Uint8Array.from(original);
    for (let i = random(4); i > 0; i--) {
      // Mostly the headers, where it matters.
      const at = random(2) === 0 ? 14 + random(60) : random(bytes.length);
      if (at < bytes.length) bytes[at] = random(3) === 0 ? random(256) : bytes[at]! ^ (1 << random(8));
    }
    if (random(3) === 0) bytes = bytes.subarray(0, random(bytes.length + 1));
    const before = Buffer.from(bytes);
    const { verdict, packet, out } = made.receive(bytes, {
      ifindex: interfaceOf(side),
      linearBytes: random(4) === 0 ? random(bytes.length + 1) : bytes.length,
      gsoSize: random(20) === 0 ? random(2000) : 0,
      gsoSegments: random(20) === 0 ? random(50) : 0,
      protocol: 0x0800,
    });
    seen.add(verdict);
    assert.ok(verdict === TC_NEXT || verdict === TC_SHOT || verdict === TC_REDIRECT, `verdict ${verdict}`);
    if (verdict === TC_REDIRECT) assert.ok(out === interfaceOf("client") || out === interfaceOf("server"));
    if (packet.length !== before.length) assert.notEqual(verdict, TC_NEXT, "only answers are resized");
    made.machine.clock.advance(random(100_000_000));
  }
  assert.equal(seen.size, 3);
  const loads = made.configuration.allServers().map(({ slot }) => made.load(slot));
  const total = loads.reduce((sum, { active, inactive }) => sum + active + inactive, 0);
  assert.equal(total, made.connections().length, "every connection is counted once");
  made.wait(2000);
  for (const { slot } of made.configuration.allServers()) {
    assert.deepEqual(made.load(slot), { active: 0, inactive: 0 });
  }
});
