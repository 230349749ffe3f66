import assert from "node:assert/strict";
import { test } from "node:test";
import { make } from "../../bpf/index.ts";
import { destinationTable, FlowKey, type Pool, pools, type Service, serviceTable } from "../tables.ts";
import { TestDirector } from "../testing/director.ts";
import { SCHEDULERS } from "../testing/service-settings.ts";
import { choose } from "./choose.ts";
import { chooseConsistently, surprise } from "./consistent.ts";
import { currentWeightAfterEdit, highestStep } from "./wrr-weight.ts";

const VIRTUAL = "192.0.2.1:80";

/** A service with servers of these weights, the first added last. */
function serviceWith(scheduler: string, weights: readonly number[]) {
  const director = new TestDirector();
  director.configuration.addService("tcp", VIRTUAL, scheduler);
  const slots = weights
    .map((weight, i) => [weight, i] as const)
    .reverse()
    .map(([weight, i]) => director.configuration.addServer("tcp", VIRTUAL, `10.0.0.${i + 1}:80`, { weight }))
    .reverse();
  const run = <T>(body: (service: Service, pool: Pool) => T): T =>
    director.machine.run(() => {
      const service = serviceTable.lookup(1)!;
      return body(service, pools.lookup(service.pool)!);
    });
  const choice = () => run((service) => choose(1, service.pool, 0, 0, 0));
  /** The position of the server chosen. */
  const next = () => slots.indexOf(choice());
  return { director, slots, run, choice, next };
}

function overload(slot: number, value: number): void {
  const server = destinationTable.lookup(slot)!;
  server.upper = value;
  server.overloaded = value;
  server.active = value;
}

/** Weighted round robin as it is described: walked step by step. */
function* steps(weights: readonly number[], usable: (i: number) => boolean, start: number) {
  const maximum = Math.max(...weights);
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  const divisor = weights.filter((weight) => weight > 0).reduce(gcd, 0);
  const highest = maximum - divisor + 1;
  let current = start;
  for (let position = 0; ; ) {
    if (position === weights.length) {
      position = 0;
      current = current > divisor ? current - divisor : highest;
    }
    const at = position++;
    if (weights[at]! >= current && usable(at)) yield at;
  }
}

test("weighted round robin walks as described, also around overloaded servers", () => {
  let seed = 7;
  const random = (limit: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % limit;
  };
  for (let round = 0; round < 60; round++) {
    const factor = 1 + random(3);
    const weights = Array.from({ length: 1 + random(9) }, () => random(7) * factor);
    const { director, slots, run, choice, next } = serviceWith("wrr", weights);
    const blocked = new Set(weights.map((_, i) => i).filter(() => random(4) === 0));
    director.machine.run(() => {
      for (const i of blocked) overload(slots[i]!, 1);
    });
    const usable = (i: number) => !blocked.has(i);
    if (!weights.some((weight, i) => weight > 0 && usable(i))) {
      assert.equal(choice(), 0);
      continue;
    }
    const expected = steps(
      weights,
      usable,
      run((_, pool) => pool.initialWeight),
    );
    for (let i = 0; i < 80; i++) {
      assert.equal(next(), expected.next().value, `weights ${weights}, without ${[...blocked]}, choice ${i}`);
    }
  }
});

test("weighted round robin skips rounds without turns: huge weights do not keep it", () => {
  const { director, slots, next } = serviceWith("wrr", [2_000_000_000, 3]);
  director.machine.run(() => overload(slots[0]!, 1));
  assert.equal(next(), 1);
  assert.equal(next(), 1);
  director.machine.run(() => overload(slots[0]!, 0));
  assert.equal(next(), 0);
});

test("with no weight at all, or everyone overloaded, none is chosen", () => {
  for (const scheduler of Object.keys(SCHEDULERS)) {
    assert.equal(serviceWith(scheduler, []).choice(), 0);
    assert.equal(serviceWith(scheduler, [0, 0]).choice(), 0);
    const { director, slots, choice } = serviceWith(scheduler, [10, 20]);
    director.machine.run(() => {
      for (const slot of slots) overload(slot, 5);
    });
    assert.equal(choice(), 0);
    director.machine.run(() => {
      for (const slot of slots) destinationTable.lookup(slot)!.upper = 6;
    });
    assert.notEqual(choice(), 0, "a raised threshold frees the server");
  }
});

test("an unknown scheduler chooses none", () => {
  assert.equal(serviceWith("sedan", [1]).choice(), 0);
});

test("round robin goes round a thousand servers", () => {
  const { choice } = serviceWith("rr", [0, 1, 0]);
  assert.equal(choice(), choice());
});

test("the least load of weights beyond 32 bits of product", () => {
  const { director, slots, next } = serviceWith("wlc", [2_147_483_647, 2_147_483_646]);
  director.machine.run(() => {
    destinationTable.lookup(slots[0]!)!.active = 1_000_001;
    destinationTable.lookup(slots[1]!)!.active = 1_000_000;
  });
  assert.equal(next(), 1);
});

test("the current weight is brought into range by an edit", () => {
  assert.equal(highestStep(0, 1), 0);
  assert.equal(highestStep(6, 2), 5);
  assert.equal(currentWeightAfterEdit(0, 4, 4), 1);
  assert.equal(currentWeightAfterEdit(4, 2, 1), 2);
  assert.equal(currentWeightAfterEdit(1, 6, 2), 1);
  assert.equal(currentWeightAfterEdit(4, 6, 2), 5);
  assert.equal(currentWeightAfterEdit(3, 0, 1), 0);
});

function keyOf(i: number) {
  return make(FlowKey, {
    source: 0xc6120000 + i,
    destination: 0xc0000201,
    sourcePort: 1000 + (i % 7),
    destinationPort: 80,
    kind: 17,
  });
}

test("consistent choice: by weight, and only flows of the server that goes move", () => {
  const weights = [1, 2, 5, 0];
  const { director, slots, run } = serviceWith("rr", weights);
  const flows = 8000;
  const before = run((_, pool) =>
    Array.from({ length: flows }, (_unused, i) => chooseConsistently(pool, keyOf(i))),
  );
  for (const [i, weight] of weights.entries()) {
    const share = before.filter((slot) => slot === slots[i]).length / flows;
    assert.ok(Math.abs(share - weight / 8) < 0.025, `weight ${weight}: ${share}`);
  }
  director.configuration.deleteServer("tcp", VIRTUAL, "10.0.0.2:80");
  run((_, pool) => {
    for (let i = 0; i < flows; i++) {
      const after = chooseConsistently(pool, keyOf(i));
      if (before[i] !== slots[1]) assert.equal(after, before[i]);
      else assert.notEqual(after, slots[1]);
    }
  });
});

test("surprise is the negative logarithm", () => {
  for (const n of [0, 1, 2, 3, 1000, 65535, 65536, 0x7fffffff, 0x80000000, 0xc0000000, 0xffffffff]) {
    const exact = -Math.log2(Math.max(n, 1) / 2 ** 32) * 65536;
    assert.ok(Math.abs(surprise(n) - exact) <= 0.01 * 65536, `${n}: ${surprise(n)}, ${exact}`);
  }
  assert.ok(surprise(0x80000000) < surprise(0x7fffffff));
});
