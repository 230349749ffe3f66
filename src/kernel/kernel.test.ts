/**
 * The datapath in the kernel and in the simulator, under random configurations: the same packets, good ones and mutilated
 * ones of every kind, one by one through both, with the same verdicts, the same bytes and the same memory in the end.
 *
 * LVS_TEST_ROUNDS, LVS_TEST_SEED: how many configurations, and which is the first.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  decode,
  type MapDefinition,
  type MapHandle,
  type Plain,
  type Schema,
  TC_NEXT,
  TC_REDIRECT,
} from "../bpf/index.ts";
import { inNetworkNamespace } from "../linux/index.ts";
import { Random } from "./fuzz/random.ts";
import {
  CallId,
  Connection,
  Counters,
  callIds,
  connectionTable,
  counters,
  Destination,
  destinationTable,
  Events,
  events,
  FlowBucket,
  flows,
  pressure,
  Service,
  scratch,
  serviceTable,
} from "./tables.ts";
import {
  CLIENT_SIDE,
  CLIENT_SIDE_MAC,
  SERVER_SIDE,
  SERVER_SIDE_MAC,
  TestDirector,
} from "./testing/director.ts";
import { compilePrograms, KernelDirector } from "./testing/kernel-director.ts";
import { TestNetwork } from "./testing/network.ts";
import { networkRoutes } from "./testing/network-routes.ts";
import { configure, reconfigure } from "./testing/random-configuration.ts";
import { type FuzzedPacket, fuzzedPackets } from "./testing/random-packets.ts";
import { smallTables } from "./testing/small-tables.ts";

const ROUNDS = Number(process.env.LVS_TEST_ROUNDS ?? 6);
const SEED = Number(process.env.LVS_TEST_SEED ?? 1);
const PACKETS = 3000;
/** After so many packets the configuration changes, or time passes. */
const CHANGE = 500;
const FIRST = new Uint8Array(4);
const FRAGMENT = 44;
/** By how much a packet may grow: where fragments were held, one of them may stand in its place. */
const ROOM = 4096;
const LIMIT = 4096;
const ENTRIES = smallTables(LIMIT, { buckets: 262144, local_addresses: 1024, servers: 256 });
const skip = process.getuid?.() === 0 ? false : "loading programs into the kernel needs root";

let network: TestNetwork;
let kernel: KernelDirector;
/** Call-IDs that were kept under all configurations. */
let calls = 0;

before(async () => {
  if (skip) return;
  network = new TestNetwork(`icmp-kernel-${process.pid}`);
  kernel = new KernelDirector(await compilePrograms(), ENTRIES);
});

after(() => {
  network?.close();
  kernel?.close();
});

/**
 * Without what a director makes up (identifications and the checksums they show in, flow labels), and without the frame's addresses: whether
 * they are known yet is told for each CPU, and tests wander between them.
 */
function withoutRandom(bytes: Uint8Array, verdict: number): string {
  const copy = Uint8Array.from(bytes);
  if (verdict === TC_REDIRECT) copy.fill(0, 0, 12);
  if (verdict === TC_REDIRECT && copy[12] === 0x08) copy.fill(0, 18, 20).fill(0, 24, 26);
  if (verdict === TC_REDIRECT && copy[12] === 0x86) {
    copy.fill(0, 15, 18);
    // Fragments of what it sends through tunnels.
    if (copy[20] === FRAGMENT) copy.fill(0, 58, 62);
  }
  return Buffer.from(copy).toString("hex");
}

type Elements = Pick<MapHandle, "readAll" | "keySize" | "valueSize" | "cpus" | "stride">;

/** The elements of a map, as values of `schema`; per-CPU values one by one. */
function valuesOf<S extends Schema>(schema: S, handle: Elements): Plain<S>[] {
  const { values } = handle.readAll();
  const step = handle.cpus > 1 || handle.valueSize === handle.stride ? handle.stride : handle.valueSize;
  const list: Plain<S>[] = [];
  for (let at = 0; at < values.length; at += step)
    list.push(decode(schema, values.subarray(at, at + schema.size)));
  return list;
}

/** The sums, over all elements and CPUs, of numbers. */
function sums(list: readonly object[]): Record<string, bigint> {
  const total: Record<string, bigint> = {};
  for (const each of list) {
    for (const [name, value] of Object.entries(each))
      total[name] = (total[name] ?? 0n) + BigInt(value as bigint);
  }
  return total;
}

/** The Call-IDs that were kept. Which slots they are in depends on the CPU that a test ran on. */
function callIdsOf(handle: Elements): string[] {
  return valuesOf(CallId, handle)
    .map(({ words }) => words.join(" "))
    .filter((text) => !/^[0 ]*$/.test(text))
    .sort();
}

/** How many words of the flow table are taken. Which they are depends on the CPU that a test ran on. */
function wordsOf(handle: Elements): number {
  const ways = valuesOf(FlowBucket, handle).flatMap((bucket) => [...bucket.ways]);
  return ways.filter(({ word }) => word !== 0).length;
}

/** Connections, without what depends on the slot. */
function connectionsOf(handle: Elements): string[] {
  return valuesOf(Connection, handle)
    .filter(({ state }) => state !== 0)
    .map(({ control, hop, state, ...rest }) =>
      JSON.stringify({ ...rest, state: state & 0xffff, isControlled: control !== 0 }),
    )
    .sort();
}

function assertSameTables(simulated: TestDirector, what: string): void {
  const both = <T>(map: MapDefinition, read: (handle: Elements) => T) =>
    assert.deepEqual(read(kernel.map(map)), read(simulated.machine.map(map)), `${what}: ${map.name}`);
  both(flows, wordsOf);
  both(connectionTable, connectionsOf);
  calls += callIdsOf(kernel.map(callIds)).length;
  both(callIds, callIdsOf);
  both(serviceTable, (handle) => valuesOf(Service, handle));
  both(destinationTable, (handle) => valuesOf(Destination, handle).map(({ hop, ...rest }) => rest));
  both(counters, (handle) => sums(valuesOf(Counters, handle)));
  both(events, (handle) => sums(valuesOf(Events, handle)));
}

/** Who a frame is for, as the interface that it comes in by sees it: PACKET_HOST 0, BROADCAST 1, MULTICAST 2, OTHERHOST 3. */
function typeOf(bytes: Uint8Array, ifindex: number): number {
  const own = ifindex === CLIENT_SIDE ? CLIENT_SIDE_MAC : SERVER_SIDE_MAC;
  const to = bytes.subarray(0, 6).reduce((sum, byte) => sum * 256 + byte, 0);
  if (to === own) return 0;
  if (to === 0xffffffffffff) return 1;
  return (bytes[0]! & 1) === 1 ? 2 : 3;
}

/** Sends a packet through both. */
function play(simulated: TestDirector, { bytes, ifindex, mark }: FuzzedPacket, what: string): void {
  // Time stands still, so that the limit of ICMP errors in a tick would be reached.
  for (const map of [simulated.machine.map(scratch), kernel.map(scratch)])
    map.update(FIRST, new Uint8Array(map.valueSize));
  const expected = simulated.receive(bytes, { ifindex, mark, type: typeOf(bytes, ifindex) });
  const real = kernel.program.run({
    data: bytes,
    context: { ifindex: network.indexOf(ifindex), mark },
    room: ROOM,
  });
  const message = `${what}: ${Buffer.from(bytes).toString("hex")}`;
  assert.equal(real.verdict, expected.verdict, message);
  if (real.verdict !== TC_REDIRECT && real.verdict !== TC_NEXT) return;
  assert.equal(
    withoutRandom(real.data, real.verdict),
    withoutRandom(expected.packet.bytes, expected.verdict),
    message,
  );
}

/** Test runs refuse packets that are too short for what their type says. */
function isFit({ bytes }: FuzzedPacket): boolean {
  const isIpv6 = bytes[12] === 0x86 && bytes[13] === 0xdd;
  return bytes.length >= (isIpv6 ? 54 : 34);
}

for (let round = 0; round < ROUNDS; round++) {
  const seed = SEED + round;
  test(`${PACKETS} packets under configuration ${seed}: kernel and simulator agree`, { skip }, () => {
    const random = new Random(seed);
    const mtus = new Map([
      [CLIENT_SIDE, 1500],
      [SERVER_SIDE, random.once(3) ? 1400 : 1500],
    ]);
    network.setMtu(SERVER_SIDE, mtus.get(SERVER_SIDE)!);
    const simulated = new TestDirector({
      connectionLimit: random.once(4) ? 64 : LIMIT,
      entries: ENTRIES,
      routes: networkRoutes(mtus),
    });
    const services = configure(simulated.configuration, random);
    kernel.clear();
    kernel.configureAs(simulated);
    const packets = fuzzedPackets(random);
    inNetworkNamespace(network.name, () => {
      for (let i = 0; i < PACKETS; i++) {
        if (i % CHANGE === CHANGE - 1) {
          assertSameTables(simulated, `seed ${seed}, before packet ${i}`);
          const ticks = random.once(2) ? 1 : 20;
          simulated.machine.run(() => {
            pressure.at(0).now += ticks;
          });
          if (services.length > 0) reconfigure(simulated.configuration, services, random);
          kernel.configureAs(simulated);
        }
        const { value } = packets.next();
        if (isFit(value)) play(simulated, value, `seed ${seed}, packet ${i}`);
      }
    });
    assertSameTables(simulated, `seed ${seed}, in the end`);
  });
}

test("calls of SIP were among them", { skip: ROUNDS < 6 ? "too few configurations" : skip }, () => {
  assert.ok(calls > 0);
});
