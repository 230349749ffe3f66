/** What hand-made segments do to a connection: states, timers and counters as recorded of IPVS. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TestDirector } from "../testing/director.ts";
import { interfaceOf, type Side, tcpFrame } from "../testing/frames.ts";
import { readRecording } from "../testing/recordings.ts";

interface Step {
  readonly from: Side;
  readonly flags: string;
  readonly connections: readonly { readonly expire: string; readonly state: string }[];
  readonly active: number;
  readonly inactive: number;
  readonly seconds_after: number;
}

interface Recording {
  readonly timeouts: string;
  readonly sequences: readonly {
    readonly id: string;
    readonly commands: readonly (readonly string[])[];
    readonly steps: readonly Step[];
  }[];
}

const CLIENT = "198.18.0.10:41000";
const SERVER = "10.0.0.1:8080";
const VIRTUAL = "192.0.2.1:80";

function seconds(clock: string): number {
  const [minutes, rest] = clock.split(":");
  return Number(minutes) * 60 + Number(rest);
}

for (const name of ["nat", "nat-set"]) {
  const recording = readRecording<Recording>(`states/${name}.json`);
  for (const { id, steps } of recording.sequences) {
    test(`states/${name}: ${id}`, () => {
      const director = new TestDirector();
      const [tcp, fin, udp] = recording.timeouts.split(" ").map(Number);
      director.configuration.setTcpFinUdp(tcp!, fin!, udp!);
      director.configuration.addService("tcp", VIRTUAL, "rr");
      const slot = director.configuration.addServer("tcp", VIRTUAL, SERVER);
      for (const [index, step] of steps.entries()) {
        const [from, to] = step.from === "client" ? [CLIENT, VIRTUAL] : [SERVER, CLIENT];
        director.receive(tcpFrame(step.from, from, to, step.flags), { ifindex: interfaceOf(step.from) });
        director.wait(step.seconds_after);
        const what = `step ${index}: ${step.from} ${step.flags}`;
        const listed = director.connections();
        assert.deepEqual(
          listed.map(({ state }) => state),
          step.connections.map(({ state }) => state),
          what,
        );
        for (const [i, { expires }] of listed.entries()) {
          const recorded = seconds(step.connections[i]!.expire);
          assert.ok(Math.abs(expires - recorded - 0.5) <= 1.5, `${what}: ${expires} s left, not ${recorded}`);
        }
        assert.deepEqual(director.load(slot), { active: step.active, inactive: step.inactive }, what);
      }
    });
  }
}
