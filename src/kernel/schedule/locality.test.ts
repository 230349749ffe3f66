/** What lblc and lblcr remember, and for how long; the rest is in the recordings. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SYSCTL_LBLC_EXPIRATION, SYSCTL_LBLCR_EXPIRATION } from "../sysctls.ts";
import {
  destinationTable,
  LOCALITY_SERVERS,
  localities,
  type localitySets,
  serviceTable,
  settings,
} from "../tables.ts";
import { TestDirector } from "../testing/director.ts";
import { choose } from "./choose.ts";
import { isOver } from "./locality.ts";

const VIRTUAL = "192.0.2.1:80";
const HERE = 0xc0000201;
const THERE = 0xc0000202;

/** A service with servers 10.0.0.1 … of these weights; the first added last, so that it is the head of the list. */
function serviceWith(scheduler: string, weights: readonly number[], expiration = 60) {
  const director = new TestDirector();
  const { configuration, machine } = director;
  machine.run(() => {
    settings.at(0).sysctls[SYSCTL_LBLC_EXPIRATION] = expiration;
    settings.at(0).sysctls[SYSCTL_LBLCR_EXPIRATION] = expiration;
  });
  configuration.addService("tcp", VIRTUAL, scheduler);
  const name = (i: number) => `10.0.0.${i + 1}:80`;
  const slots: number[] = [];
  for (let i = weights.length - 1; i >= 0; i--)
    slots[i] = configuration.addServer("tcp", VIRTUAL, name(i), { weight: weights[i]! });
  /** The server that the next connection to an address gets, by its number; −1: none. */
  const next = (address = HERE) =>
    slots.indexOf(machine.run(() => choose(1, serviceTable.lookup(1)!.pool, 0, address, 0)));
  const setActive = (...active: number[]) =>
    machine.run(() => {
      for (const [i, count] of active.entries()) destinationTable.lookup(slots[i]!)!.active = count;
    });
  const size = (map: typeof localities | typeof localitySets) => machine.map(map).readAll().keys.length / 24;
  return { director, configuration, slots, name, next, setActive, size };
}

for (const scheduler of ["lblc", "lblcr"]) {
  test(`${scheduler}: an address keeps its server until that is forgotten`, () => {
    const { director, next, setActive } = serviceWith(scheduler, [5, 5]);
    assert.equal(next(), 0);
    setActive(3, 0);
    director.wait(1790);
    assert.equal(next(), 0, "nothing is forgotten within half an hour of the beginning");
    director.wait(1790);
    assert.equal(next(), 0, "59 minutes: it was used shortly before the first half hour");
    assert.equal(next(THERE), 1, "another address goes to the least loaded");
    director.wait(1830);
    assert.equal(next(), 1, "forgotten when an hour and a half were over");
  });

  test(`${scheduler}: what a scheduler remembered is void after another one's turn`, () => {
    const { configuration, next, setActive } = serviceWith(scheduler, [5, 5]);
    assert.equal(next(), 0);
    setActive(3, 0);
    configuration.editService("tcp", VIRTUAL, scheduler);
    assert.equal(next(), 0, "an edit that leaves the scheduler leaves its memory");
    configuration.editService("tcp", VIRTUAL, "rr");
    configuration.editService("tcp", VIRTUAL, scheduler);
    assert.equal(next(), 1);
  });

  test(`${scheduler}: a slot that was given to another server is not mistaken for the one before`, () => {
    const { director, slots, next, setActive } = serviceWith(scheduler, [5, 5]);
    assert.equal(next(), 0);
    setActive(3, 0);
    director.machine.run(() => {
      destinationTable.lookup(slots[0]!)!.port = 81;
    });
    assert.equal(next(), 1);
  });

  test(`${scheduler}: a server that was removed is left, and found again if it comes back`, () => {
    const { configuration, name, next, setActive } = serviceWith(scheduler, [5, 5]);
    assert.equal(next(), 0);
    setActive(3, 0);
    configuration.deleteServer("tcp", VIRTUAL, name(0));
    assert.equal(next(THERE), 1);
    configuration.addServer("tcp", VIRTUAL, name(0), { weight: 5 });
    assert.equal(next(), 0);
  });
}

test("lblc: only one server is remembered for an address, lblcr remembers all that joined", () => {
  for (const [scheduler, expected] of [
    ["lblc", [0, 1, 2, 2]],
    ["lblcr", [0, 1, 2, 0]],
  ] as const) {
    const { next, setActive } = serviceWith(scheduler, [1, 1, 1]);
    const chosen = [next()];
    setActive(2, 0, 0);
    chosen.push(next());
    setActive(2, 2, 0);
    chosen.push(next());
    // All are crowded now; there is no idle one to move to.
    setActive(2, 3, 3);
    chosen.push(next());
    assert.deepEqual(chosen, expected, scheduler);
  }
});

test("lblcr: a set that stays as it is loses its most loaded server", () => {
  const { director, next, setActive } = serviceWith("lblcr", [1, 1, 1], 60);
  assert.equal(next(), 0);
  setActive(2, 0, 0);
  assert.equal(next(), 1);
  setActive(1, 4, 9);
  for (let i = 0; i < 3; i++) {
    director.wait(30);
    assert.equal(next(), 0, "the set shrinks after a minute, by 1");
  }
  setActive(1, 0, 9);
  assert.equal(next(), 0, "1 is not in it any more");
});

test("lblcr: a full set takes a newcomer for its most loaded server", () => {
  const count = LOCALITY_SERVERS + 2;
  const { next, setActive } = serviceWith("lblcr", Array<number>(count).fill(1));
  const load = Array<number>(count).fill(0);
  for (let i = 0; i < count; i++) {
    assert.equal(next(), i);
    load[i] = i === 3 ? 1000 : 100 + i;
    setActive(...load);
  }
  load[3] = 0;
  load.fill(50, 4);
  setActive(...load);
  assert.equal(next(), 3, "it had left the set: as an idle one it joins again, as all others are crowded");
});

test("memory is bounded, and bears any number of addresses", () => {
  const { next, size } = serviceWith("lblc", [1]);
  for (let i = 0; i < 40_000; i++) next(0x0a000000 + i);
  assert.equal(size(localities), 32_768);
});

test("how long is over", () => {
  assert.equal(isOver(100, 107, 1), false);
  assert.equal(isOver(100, 108, 1), true);
  assert.equal(isOver(0xfffffffe, 5, 1), false, "the ticks have begun anew");
  assert.equal(isOver(100, 100, 0), false);
  assert.equal(isOver(100, 101, 0), true);
  assert.equal(isOver(100, 101, 0xffffffff), true, "less than 0 s is as 0 s");
});
