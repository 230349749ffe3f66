/**
 * Random rules and services in the kernel and in the simulator: the same packets, one by one through both, with the same verdicts, marks and
 * counters.
 *
 * LVS_TEST_ROUNDS, LVS_TEST_SEED: how many configurations, and which is the first.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createMachine, encode, type MapHandle, TC_NEXT } from "../../src/bpf/index.ts";
import { optionsOf } from "../../src/ipvs/director/program-options.ts";
import type { Family, RuleSet } from "../../src/ipvs/index.ts";
import { nameWords } from "../../src/ipvs/rules/elements.ts";
import { emptyRuleSet } from "../../src/ipvs/rules/model.ts";
import { TableRules } from "../../src/ipvs/rules/table-rules.ts";
import { planeOf } from "../../src/ipvs/rules/testing/rules.ts";
import { Random } from "../../src/kernel/fuzz/random.ts";
import { interfaceNames, RuleWords, scratch } from "../../src/kernel/tables.ts";
import {
  CLIENT_SIDE,
  CLIENT_SIDE_MAC,
  SERVER_SIDE,
  SERVER_SIDE_MAC,
  TestDirector,
} from "../../src/kernel/testing/director.ts";
import { compilePrograms, KernelDirector } from "../../src/kernel/testing/kernel-director.ts";
import { TestNetwork } from "../../src/kernel/testing/network.ts";
import { networkRoutes } from "../../src/kernel/testing/network-routes.ts";
import { configure } from "../../src/kernel/testing/random-configuration.ts";
import { type FuzzedPacket, fuzzedPackets } from "../../src/kernel/testing/random-packets.ts";
import { smallTables } from "../../src/kernel/testing/small-tables.ts";
import { inNetworkNamespace } from "../../src/linux/index.ts";
import { randomPacket } from "./random-packets.ts";
import { randomRules } from "./random-rules.ts";

const ROUNDS = Number(process.env.LVS_TEST_ROUNDS ?? 4);
const SEED = Number(process.env.LVS_TEST_SEED ?? 1);
const PACKETS = 600;
/** After so many packets there are other rules. */
const CHANGE = 50;
const LIMIT = 1024;
const ENTRIES = smallTables(LIMIT, { buckets: 262144, local_addresses: 1024, servers: 256 });
const ROOM = 4096;
/** Few features: there is less to compile, and both have the same. */
const OPTIONS = optionsOf(
  new Set([
    "tcp",
    "udp",
    "sctp",
    "ipv6",
    "marks",
    "anyPort",
    "roundRobin",
    "leastConnection",
    "rules",
    "ruleDrops",
  ]),
);
const skip = process.getuid?.() === 0 ? false : "loading programs into the kernel needs root";

/** What no program uses is not in the kernel. */
const texts = createMachine();

let network: TestNetwork;
let kernel: KernelDirector;

before(async () => {
  if (skip) return;
  network = new TestNetwork(`rules-kernel-${process.pid}`);
  kernel = new KernelDirector(await compilePrograms(OPTIONS), ENTRIES);
});

after(() => {
  network?.close();
  kernel?.close();
});

/** A frame for rules, or one for services. */
function someFrame(random: Random, fuzzed: Iterator<FuzzedPacket, FuzzedPacket>): FuzzedPacket {
  if (random.once(2)) return fuzzed.next().value;
  const family = random.of([4, 6] as const);
  const { bytes, mark } = randomPacket(random, family);
  const ifindex = random.of([CLIENT_SIDE, SERVER_SIDE]);
  const own = ifindex === CLIENT_SIDE ? CLIENT_SIDE_MAC : SERVER_SIDE_MAC;
  const to = random.once(6) ? 0xffffffffffff : own;
  const link = Array.from({ length: 6 }, (_, i) => Math.floor(to / 2 ** (40 - 8 * i)) & 255);
  const type = family === 4 ? [0x08, 0x00] : [0x86, 0xdd];
  return { bytes: Uint8Array.of(...link, 2, 0, 0, 0, 0, 9, ...type, ...bytes), ifindex, mark };
}

function typeOf(bytes: Uint8Array, ifindex: number): number {
  const own = ifindex === CLIENT_SIDE ? CLIENT_SIDE_MAC : SERVER_SIDE_MAC;
  const to = bytes.subarray(0, 6).reduce((sum, byte) => sum * 256 + byte, 0);
  if (to === own) return 0;
  if (to === 0xffffffffffff) return 1;
  return (bytes[0]! & 1) === 1 ? 2 : 3;
}

function isFit({ bytes }: FuzzedPacket): boolean {
  return bytes.length >= (bytes[12] === 0x86 && bytes[13] === 0xdd ? 54 : 34);
}

function clear(...maps: readonly MapHandle[]): void {
  for (const map of maps) map.update(new Uint8Array(4), new Uint8Array(map.valueSize));
}

for (let round = 0; round < ROUNDS; round++) {
  const seed = SEED + round;
  test(`rules and services of seed ${seed}: kernel and simulator agree`, { skip }, () => {
    const random = new Random(seed);
    const mtus = new Map([
      [CLIENT_SIDE, 1500],
      [SERVER_SIDE, 1500],
    ]);
    const simulated = new TestDirector({
      connectionLimit: LIMIT,
      entries: ENTRIES,
      options: OPTIONS,
      routes: networkRoutes(mtus),
    });
    configure(simulated.configuration, random);
    kernel.clear();
    kernel.configureAs(simulated);
    const both = [
      { rules: new TableRules(planeOf(simulated.machine)), map: simulated.machine.map(interfaceNames) },
      {
        rules: new TableRules({
          ...planeOf(texts),
          map: (each) => kernel.maps.get(each.name) ?? texts.map(each),
        }),
        map: kernel.map(interfaceNames),
      },
    ] as const;
    const indexes = [(side: number) => side, (side: number) => network.indexOf(side)] as const;
    for (const [side, name] of [
      [CLIENT_SIDE, "eth0"],
      [SERVER_SIDE, "wan0"],
    ] as const)
      for (const [which, { map }] of both.entries()) {
        const key = new Uint8Array(Uint32Array.of(indexes[which]!(side)).buffer);
        map.update(key, encode(RuleWords, { words: nameWords(Buffer.from(name)) }));
      }
    const assertSameRules = (what: string) => {
      for (const family of [4, 6] as const) {
        const [first, second] = both.map(({ rules }): RuleSet => rules.ruleSet(family));
        assert.deepEqual(second, first, `${what}: rules of IPv${family}`);
      }
    };
    const fuzzed = fuzzedPackets(random);
    // The kernel still has the rules of the seed before.
    for (const { rules } of both)
      for (const family of [4, 6] as const) rules.change(family, () => emptyRuleSet(family));
    inNetworkNamespace(network.name, () => {
      for (let i = 0; i < PACKETS; i++) {
        const what = `seed ${seed}, packet ${i}`;
        if (i % CHANGE === 0) {
          assertSameRules(what);
          const family: Family = random.of([4, 6]);
          const set = randomRules(random, family);
          for (const { rules } of both) rules.change(family, () => set);
        }
        const packet = someFrame(random, fuzzed);
        if (!isFit(packet)) continue;
        const { bytes, ifindex, mark } = packet;
        clear(simulated.machine.map(scratch), kernel.map(scratch));
        const expected = simulated.receive(bytes, { ifindex, mark, type: typeOf(bytes, ifindex) });
        const context = { ifindex: network.indexOf(ifindex), mark };
        const real = kernel.program.run({ data: bytes, context, room: ROOM });
        const message = `${what}: ${Buffer.from(bytes).toString("hex")}`;
        assert.equal(real.verdict, expected.verdict, message);
        if (real.verdict === TC_NEXT) assert.equal(real.context.mark, expected.packet.mark, message);
      }
    });
    assertSameRules(`seed ${seed}, in the end`);
  });
}
