import assert from "node:assert/strict";
import { test } from "node:test";
import type { Infer, Packet, u32 } from "../index.ts";
import * as bpf from "../index.ts";

const Key = bpf.struct("Key", { address: bpf.ipv4, port: bpf.u16be, protocol: bpf.u8 });
const Value = bpf.struct("Value", {
  packets: bpf.u64,
  state: bpf.u32,
  guard: bpf.spinLock,
  timer: bpf.timer,
});
type Key = Infer<typeof Key>;
type Value = Infer<typeof Value>;
const flows = bpf.hashMap("flows", { key: Key, value: Value, entries: 3 });
const level = bpf.option("level", 1);

function key(port: number): Key {
  return bpf.make(Key, { address: 1, port });
}

function expire(which: Key, value: Value): void {
  value.state = 99;
  flows.delete(which);
}

test("maps need a machine, and each machine has its own elements", () => {
  assert.throws(() => flows.lookup(key(1)), { code: "ERR_NO_MACHINE" });
  const one = bpf.createMachine();
  const other = bpf.createMachine();
  one.run(() => flows.update(key(1), bpf.make(Value)));
  assert.ok(one.run(() => flows.lookup(key(1))));
  assert.equal(
    other.run(() => flows.lookup(key(1))),
    null,
  );
  one.run(() => {
    other.run(() => assert.equal(flows.lookup(key(1)), null));
    assert.ok(flows.lookup(key(1)));
  });
});

test("options, entries, CPUs, time and random numbers are settings of the machine", () => {
  assert.equal(level.value, 1);
  const machine = bpf.createMachine({ options: { level: 0 }, entries: { flows: 1 }, cpus: 2, time: 5n });
  machine.cpu = 1;
  machine.run(() => {
    assert.equal(level.value, 0);
    assert.equal(bpf.cpu(), 1);
    assert.equal(bpf.monotonicTime(), 5n);
    assert.equal(bpf.coarseTime(), 5n);
    assert.equal(flows.update(key(1), bpf.make(Value)), 0);
    assert.equal(flows.update(key(2), bpf.make(Value)), -7);
  });
  assert.throws(() => {
    machine.cpu = 2;
  }, RangeError);
  const draw = (random: number) => {
    const source = bpf.createMachine({ random });
    return source.run(() => [bpf.random(), bpf.random(), bpf.random()]);
  };
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
  assert.equal(
    bpf.createMachine({ random: () => 42 }).run(() => bpf.random()),
    42,
  );
});

test("a timer runs out once, in order, with its element; deleting the element ends it", () => {
  const machine = bpf.createMachine();
  const log: string[] = [];
  const note = (which: Key, _: Value): void => {
    log.push(`${which.port} at ${bpf.monotonicTime()}`);
  };
  const again = (which: Key, value: Value): void => {
    note(which, value);
    if (value.state++ < 2) bpf.timerStart(value, "timer", 10n);
    assert.equal(bpf.timerCancel(value, "timer"), -35);
  };
  const arm = (port: number, delay: bigint, callback: (key: Key, value: Value) => void) => {
    flows.update(key(port), bpf.make(Value));
    const value = flows.lookup(key(port));
    assert.ok(value);
    assert.equal(bpf.timerStart(value, "timer", delay), -22);
    assert.equal(bpf.timerInit(flows, value, "timer"), 0);
    assert.equal(bpf.timerInit(flows, value, "timer"), -16);
    assert.equal(bpf.timerCallback(value, "timer", callback), 0);
    assert.equal(bpf.timerStart(value, "timer", delay), 0);
    return value;
  };
  machine.run(() => {
    arm(1, 100n, note);
    arm(2, 50n, again);
    arm(3, 70n, note);
    flows.delete(key(3));
  });
  assert.equal(machine.clock.timers, 2);
  machine.clock.advance(49);
  assert.deepEqual(log, []);
  machine.clock.advance(1_000n);
  const start = 1_000_000_000n;
  assert.deepEqual(log, [
    `2 at ${start + 50n}`,
    `2 at ${start + 60n}`,
    `2 at ${start + 70n}`,
    `1 at ${start + 100n}`,
  ]);
  assert.equal(machine.clock.now, start + 1_049n);
  assert.equal(machine.clock.timers, 0);
  const gone = machine.run(() => arm(3, 5n, expire));
  machine.clock.advance(5);
  assert.equal(gone.state, 99, "a reference to a deleted value stays readable");
  assert.equal(
    machine.run(() => bpf.timerStart(gone, "timer", 5n)),
    -22,
  );
  assert.deepEqual([...machine.map(flows).keys()].length, 2);
  machine.run(() => {
    const value = flows.lookup(key(1));
    assert.ok(value);
    bpf.timerStart(value, "timer", 5n);
    assert.equal(bpf.timerCancel(value, "timer"), 1);
    assert.equal(bpf.timerCancel(value, "timer"), 0);
    bpf.timerStart(value, "timer", 5n);
    flows.update(key(1), bpf.make(Value));
  });
  assert.equal(machine.clock.timers, 0, "replacing an element ends its timer");
});

test("locks: taken once, released before the end, no map meanwhile", () => {
  const machine = bpf.createMachine();
  const value = machine.run(() => {
    flows.update(key(1), bpf.make(Value));
    return flows.lookup(key(1));
  });
  assert.ok(value);
  const wrong = { code: "ERR_LOCK" };
  machine.run(() => {
    bpf.lock(value, "guard");
    bpf.unlock(value, "guard");
    assert.throws(() => bpf.unlock(value, "guard"), wrong);
    bpf.lock(value, "guard");
    assert.throws(() => bpf.lock(value, "guard"), wrong);
    assert.throws(() => flows.lookup(key(1)), wrong);
    bpf.unlock(value, "guard");
  });
  assert.throws(() => machine.run(() => bpf.lock(value, "guard")), wrong);
});

test("a program's redirect takes place when it returns TC_REDIRECT", () => {
  const machine = bpf.createMachine();
  const packet = new bpf.SimulatedPacket(new Uint8Array(60), { ifindex: 4 });
  const program = (verdict: u32) => (given: Packet) => {
    bpf.redirect(given.ifindex + 1, 0);
    assert.equal(bpf.redirectNeighbour(given.ifindex + 2, 0), 7);
    return verdict;
  };
  assert.equal(machine.execute(program(bpf.TC_REDIRECT), packet), 7);
  assert.deepEqual(packet.redirected, { kind: "redirectNeighbour", ifindex: 6, flags: 0 });
  assert.equal(machine.execute(program(bpf.TC_OK), packet), 0);
  assert.equal(packet.redirected, undefined);
  assert.equal(
    machine.execute(() => bpf.redirect(1, 8), packet),
    bpf.TC_SHOT,
  );
});

test("fibLookup is answered by the machine", () => {
  const machine = bpf.createMachine({
    fib: (request, flags) => {
      request.ifindex = 3;
      request.destinationMac[5] = flags;
      return bpf.FIB_NO_NEIGHBOUR;
    },
  });
  const packet = new bpf.SimulatedPacket(new Uint8Array(60));
  const request = bpf.make(bpf.FibLookup, { family: 2 });
  assert.equal(bpf.sizeOf(bpf.FibLookup), 64);
  assert.equal(bpf.offsetOf(bpf.FibLookup, "destinationMac"), 58);
  assert.equal(
    machine.run(() => bpf.fibLookup(packet, request, 5)),
    7,
  );
  assert.deepEqual([request.ifindex, request.destinationMac[5]], [3, 5]);
  assert.equal(
    bpf.createMachine().run(() => bpf.fibLookup(packet, request, 0)),
    bpf.FIB_NOT_FORWARDED,
  );
});

test("two maps of one name are an error", () => {
  const twin = bpf.arrayMap("flows", { value: Value, entries: 1 });
  const machine = bpf.createMachine();
  machine.map(flows);
  assert.throws(() => machine.map(twin), { code: "ERR_MAP_DEFINITION" });
});
