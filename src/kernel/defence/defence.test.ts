/** The defences against floods (recordings/defence.json). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFENCE_SHORT, pressure, settings } from "../tables.ts";
import { runCommand } from "../testing/commands.ts";
import { TestDirector } from "../testing/director.ts";
import { interfaceOf, type Side, tcpFrame, udpFrame } from "../testing/frames.ts";
import { readRecording } from "../testing/recordings.ts";
import { sctpFrame } from "../testing/sctp.ts";
import { isOn, updateDefence } from "./level.ts";

const VIRTUAL = "192.0.2.1:80";
const SERVER = "10.0.0.1:80";

function client(i: number): string {
  return `198.18.${i >> 8}.${i & 255}:1000`;
}

function directorOf(limit: number, ...options: string[]): TestDirector {
  const director = new TestDirector({ connectionLimit: limit });
  for (const option of ["-t", "-u", "--sctp-service"]) {
    runCommand(director.configuration, ["ipvsadm", "-A", option, VIRTUAL, "-s", "rr", ...options]);
    runCommand(director.configuration, ["ipvsadm", "-a", option, VIRTUAL, "-r", SERVER, "-m"]);
  }
  return director;
}

function tcp(director: TestDirector, i: number, ...steps: (readonly [Side, string])[]): void {
  for (const [side, flags] of steps) {
    const [from, to] = side === "client" ? [client(i), VIRTUAL] : [SERVER, client(i)];
    director.receive(tcpFrame(side, from, to, flags), { ifindex: interfaceOf(side) });
  }
}

function count(director: TestDirector, state: string): number {
  return director.connections().filter((each) => each.state === state).length;
}

test("modes: 0 off, 1 and 2 with few slots, 3 on", () => {
  assert.deepEqual(
    [0, 1, 2, 3].map((mode) => isOn(mode, false)),
    [false, false, false, true],
  );
  assert.deepEqual(
    [0, 1, 2, 3].map((mode) => isOn(mode, true)),
    [false, true, true, true],
  );
});

test("drop_entry ends half-open connections as fast as was recorded, and no others", () => {
  const limit = 4096;
  const director = directorOf(limit);
  director.configuration.setTimeouts(Array.from({ length: 32 }, () => 900));
  for (let i = 0; i < 600; i++) tcp(director, i, ["client", "S"]);
  for (let i = 600; i < 700; i++) tcp(director, i, ["client", "S"], ["server", "SA"], ["client", "A"]);
  for (let i = 700; i < 720; i++) tcp(director, i, ["client", "S"], ["client", "F"]);
  for (let i = 720; i < 740; i++) director.receive(udpFrame("client", client(i), VIRTUAL));
  for (let i = 740; i < 800; i++) director.receive(sctpFrame("client", client(i), VIRTUAL, ["INIT"]));
  director.wait(5);
  assert.equal(director.connections().length, 800, "none goes by itself");
  director.configuration.setSysctl("drop_entry", 3);
  director.wait(20.3);
  const half = count(director, "SYN_RECV");
  // A thirty-second part a second, anywhere: of what was recorded, 25 and 29 of 60 were left after 20 s.
  assert.ok(half > 600 * 0.42 && half < 600 * 0.68, `${half} of 600 are left`);
  director.wait(180);
  assert.ok(count(director, "SYN_RECV") < 20);
  assert.ok(count(director, "INIT1") < 5);
  assert.deepEqual(
    ["ESTABLISHED", "TIME_WAIT", "UDP"].map((state) => count(director, state)),
    [100, 20, 20],
  );
});

test("with its last half-open connection a template goes", () => {
  const director = directorOf(256, "-p", "900");
  director.configuration.setTimeouts(Array.from({ length: 32 }, () => 900));
  for (let i = 0; i < 40; i++) tcp(director, i, ["client", "S"]);
  tcp(director, 40, ["client", "S"], ["server", "SA"], ["client", "A"]);
  director.configuration.setSysctl("drop_entry", 3);
  director.wait(400);
  const left = director.connections();
  assert.deepEqual(left.map(({ state }) => state).sort(), ["ASSURED", "ESTABLISHED"]);
});

test("a template that an earlier connection has proved stays", () => {
  const director = directorOf(64, "-p", "900");
  director.configuration.setTimeouts(Array.from({ length: 32 }, () => 900));
  tcp(director, 0, ["client", "S"], ["server", "SA"], ["client", "A"], ["client", "R"]);
  director.configuration.setTimeouts(Array.from({ length: 32 }, () => 10));
  tcp(director, 0, ["client", "S"]);
  director.configuration.setSysctl("drop_entry", 3);
  director.wait(400);
  assert.deepEqual(
    director.connections().map(({ state }) => state),
    ["ASSURED"],
  );
});

interface Dropped {
  readonly rate: number;
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly made?: string;
}

for (const { rate, protocol, made } of readRecording<{ drop_packet: Dropped[] }>("defence.json")
  .drop_packet) {
  if (made === undefined) continue;
  test(`drop_packet 3 with am_droprate ${rate} drops the ${protocol} packets that were recorded`, () => {
    const director = directorOf(1024);
    director.configuration.setSysctl("drop_packet", 3);
    director.configuration.setSysctl("am_droprate", rate);
    director.wait(0.2);
    for (let i = 0; i < made.length; i++) {
      if (protocol === "TCP") tcp(director, i, ["client", "S"]);
      else if (protocol === "UDP") director.receive(udpFrame("client", client(i), VIRTUAL));
      else director.receive(sctpFrame("client", client(i), VIRTUAL, ["INIT"]));
    }
    const sources = new Set(director.connections().map(({ source }) => source));
    assert.equal(Array.from(made, (_, i) => (sources.has(client(i)) ? "1" : "0")).join(""), made);
    // What has a connection, or is not for a service, is left alone.
    if (protocol !== "TCP") return;
    for (let i = 0; i < made.length; i++) tcp(director, i, ["client", "A"]);
    assert.equal(count(director, "ESTABLISHED"), sources.size);
  });
}

test("the automatic modes come with few free slots, and go", () => {
  const limit = 1024;
  const director = directorOf(limit);
  const { machine, configuration } = director;
  for (const name of ["drop_entry", "drop_packet", "secure_tcp"]) configuration.setSysctl(name, 1);
  configuration.setSysctl("amemthresh", 100);
  const state = () =>
    machine.run(() => {
      const { defence, dropRate, taken } = pressure.at(0);
      return { defence, dropRate, taken };
    });
  for (let i = 0; i < 900; i++) director.receive(udpFrame("client", client(i), VIRTUAL));
  director.wait(3);
  const before = state();
  assert.deepEqual(before, { defence: 0, dropRate: 0, taken: before.taken });
  assert.equal(before.taken, director.connections().length, "slots are counted");
  for (let i = 900; i < 1000; i++) director.receive(udpFrame("client", client(i), VIRTUAL));
  director.wait(3);
  const { defence, dropRate, taken } = state();
  const free = limit - taken;
  assert.equal(taken, director.connections().length);
  assert.equal(defence & DEFENCE_SHORT, DEFENCE_SHORT);
  assert.equal(defence, 7, "all of them are on");
  assert.equal(dropRate, Math.floor(100 / (100 - free)));
  tcp(director, 2000, ["client", "S"]);
  tcp(director, 2001, ["client", "S"], ["server", "SA"]);
  director.wait(330);
  assert.deepEqual(state(), { defence: 0, dropRate: 0, taken: 0 });
});

for (const limit of [1, 7, 64, 100, 1023]) {
  test(`the sweeper counts the taken ones of ${limit} slots`, () => {
    const director = directorOf(limit);
    for (let i = 0; i < limit; i++) director.receive(udpFrame("client", client(i), VIRTUAL));
    director.wait(3);
    const taken = director.machine.run(() => pressure.at(0).taken);
    assert.equal(taken, director.connections().length);
    assert.ok(taken > limit * 0.9);
  });
}

test("amemthresh counts for an eighth of the table at most; what is negative, for nothing", () => {
  const { machine, configuration } = directorOf(64);
  configuration.setSysctl("drop_packet", 1);
  const rateWith = (amemthresh: number, taken: number) => {
    configuration.setSysctl("amemthresh", amemthresh);
    return machine.run(() => {
      settings.at(0).connectionLimit = 64;
      pressure.at(0).taken = taken;
      updateDefence();
      return pressure.at(0).dropRate;
    });
  };
  assert.equal(rateWith(1024, 56), 0);
  assert.equal(rateWith(1024, 57), 8);
  assert.equal(rateWith(1024, 60), 2);
  assert.equal(rateWith(1024, 64), 1);
  assert.equal(rateWith(1024, 70), 1);
  assert.equal(rateWith(-5, 64), 0);
  assert.equal(rateWith(0, 64), 0);
});
