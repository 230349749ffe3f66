/**
 * A recorded scheduling case, made again by a director in memory: every connection opened, closed and forgotten as recorded, with
 * the servers' counters compared at each step. Who carries out the commands is left open: tests of the datapath and of
 * the administration share this.
 */
import assert from "node:assert/strict";
import { TC_SHOT } from "../../../bpf/index.ts";
import { formatEndpoint, parseIpPacket } from "../../../net/index.ts";
import { SERVER_SIDE, type TestDirector } from "../../testing/director.ts";
import { interfaceOf, type Side, tcpFrame, udpFrame } from "../../testing/frames.ts";
import { type Case, type Load, readRecording, type Step } from "../../testing/recordings.ts";

/** Every recorded file. */
export const SCHEDULING_FILES = [
  ...["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq", "fo", "ovf"],
  ...["hash-dh", "hash-sh", "hash-mh", "thresholds", "persistence", "fwmark", "edges"],
] as const;

/** Cases whose servers are behind tunnels, which a replay cannot tell apart: hashing.test.ts has them. */
const TUNNELLED: ReadonlySet<string> = new Set(["edges/mh-mixed"]);

/** The cases of a file. */
export function readCases(file: string): readonly Case[] {
  const all = readRecording<readonly Case[]>(`scheduling/${file}.json`);
  return all.filter(({ id }) => !TUNNELLED.has(id));
}

/** Carries out a case's commands, and tells how all servers of all services stand. */
export interface CommandRunner {
  run(argv: readonly string[]): void;
  loads(): readonly Load[];
}

/** The recorder's firewall gave this mark to every packet of a client, where a case has one. */
const MARK = 1;

/** What the recorder took between two steps, s. */
const PAUSE = 0.05;

interface Connection {
  readonly client: string;
  readonly virtual: string;
  readonly server: string;
}

export class Replay {
  readonly #director: TestDirector;
  readonly #runner: CommandRunner;
  readonly #protocol: "tcp" | "udp";
  readonly #mark: number;
  readonly #connections = new Map<number, Connection>();

  constructor(director: TestDirector, runner: CommandRunner, { protocol, firewall }: Case) {
    this.#director = director;
    this.#runner = runner;
    this.#protocol = protocol;
    this.#mark = firewall === undefined ? 0 : MARK;
  }

  /** Throws an AssertionError that names the step if something is not as recorded. */
  step(step: Step): void {
    if (step.op === "edit") {
      this.#runner.run(step.argv);
      return;
    }
    if (step.op === "connect") this.#connect(step);
    else if (step.op === "close") {
      this.#close(step.n, step.how);
      this.#compare(step.after, `after ${step.how} of ${step.n}`);
    } else {
      this.#director.wait(step.seconds);
      this.#compare(step.after, `after ${step.seconds} s`);
    }
    this.#director.wait(PAUSE);
  }

  #connect({ n, src, dst, before, chosen }: Extract<Step, { op: "connect" }>): void {
    this.#compare(before, `before ${n}`);
    const opening =
      this.#protocol === "udp" ? udpFrame("client", src, dst) : tcpFrame("client", src, dst, "S");
    const { packet, out } = this.#director.receive(opening, {
      ifindex: interfaceOf("client"),
      mark: this.#mark,
    });
    const { transport, destination } = parseIpPacket(packet.bytes.subarray(14));
    const isForwarded = (transport.kind === "tcp" || transport.kind === "udp") && out === SERVER_SIDE;
    const server = isForwarded
      ? formatEndpoint({ address: destination, port: transport.destinationPort })
      : null;
    assert.equal(server, chosen, `connection ${n}`);
    if (server === null) {
      assert.match(transport.kind, /^icmp/, `connection ${n} is refused`);
      return;
    }
    this.#connections.set(n, { client: src, virtual: dst, server });
    if (this.#protocol === "udp") return;
    this.#segment(n, "server", "SA");
    this.#segment(n, "client", "A");
  }

  #segment(n: number, side: Side, flags: string): void {
    const { client, virtual, server } = this.#connections.get(n)!;
    const [from, to] = side === "client" ? [client, virtual] : [server, client];
    const { verdict } = this.#director.receive(tcpFrame(side, from, to, flags), {
      ifindex: interfaceOf(side),
      mark: side === "client" ? this.#mark : 0,
    });
    assert.notEqual(verdict, TC_SHOT);
  }

  #close(n: number, how: "fin" | "rst"): void {
    if (how === "rst") {
      this.#segment(n, "client", "R");
      return;
    }
    this.#segment(n, "client", "FA");
    this.#segment(n, "server", "A");
    this.#segment(n, "server", "FA");
    this.#segment(n, "client", "A");
  }

  /** The long lists of addresses are recorded without counters. */
  #compare(expected: readonly Load[] | undefined, when: string): void {
    if (expected === undefined) return;
    const words = (each: Load) => `${each.rs} ${each.weight} ${each.active} ${each.inactive}`;
    assert.deepEqual(this.#runner.loads().map(words).sort(), expected.map(words).sort(), when);
  }
}
