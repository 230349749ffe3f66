/** Packets that are not what they should be: the datapath never fails, and never does anything but pass, drop or send. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TC_NEXT, TC_REDIRECT, TC_SHOT } from "../bpf/index.ts";
import { LOOPBACK } from "./forward/hand-over.ts";
import { TestDirector } from "./testing/director.ts";
import { interfaceOf } from "./testing/frames.ts";
import { mutated, randomNumbers, SERVER, samples, VIRTUAL } from "./testing/mutate.ts";

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

test(`${ROUNDS} mutilated packets`, () => {
  const random = randomNumbers(1);
  const made = director();
  const originals = samples();
  const seen = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    const { side, bytes: original } = originals[random(originals.length)]!;
    const bytes = mutated(original, random);
    const { verdict, packet, out } = made.receive(bytes, {
      ifindex: interfaceOf(side),
      linearBytes: random(4) === 0 ? random(bytes.length + 1) : bytes.length,
      gsoSize: random(20) === 0 ? random(2000) : 0,
      gsoSegments: random(20) === 0 ? random(50) : 0,
      protocol: 0x0800,
    });
    seen.add(verdict);
    assert.ok(verdict === TC_NEXT || verdict === TC_SHOT || verdict === TC_REDIRECT, `verdict ${verdict}`);
    if (verdict === TC_REDIRECT) {
      assert.ok(out === interfaceOf("client") || out === interfaceOf("server") || out === LOOPBACK);
    }
    if (packet.length !== bytes.length) assert.notEqual(verdict, TC_NEXT, "only answers are resized");
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
