/** Helpers that need a network: routes of both families, and copies of packets, in a network namespace of their own. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  addAddress,
  addRoute,
  createNetworkNamespace,
  createVeth,
  deleteNetworkNamespace,
  inNetworkNamespace,
  linkIndex,
  openPacketSocket,
  setLink,
  setNeighbour,
  withRouteSocket,
  writeSysctl,
} from "../../linux/index.ts";
import { parseIp, parsePrefix } from "../../net/index.ts";
import type { Packet } from "../index.ts";
import { createMap, type LoadedProgram, loadProgram } from "../loader/index.ts";
import { createMachine, SimulatedPacket } from "../simulator/index.ts";
import { compile } from "./compile.ts";
import { textModule } from "./front/testing/text-module.ts";

const skip = process.getuid?.() === 0 ? false : "needs root (bpf, network namespaces)";
const name = `bpf-network-${process.pid}`;
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 9);
let out = 0;

const TEXT = `
export const Ethernet = struct("Ethernet", { destination: bytes(6), source: bytes(6), type: u16be });
export const Ipv6 = struct("Ipv6", { head: u32be, length: u16be, next: u8, hops: u8, source: array(u32be, 4),
  destination: array(u32be, 4) });
export const Ipv4 = struct("Ipv4", { head: array(u32be, 3), source: u32be, destination: u32be });
export const Answer = struct("Answer", { result: u32, ifindex: u32, mac: bytes(6), mtu: u16 });
export const answers = arrayMap("answers", { value: Answer, entries: 1 });

export function route(packet: Packet): u32 {
  const request = make(FibLookup, { ifindex: packet.ifindex, protocol: 17 });
  if (packet.protocol === 0x86dd) {
    const ip = packet.header(Ipv6, 14);
    if (ip === null) return TC_SHOT;
    request.family = FAMILY_IPV6;
    request.source = ip.source;
    request.destination = ip.destination;
  } else {
    const ip = packet.header(Ipv4, 14);
    if (ip === null) return TC_SHOT;
    request.family = FAMILY_IPV4;
    request.source[0] = ip.source;
    request.destination[0] = ip.destination;
  }
  const answer = answers.at(0);
  answer.result = fibLookup(packet, request, 0) >>> 0;
  answer.ifindex = request.ifindex;
  answer.mac = request.destinationMac;
  answer.mtu = request.totalLength;
  return request.family;
}

export function copies(packet: Packet): u32 {
  const ethernet = packet.header(Ethernet, 0);
  if (ethernet === null) return TC_SHOT;
  ethernet.type = 0x1234;
  const to = packet.mark;
  if (cloneRedirect(packet, to, 0) !== 0) return 1;
  const again = packet.header(Ethernet, 0);
  if (again === null) return TC_SHOT;
  again.type = 0x5678;
  return cloneRedirect(packet, to, 0) === 0 ? 0 : 1;
}
`;
const { sources, exports } = textModule(TEXT);

async function load(entry: string): Promise<{ program: LoadedProgram; answer(): Uint8Array; close(): void }> {
  const compiled = await compile({
    entry: { module: "test.ts", name: entry },
    sources,
    name: entry,
    type: "schedCls",
    license: "Dual MIT/GPL",
  });
  const maps = new Map(compiled.maps.map((map) => [map.name, createMap(map)]));
  const program = loadProgram(compiled, maps);
  return {
    program,
    answer: () => maps.get("answers")!.lookup(new Uint8Array(4))!,
    close: () => [program, ...maps.values()].forEach((each) => void each.close()),
  };
}

/** A frame from one address to another; of IP only what the programs look at. */
function frame(source: string, destination: string): Uint8Array {
  const [from, to] = [parseIp(source)!, parseIp(destination)!];
  const bytes = new Uint8Array(14 + 60);
  const ipv6 = from.length === 16;
  bytes.set(ipv6 ? [0x86, 0xdd, 0x60] : [0x08, 0x00, 0x45], 12);
  bytes.set(from, 14 + (ipv6 ? 8 : 12));
  bytes.set(to, 14 + (ipv6 ? 24 : 16));
  return bytes;
}

before(() => {
  if (skip) return;
  createNetworkNamespace(name);
  inNetworkNamespace(name, () =>
    withRouteSocket((route) => {
      writeSysctl("net.ipv4.ip_forward", 1);
      writeSysctl("net.ipv6.conf.all.forwarding", 1);
      createVeth(route, { name: "out", mtu: 1400 }, { name: "peer" });
      for (const link of ["out", "peer"]) setLink(route, link, { up: true });
      out = linkIndex(route, "out");
      for (const [prefix, hop, to] of [
        ["10.9.0.1/24", "10.9.0.2", "10.10.0.0/16"],
        ["fd09::1/64", "fd09::2", "fd10::/16"],
      ] as const) {
        addAddress(route, "out", parsePrefix(prefix)!);
        setNeighbour(route, "out", parseIp(hop)!, MAC);
        addRoute(route, { to: parsePrefix(to)!, via: parseIp(hop)! });
      }
    }),
  );
});

after(() => {
  if (!skip) deleteNetworkNamespace(name);
});

describe("in a network", { skip }, () => {
  it("routes of both families are found, with the next hop's address", async () => {
    const { program, answer, close } = await load("route");
    const ask = (from: string, to: string) =>
      inNetworkNamespace(
        name,
        () => program.run({ data: frame(from, to), context: { ifindex: out } }).verdict,
      );
    try {
      for (const [from, to, far, family] of [
        ["10.9.0.7", "10.10.1.1", "10.99.0.1", 2],
        ["fd09::7", "fd10::1:1", "2001:db8::1", 10],
      ] as const) {
        assert.equal(ask(from, to), family);
        const view = new DataView(answer().buffer);
        assert.deepEqual([view.getUint32(0, true), view.getUint32(4, true)], [0, out]);
        assert.deepEqual(answer().subarray(8, 14), MAC);
        assert.equal(ask(from, far), family);
        assert.notEqual(new DataView(answer().buffer).getUint32(0, true), 0);
      }
    } finally {
      close();
    }
  });

  it("the simulator asks the machine", () => {
    const asked: number[][] = [];
    const machine = createMachine({
      fib: (request) => {
        asked.push([request.family, ...Array.from({ length: 4 }, (_, i) => request.destination[i]!)]);
        request.ifindex = 7;
        return 0;
      },
    });
    const route = exports.route as unknown as (packet: Packet) => number;
    assert.equal(machine.execute(route, new SimulatedPacket(frame("fd09::7", "fd10::1:1"))), 10);
    assert.equal(machine.execute(route, new SimulatedPacket(frame("10.9.0.7", "10.10.1.1"))), 2);
    assert.deepEqual(asked, [
      [10, 0xfd100000, 0, 0, 0x10001],
      [2, 0x0a0a0101, 0, 0, 0],
    ]);
  });

  it("copies arrive as they were sent, and the packet goes on", async () => {
    const { program, close } = await load("copies");
    const wire = openPacketSocket("peer", name);
    try {
      const data = frame("10.9.0.7", "10.10.1.1");
      data.set(MAC, 0);
      const result = inNetworkNamespace(name, () => program.run({ data, context: { mark: out } }));
      assert.equal(result.verdict, 0);
      const types = wire.receiveAll(200).map(({ bytes }) => (bytes[12]! << 8) | bytes[13]!);
      assert.deepEqual(
        types.filter((type) => type === 0x1234 || type === 0x5678),
        [0x1234, 0x5678],
      );
      const packet = new SimulatedPacket(data, { mark: out });
      createMachine().execute(exports.copies as unknown as (packet: Packet) => number, packet);
      assert.deepEqual(packet.bytes, Uint8Array.from(result.data));
      assert.deepEqual(
        packet.clones.map((each) => each.packet.protocol),
        [0x0800, 0x0800],
      );
    } finally {
      wire.close();
      close();
    }
  });
});
