/** A client that uses a port again, or whose server is gone (recordings/transitions/reuse.json). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine } from "../../bpf/index.ts";
import { SYSCTL_SLOPPY_SCTP, SYSCTL_SLOPPY_TCP } from "../sysctls.ts";
import { PROTOCOL_SCTP, PROTOCOL_TCP, PROTOCOL_UDP, settings } from "../tables.ts";
import { runCommand } from "../testing/commands.ts";
import { TestDirector } from "../testing/director.ts";
import { interfaceOf, type Side, tcpFrame } from "../testing/frames.ts";
import { readRecording } from "../testing/recordings.ts";
import { sctpFrame } from "../testing/sctp.ts";
import { beginsAnew, mayOpen } from "./reuse.ts";
import { EVENT_ABORT, EVENT_COOKIE_ABORT, EVENT_DATA, EVENT_INIT } from "./sctp-states.ts";

type Mode = "nat" | "dr";
type Path = readonly (readonly [Side, string])[];

interface Reuse {
  readonly protocol: "TCP" | "SCTP";
  readonly mode: Mode;
  /** What became of the first server. */
  readonly server: "weight 0" | "removed";
  readonly expire_nodest_conn: number;
  readonly conn_reuse_mode: number;
  readonly packets: readonly {
    readonly state: string;
    readonly packet: string;
    readonly to: string;
    readonly server: "old" | "new" | "";
  }[];
}

interface Transitions {
  readonly mode: string;
  readonly sysctl: Readonly<Record<string, number>>;
  readonly reached?: object;
  readonly paths: Readonly<Record<string, Path>>;
}

/** How to reach each state without secure_tcp. */
function pathsOf(protocol: string, mode: Mode): Readonly<Record<string, Path>> {
  const all = readRecording<Transitions[]>(`transitions/${protocol.toLowerCase()}.json`);
  const found = all.find(
    ({ mode: other, sysctl, reached }) =>
      other === mode &&
      sysctl["net/ipv4/vs/conn_reuse_mode"] === 0 &&
      sysctl["net/ipv4/vs/secure_tcp"] === undefined &&
      reached === undefined,
  );
  return found!.paths;
}

const VIRTUAL = "192.0.2.1:80";

for (const recording of readRecording<Reuse[]>("transitions/reuse.json")) {
  const { protocol, mode, server, expire_nodest_conn, conn_reuse_mode, packets } = recording;
  const isGone = server === "removed" && expire_nodest_conn === 1;
  test(`${protocol} ${mode}, server: ${server}, nodest ${expire_nodest_conn}, reuse ${conn_reuse_mode}`, () => {
    const director = new TestDirector({ connectionLimit: 256 });
    const { configuration } = director;
    const option = protocol === "TCP" ? "-t" : "--sctp-service";
    const letter = mode === "nat" ? "-m" : "-g";
    const command = (...argv: string[]) => runCommand(configuration, ["ipvsadm", ...argv]);
    command("-A", option, VIRTUAL, "-s", "rr");
    command("-a", option, VIRTUAL, "-r", "10.0.0.1:80", letter);
    for (const name of ["sloppy_tcp", "sloppy_sctp"]) configuration.setSysctl(name, 1);
    configuration.setSysctl("conn_reuse_mode", 0);
    const paths = pathsOf(protocol, mode);
    const send = (client: string, side: Side, packet: string) => {
      const [from, to] = side === "client" ? [client, VIRTUAL] : ["10.0.0.1:80", client];
      const bytes =
        protocol === "TCP" ? tcpFrame(side, from, to, packet) : sctpFrame(side, from, to, packet.split("+"));
      director.receive(bytes, { ifindex: interfaceOf(side) });
    };
    const tests = packets.map((each, i) => ({ ...each, client: `198.18.0.10:${1000 + i}` }));
    for (const { client, state } of tests) {
      for (const [side, packet] of paths[state]!) send(client, side, packet);
    }
    command("-a", option, VIRTUAL, "-r", "10.0.0.2:80", letter);
    if (server === "removed") command("-d", option, VIRTUAL, "-r", "10.0.0.1:80");
    else command("-e", option, VIRTUAL, "-r", "10.0.0.1:80", letter, "-w", "0");
    for (const name of ["sloppy_tcp", "sloppy_sctp"]) configuration.setSysctl(name, 0);
    configuration.setSysctl("conn_reuse_mode", conn_reuse_mode);
    configuration.setSysctl("expire_nodest_conn", expire_nodest_conn);
    for (const { client, packet } of tests) send(client, "client", packet);
    const listed = director.connections();
    for (const { client, state, packet, to, server: whose } of tests) {
      const found = listed.filter(({ source }) => source === client);
      const what = `${state}: ${packet}`;
      // Under direct routing the recorded director, which owned the virtual address, answered itself, and saw its own answer.
      const expected = isGone && whose === "old" ? "" : to;
      assert.deepEqual(
        found.map((each) => each.state),
        expected === "" ? [] : [expected],
        what,
      );
      if (expected !== "") {
        assert.equal(found[0]!.destination, whose === "new" ? "10.0.0.2:80" : "10.0.0.1:80", what);
      }
    }
  });
}

test("what opens connections, and what begins others", () => {
  createMachine().run(() => {
    const tcp = (flags: number) => PROTOCOL_TCP * 256 + flags;
    const sctp = (event: number) => PROTOCOL_SCTP * 256 + event;
    const { sysctls } = settings.at(0);
    assert.deepEqual([2, 18, 3, 6, 16, 1, 0].map(tcp).map(mayOpen), [
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
    const events = [EVENT_INIT, EVENT_DATA, EVENT_ABORT, EVENT_COOKIE_ABORT].map(sctp);
    assert.deepEqual(events.map(mayOpen), [true, false, false, false]);
    sysctls[SYSCTL_SLOPPY_TCP] = 1;
    sysctls[SYSCTL_SLOPPY_SCTP] = 1;
    assert.deepEqual([16, 1, 0, 4, 6, 20].map(tcp).map(mayOpen), [true, true, true, false, false, false]);
    assert.deepEqual(events.map(mayOpen), [true, true, false, true]);
    assert.ok(mayOpen(PROTOCOL_UDP * 256));
    assert.deepEqual([2, 6, 16].map(tcp).map(beginsAnew), [true, true, false]);
    assert.deepEqual(events.map(beginsAnew), [true, false, false, false]);
    assert.ok(!beginsAnew(PROTOCOL_UDP * 256 + 2));
  });
});

test("a persistent client's SYN ends no connection that it just made, though its server gets no others", () => {
  const director = new TestDirector();
  const { configuration } = director;
  const command = (...argv: string[]) => runCommand(configuration, ["ipvsadm", ...argv]);
  command("-A", "-t", VIRTUAL, "-s", "rr", "-p", "300");
  command("-a", "-t", VIRTUAL, "-r", "10.0.0.1:80", "-m");
  director.receive(tcpFrame("client", "198.18.0.10:1000", VIRTUAL, "S"));
  command("-e", "-t", VIRTUAL, "-r", "10.0.0.1:80", "-m", "-w", "0");
  configuration.setSysctl("expire_nodest_conn", 1);
  for (let i = 0; i < 3; i++) {
    const { out } = director.receive(tcpFrame("client", "198.18.0.10:1001", VIRTUAL, "S"));
    assert.notEqual(out, 0, `SYN ${i} is forwarded`);
  }
  const states = director.connections().map(({ state }) => state);
  assert.equal(states.filter((state) => state === "SYN_RECV").length, 2);
});
