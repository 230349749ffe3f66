/** What hand-made packets do to a connection: states, timers and counters as recorded of IPVS (recordings/states). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runCommand } from "../testing/commands.ts";
import { TestDirector } from "../testing/director.ts";
import { interfaceOf, type Side, tcpFrame } from "../testing/frames.ts";
import { readRecording } from "../testing/recordings.ts";
import { sctpFrame } from "../testing/sctp.ts";

interface Step {
  readonly from: Side;
  readonly flags?: string;
  readonly chunks?: readonly string[];
  readonly connections: readonly {
    readonly expire: string;
    readonly state: string;
    readonly source: string;
    readonly virtual: string;
    readonly destination: string;
  }[];
  readonly active: number;
  readonly inactive: number;
  readonly seconds_after: number;
}

interface Recording {
  readonly timeouts: string;
  readonly sysctl: Readonly<Record<string, number>>;
  readonly sequences: readonly {
    readonly id: string;
    readonly commands: readonly (readonly string[])[];
    readonly steps: readonly Step[];
  }[];
}

const RECORDINGS = [
  ...["nat", "nat-set", "nat-secure_tcp-3", "nat-sloppy_tcp-1", "nat-conn_reuse_mode-0"],
  ...["dr", "dr-secure_tcp-3", "dr-sloppy_tcp-1", "tun"],
  ...["nat-sctp", "nat-sctp-sloppy_sctp-1", "dr-sctp", "dr-sctp-sloppy_sctp-1", "tun-sctp"],
];

const CLIENT = "198.18.0.10:41000";

function seconds(clock: string): number {
  const [minutes, rest] = clock.split(":");
  return Number(minutes) * 60 + Number(rest);
}

function optionOf(commands: readonly (readonly string[])[], ...names: string[]): string {
  for (const argv of commands) {
    const at = argv.findIndex((each) => names.includes(each));
    if (at >= 0) return argv[at + 1]!;
  }
  throw new Error(`no ${names.join(" or ")}`);
}

function frameOf({ from, flags, chunks }: Step, virtual: string, server: string): Uint8Array {
  const [source, destination] = from === "client" ? [CLIENT, virtual] : [server, CLIENT];
  return chunks === undefined
    ? tcpFrame(from, source, destination, flags!)
    : sctpFrame(from, source, destination, chunks);
}

for (const name of RECORDINGS) {
  const recording = readRecording<Recording>(`states/${name}.json`);
  for (const { id, commands, steps } of recording.sequences) {
    test(`states/${name}: ${id}`, () => {
      const director = new TestDirector();
      const [tcp, fin, udp] = recording.timeouts.split(" ").map(Number);
      director.configuration.setTcpFinUdp(tcp!, fin!, udp!);
      for (const [sysctl, value] of Object.entries(recording.sysctl)) {
        director.configuration.setSysctl(sysctl, value);
      }
      director.wait(0.2);
      const slot = commands.reduce((added, argv) => runCommand(director.configuration, argv) || added, 0);
      const virtual = optionOf(commands, "-t", "--sctp-service");
      const server = optionOf(commands, "-r");
      for (const [index, step] of steps.entries()) {
        director.receive(frameOf(step, virtual, server), { ifindex: interfaceOf(step.from) });
        director.wait(step.seconds_after);
        const what = `step ${index}: ${step.from} ${step.flags ?? step.chunks!.join("+")}`;
        const listed = director.connections();
        assert.deepEqual(
          listed.map(({ state, destination }) => ({ state, destination })),
          step.connections.map(({ state, destination }) => ({ state, destination })),
          what,
        );
        for (const [i, { expires }] of listed.entries()) {
          const recorded = seconds(step.connections[i]!.expire);
          assert.ok(Math.abs(expires - recorded - 0.5) <= 1.5, `${what}: ${expires} s left, not ${recorded}`);
        }
        const { active, inactive } = director.load(slot);
        assert.deepEqual({ active, inactive }, { active: step.active, inactive: step.inactive }, what);
      }
    });
  }
}
