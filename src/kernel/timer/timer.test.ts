import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedPacket } from "../../bpf/index.ts";
import { arm } from "../arm.ts";
import { due, estimates, ticker } from "../tables.ts";
import { TestDirector } from "../testing/director.ts";
import { udpFrame } from "../testing/frames.ts";
import { approach } from "./estimate.ts";

const VIRTUAL = "192.0.2.1:53";

function udpDirector(connectionLimit: number): { director: TestDirector; slot: number } {
  const director = new TestDirector({ connectionLimit, cpus: 2 });
  director.configuration.addService("udp", VIRTUAL, "rr");
  return { director, slot: director.configuration.addServer("udp", VIRTUAL, "10.0.0.1:53") };
}

function client(i: number): string {
  return `198.18.${i >> 8}.${i & 255}:1000`;
}

test("arming again changes nothing", () => {
  const { director } = udpDirector(64);
  director.wait(0.05);
  const packet = new SimulatedPacket(new Uint8Array(14));
  for (let i = 0; i < 3; i++) assert.equal(director.machine.execute(arm, packet), 0);
  assert.equal(director.machine.clock.timers, 1);
  director.wait(10);
  assert.equal(director.machine.clock.timers, 1);
  director.machine.run(() => {
    const clock = ticker.lookup(0)!;
    assert.ok(director.machine.now() - clock.lastRun < 200_000_000n);
    assert.ok(clock.ticks >= 70);
  });
});

for (const limit of [1, 7, 64, 100, 1023]) {
  test(`the sweeper reaches each of ${limit} slots`, () => {
    const { director, slot } = udpDirector(limit);
    for (let i = 0; i < limit; i++) {
      director.machine.cpu = i % 2;
      director.receive(udpFrame("client", client(i), VIRTUAL));
    }
    const { inactive } = director.load(slot);
    assert.ok(inactive > limit * 0.9, `${inactive} of ${limit} found a slot`);
    director.wait(303);
    assert.deepEqual(director.load(slot), { active: 0, inactive: 0 });
    assert.equal(director.events().expired, inactive);
    director.wait(2);
    director.machine.run(() => {
      for (let i = 0; i < limit; i++) assert.equal(due.lookup(i)!.tick, 0);
    });
  });
}

test("more connections than one run may end take several, close together", () => {
  const limit = 40_000;
  const director = new TestDirector({ connectionLimit: limit });
  director.configuration.addService("udp", VIRTUAL, "rr");
  const slot = director.configuration.addServer("udp", VIRTUAL, "10.0.0.1:53");
  for (let i = 0; i < limit; i++) director.receive(udpFrame("client", client(i), VIRTUAL));
  assert.equal(director.load(slot).inactive, limit);
  director.wait(302);
  assert.equal(director.load(slot).inactive, 0);
});

test("rates approach what flows by a quarter of the way in each round, and fall again", () => {
  const { director, slot } = udpDirector(64);
  const rate = () =>
    director.machine.run(() => {
      const estimate = estimates.lookup(slot)!;
      return Number(estimate.inPacketRate) / 1024;
    });
  const bytes = () => director.machine.run(() => Number(estimates.lookup(slot)!.inByteRate) / 32);
  for (let i = 0; i < 600; i++) {
    director.machine.cpu = i % 2;
    director.receive(udpFrame("client", client(0), VIRTUAL, { payload: new Uint8Array(72) }));
    director.wait(0.05);
  }
  assert.ok(Math.abs(rate() - 20) < 0.7, `${rate()} packets a second`);
  assert.ok(Math.abs(bytes() - 2000) < 70, `${bytes()} bytes a second`);
  director.wait(40);
  assert.ok(rate() < 0.1);
});

test("the average moves by a quarter, rounded down, in both directions", () => {
  assert.equal(approach(0n, 1024n), 256n);
  assert.equal(approach(1024n, 0n), 768n);
  assert.equal(approach(1023n, 0n), 767n);
  assert.equal(approach(5n, 4n), 4n);
  assert.equal(approach(4n, 4n), 4n);
});
