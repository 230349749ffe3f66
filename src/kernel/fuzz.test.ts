/**
 * Packets that are not what they should be, under random configurations, in the simulator: the datapath never fails, never does
 * anything but pass, drop or send, and in the end nothing is left of them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedPacket, TC_NEXT, TC_REDIRECT, TC_SHOT } from "../bpf/index.ts";
import { Random } from "./fuzz/random.ts";
import { CLIENT_SIDE, SERVER_SIDE, TestDirector } from "./testing/director.ts";
import { configure, reconfigure } from "./testing/random-configuration.ts";
import { fuzzedPackets } from "./testing/random-packets.ts";

const ROUNDS = 8;
const PACKETS = 3000;
const LOOPBACK = 1;

function isVerdict(verdict: number): boolean {
  return verdict === TC_NEXT || verdict === TC_SHOT || verdict === TC_REDIRECT;
}

for (let seed = 1; seed <= ROUNDS; seed++) {
  test(`${PACKETS} packets under configuration ${seed}, and nothing is left`, () => {
    const random = new Random(seed);
    const director = new TestDirector({ connectionLimit: random.of([16, 64, 1024]) });
    const services = configure(director.configuration, random);
    const packets = fuzzedPackets(random);
    for (let i = 0; i < PACKETS; i++) {
      const { bytes, ifindex, mark } = packets.next().value;
      const packet = new SimulatedPacket(bytes, {
        ifindex,
        mark,
        linearBytes: random.once(4) ? random.below(bytes.length + 1) : bytes.length,
        gsoSize: random.once(20) ? random.below(2000) : 0,
        gsoSegments: random.once(20) ? random.below(50) : 0,
      });
      const { verdict, out } = director.receivePacket(packet);
      assert.ok(isVerdict(verdict), `packet ${i}: verdict ${verdict}`);
      if (verdict === TC_REDIRECT)
        assert.ok([CLIENT_SIDE, SERVER_SIDE, LOOPBACK].includes(out), `packet ${i}`);
      for (const clone of packet.clones) assert.ok(isVerdict(director.receivePacket(clone.packet).verdict));
      director.machine.clock.advance(BigInt(random.below(50_000_000)));
      if (i % 500 === 499 && services.length > 0) reconfigure(director.configuration, services, random);
    }
    const loads = director.configuration.allServers().map(({ slot }) => director.load(slot));
    const counted = loads.reduce((sum, { active, inactive }) => sum + active + inactive, 0);
    assert.ok(counted <= director.connections().length, "no connection is counted twice");
    director.wait(3000);
    assert.deepEqual(director.connections(), []);
    assert.equal(director.flowWords(), 0);
    for (const { slot } of director.configuration.allServers()) {
      assert.deepEqual({ ...director.load(slot) }, { active: 0, inactive: 0 });
      assert.equal(director.templatesOf(slot), 0);
    }
  });
}
