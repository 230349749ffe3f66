/** The defences in the kernel, where the clock runs by itself. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { compile } from "../../bpf/compiler/index.ts";
import { decode } from "../../bpf/index.ts";
import { createMap, loadProgram } from "../../bpf/loader/index.ts";
import { createNetworkNamespace, deleteNetworkNamespace, inNetworkNamespace } from "../../linux/index.ts";
import {
  Connection,
  connectionTable,
  Pressure,
  pressure,
  STATE_MASK,
  STATE_REMOVED,
  settings,
} from "../tables.ts";
import { TestDirector } from "../testing/director.ts";
import { tcpFrame, udpFrame } from "../testing/frames.ts";
import { compilePrograms, KernelDirector } from "../testing/kernel-director.ts";
import { smallTables } from "../testing/small-tables.ts";

const skip = process.getuid?.() === 0 ? false : "loading programs into the kernel needs root";
const LIMIT = 4096;
const ENTRIES = smallTables(LIMIT);
const VIRTUAL = "192.0.2.1:80";
const HALF_OPEN = 2000;
const OTHERS = 500;
const SECONDS = 6;

test("half-open connections go, others stay, taken slots are counted", { skip }, async () => {
  const director = new TestDirector({ connectionLimit: LIMIT, entries: ENTRIES, forwarding: false });
  const { configuration } = director;
  for (const protocol of ["tcp", "udp"] as const) {
    configuration.addService(protocol, VIRTUAL, "rr");
    configuration.addServer(protocol, VIRTUAL, "10.0.0.1:80");
  }
  configuration.setSysctl("drop_entry", 3);
  const kernel = new KernelDirector(await compilePrograms(), ENTRIES);
  after(() => kernel.close());
  const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const arm = await compile({
    entry: { module: new URL(`../arm.${suffix}`, import.meta.url).href, name: "arm" },
    options: { cpus: 1 },
    name: "arm",
    type: "schedCls",
    license: "Dual MIT/GPL",
  });
  for (const map of arm.maps) {
    const entries = ENTRIES[map.name];
    if (kernel.maps.has(map.name)) continue;
    kernel.maps.set(map.name, createMap(map, entries === undefined ? {} : { entries }));
  }
  kernel.configureAs(director);
  const starter = loadProgram(arm, kernel.maps);
  assert.equal(starter.run({ data: new Uint8Array(64) }).verdict, 0, "the clock runs");
  starter.close();

  const name = `state-defence-${process.pid}`;
  createNetworkNamespace(name);
  after(() => deleteNetworkNamespace(name));
  const client = (i: number) => `198.18.${i >> 8}.${i & 255}:1000`;
  const receive = (frame: Uint8Array) => {
    // The address of the loopback interface, at which the kernel runs it.
    frame.fill(0, 0, 6);
    kernel.program.run({ data: frame, context: { ifindex: 1 } });
  };
  inNetworkNamespace(name, () => {
    for (let i = 0; i < HALF_OPEN; i++) receive(tcpFrame("client", client(i), VIRTUAL, "S"));
    for (let i = 0; i < OTHERS; i++) receive(udpFrame("client", client(i), VIRTUAL));
  });
  const states = () => {
    const { values } = kernel.map(connectionTable).readAll();
    const size = Connection.size;
    return Array.from({ length: LIMIT }, (_, slot) => {
      const { state } = decode(Connection, values.subarray(slot * size, (slot + 1) * size));
      return (state & STATE_REMOVED) === 0 ? state & STATE_MASK : 0;
    }).filter((state) => state !== 0);
  };
  await setTimeout(SECONDS * 1000);
  configuration.setSysctl("drop_entry", 0);
  const { keys, values } = director.machine.map(settings).readAll();
  kernel.map(settings).updateMany(keys, values);
  // A circle of the sweeper, and the rest of what it ended last.
  await setTimeout(2700);
  const left = states();
  const half = left.filter((state) => state === 3).length;
  const others = left.length - half;
  assert.ok(half < HALF_OPEN * 0.93 && half > HALF_OPEN * 0.6, `${half} of ${HALF_OPEN} are left`);
  assert.equal(others, OTHERS);
  const now = decode(Pressure, kernel.map(pressure).readAll().values);
  assert.equal(now.defence, 0);
  assert.equal(now.taken, left.length);
});
