/** The recorded choices of IPVS's schedulers, made again by ours: every connection opened, closed and forgotten as recorded. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TC_REDIRECT, TC_SHOT } from "../../bpf/index.ts";
import { parseIpPacket } from "../../net/index.ts";
import { SERVER_SIDE, TestDirector } from "../testing/director.ts";
import { interfaceOf, type Side, tcpFrame, udpFrame } from "../testing/frames.ts";
import { type Case, type Load, readRecording, type Step } from "../testing/recordings.ts";

const SCHEDULERS = ["rr", "wrr", "lc", "wlc"];

/** What later work brings: IPv6 and one-packet scheduling. */
function isLater(each: Case): boolean {
  return !SCHEDULERS.includes(each.scheduler) || each.flags.includes("-o") || each.id.includes("ipv6");
}

function argumentOf(argv: readonly string[], option: string): string | undefined {
  const at = argv.indexOf(option);
  return at < 0 ? undefined : argv[at + 1];
}

/** Whether a step asks for persistence, which is later work. */
function isPersistent(step: Step): boolean {
  return step.op === "edit" && step.argv.includes("-p");
}

class Replay {
  readonly director = new TestDirector();
  readonly #connections = new Map<number, { client: string; virtual: string; server: string }>();
  readonly #protocol: "tcp" | "udp";

  constructor(protocol: "tcp" | "udp") {
    this.#protocol = protocol;
  }

  step(step: Step): void {
    if (step.op === "edit") this.#edit(step.argv);
    else if (step.op === "connect") this.#connect(step);
    else if (step.op === "close") {
      this.#close(step.n, step.how);
      this.#compare(step.after, `after ${step.how} of ${step.n}`);
    } else {
      this.director.wait(step.seconds);
      this.#compare(step.after, `after ${step.seconds} s`);
    }
    // The recorder took its time between two steps.
    if (step.op !== "edit") this.director.wait(0.05);
  }

  #edit(argv: readonly string[]): void {
    const { configuration } = this.director;
    const command = argv[1]!;
    if (command === "--set") {
      configuration.setTcpFinUdp(Number(argv[2]), Number(argv[3]), Number(argv[4]));
      return;
    }
    const tcp = argumentOf(argv, "-t");
    const protocol = tcp === undefined ? "udp" : "tcp";
    const service = tcp ?? argumentOf(argv, "-u")!;
    const scheduler = argumentOf(argv, "-s") ?? "wlc";
    const server = `${argumentOf(argv, "-r") ?? ""}:${service.split(":")[1]}`;
    const settings = {
      weight: Number(argumentOf(argv, "-w") ?? 1),
      upper: Number(argumentOf(argv, "-x") ?? 0),
      lower: Number(argumentOf(argv, "-y") ?? 0),
    };
    if (command === "-A") configuration.addService(protocol, service, scheduler);
    else if (command === "-E") configuration.editService(protocol, service, scheduler);
    else if (command === "-a") configuration.addServer(protocol, service, server, settings);
    else if (command === "-e") configuration.editServer(protocol, service, server, settings);
    else if (command === "-d") configuration.deleteServer(protocol, service, server);
    else throw new Error(`unexpected command ${argv.join(" ")}`);
  }

  #connect(step: Extract<Step, { op: "connect" }>): void {
    this.#compare(step.before, `before ${step.n}`);
    const opening =
      this.#protocol === "udp"
        ? udpFrame("client", step.src, step.dst)
        : tcpFrame("client", step.src, step.dst, "S");
    const { verdict, packet, out } = this.director.receive(opening, { ifindex: interfaceOf("client") });
    if (step.chosen === null) {
      assert.equal(verdict, TC_REDIRECT, `connection ${step.n}`);
      assert.equal(parseIpPacket(packet.bytes.subarray(14)).transport.kind, "icmp", `connection ${step.n}`);
      return;
    }
    assert.equal(verdict, TC_REDIRECT, `connection ${step.n}`);
    assert.equal(out, SERVER_SIDE);
    const sent = parseIpPacket(packet.bytes.subarray(14));
    assert.ok(sent.transport.kind === "tcp" || sent.transport.kind === "udp");
    const server = `${sent.destination.join(".")}:${sent.transport.destinationPort}`;
    assert.equal(server, step.chosen, `connection ${step.n}`);
    this.#connections.set(step.n, { client: step.src, virtual: step.dst, server });
    if (this.#protocol === "tcp") {
      this.#segment(step.n, "server", "SA");
      this.#segment(step.n, "client", "A");
    }
  }

  #segment(n: number, side: Side, flags: string): void {
    const { client, virtual, server } = this.#connections.get(n)!;
    const [from, to] = side === "client" ? [client, virtual] : [server, client];
    const { verdict } = this.director.receive(tcpFrame(side, from, to, flags), {
      ifindex: interfaceOf(side),
    });
    assert.notEqual(verdict, TC_SHOT);
  }

  #close(n: number, how: "fin" | "rst"): void {
    if (how === "rst") this.#segment(n, "client", "R");
    else {
      this.#segment(n, "client", "FA");
      this.#segment(n, "server", "A");
      this.#segment(n, "server", "FA");
      this.#segment(n, "client", "A");
    }
  }

  #compare(expected: readonly Load[], when: string): void {
    const found = this.director.configuration.allServers().map((server) => ({
      rs: server.endpoint,
      weight: server.weight,
      ...this.director.load(server.slot),
    }));
    const words = (each: Load) => `${each.rs} ${each.weight} ${each.active} ${each.inactive}`;
    const sorted = (list: readonly Load[]) => list.map(words).sort();
    assert.deepEqual(sorted(found), sorted(expected), when);
  }
}

for (const file of [...SCHEDULERS, "thresholds"]) {
  for (const each of readRecording<readonly Case[]>(`scheduling/${file}.json`)) {
    if (isLater(each)) continue;
    test(`${each.id}: as recorded`, () => {
      const replay = new Replay(each.protocol);
      for (const step of each.steps) {
        if (isPersistent(step)) break;
        replay.step(step);
      }
    });
  }
}
