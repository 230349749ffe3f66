/** The recorded choices of IPVS's schedulers, made by the datapath from what the administration writes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TestDirector } from "../kernel/testing/director.ts";
import { interfaceOf, type Side, tcpFrame, udpFrame } from "../kernel/testing/frames.ts";
import { type Case, type Load, readRecording, type Step } from "../kernel/testing/recordings.ts";
import { parseIpPacket } from "../net/index.ts";
import type { Destination, ServiceKey } from "./model.ts";
import { SimulatedPlane } from "./simulated-plane.ts";
import { TableAdministration } from "./table-administration.ts";

/** Options of `ipvsadm` with their values, of the few that the cases use. */
function readOptions(argv: readonly string[]): Map<string, string> {
  return new Map(argv.map((word, index) => [word, argv[index + 1] ?? ""]));
}

class Replay {
  readonly director = new TestDirector({ connectionLimit: 64 });
  readonly administration = new TableAdministration(new SimulatedPlane(this.director.machine));
  readonly #connections = new Map<number, { client: string; virtual: string; server: string }>();
  readonly #protocol: "tcp" | "udp";

  constructor(protocol: "tcp" | "udp") {
    this.#protocol = protocol;
  }

  run(step: Step): void {
    switch (step.op) {
      case "edit":
        this.#edit(step.argv);
        return;
      case "connect":
        this.#connect(step);
        break;
      case "close":
        this.#close(step.n, step.how);
        this.#compare(step.after, `after ${step.how} of ${step.n}`);
        break;
      case "wait":
        this.director.wait(step.seconds);
        this.#compare(step.after, `after ${step.seconds} s`);
    }
    // The recorder took its time between two steps.
    this.director.wait(0.05);
  }

  #edit(argv: readonly string[]): void {
    const command = argv[1]!;
    if (command === "--set") {
      this.administration.setTimeouts({
        tcp: Number(argv[2]),
        tcpFin: Number(argv[3]),
        udp: Number(argv[4]),
      });
      return;
    }
    const options = readOptions(argv);
    const [address, port] = (options.get("-t") ?? options.get("-u"))!.split(":");
    const key: ServiceKey = {
      kind: "address",
      family: 4,
      protocol: options.has("-t") ? "tcp" : "udp",
      address: address!,
      port: Number(port),
    };
    const service = {
      key,
      scheduler: options.get("-s") ?? "wlc",
      schedulerFlags: 0,
      persistence: null,
      engine: null,
      onePacket: false,
      clientAddress: "hidden" as const,
    };
    const destination: Destination = {
      family: 4,
      address: options.get("-r") ?? "0.0.0.0",
      port: Number(port),
      method: "masquerade",
      tunnel: null,
      weight: Number(options.get("-w") ?? 1),
      upperThreshold: Number(options.get("-x") ?? 0),
      lowerThreshold: Number(options.get("-y") ?? 0),
    };
    const commands: { [command: string]: () => void } = {
      "-A": () => this.administration.addService(service),
      "-E": () => this.administration.editService(service),
      "-a": () => this.administration.addDestination(key, destination),
      "-e": () => this.administration.editDestination(key, destination),
      "-d": () => this.administration.deleteDestination(key, destination),
    };
    commands[command]!();
  }

  #connect(step: Extract<Step, { op: "connect" }>): void {
    this.#compare(step.before, `before ${step.n}`);
    const frame =
      this.#protocol === "udp"
        ? udpFrame("client", step.src, step.dst)
        : tcpFrame("client", step.src, step.dst, "S");
    const { packet } = this.director.receive(frame, { ifindex: interfaceOf("client") });
    const sent = parseIpPacket(packet.bytes.subarray(14));
    const server =
      sent.transport.kind === "tcp" || sent.transport.kind === "udp"
        ? `${sent.destination.join(".")}:${sent.transport.destinationPort}`
        : null;
    assert.equal(server, step.chosen, `connection ${step.n}`);
    if (server === null) return;
    this.#connections.set(step.n, { client: step.src, virtual: step.dst, server });
    if (this.#protocol === "udp") return;
    this.#segment(step.n, "server", "SA");
    this.#segment(step.n, "client", "A");
  }

  #segment(n: number, side: Side, flags: string): void {
    const { client, virtual, server } = this.#connections.get(n)!;
    const [from, to] = side === "client" ? [client, virtual] : [server, client];
    this.director.receive(tcpFrame(side, from, to, flags), { ifindex: interfaceOf(side) });
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

  #compare(expected: readonly Load[], when: string): void {
    const found = this.administration.services().flatMap(({ destinations }) =>
      destinations.map(({ destination, active, inactive }) => ({
        rs: `${destination.address}:${destination.port}`,
        weight: destination.weight,
        active,
        inactive,
      })),
    );
    const words = (each: Load) => `${each.rs} ${each.weight} ${each.active} ${each.inactive}`;
    assert.deepEqual(found.map(words).sort(), expected.map(words).sort(), when);
  }
}

/** What later work brings: other schedulers, IPv6, one-packet scheduling, persistence. */
function isLater(each: Case): boolean {
  return (
    !["rr", "wrr", "lc", "wlc"].includes(each.scheduler) ||
    each.flags.includes("-o") ||
    each.id.includes("ipv6")
  );
}

for (const file of ["rr", "wrr", "lc", "wlc", "thresholds"]) {
  for (const each of readRecording<readonly Case[]>(`scheduling/${file}.json`)) {
    if (isLater(each)) continue;
    test(`${each.id}: as recorded, through the administration`, () => {
      const replay = new Replay(each.protocol);
      for (const step of each.steps) {
        if (step.op === "edit" && step.argv.includes("-p")) break;
        replay.run(step);
      }
    });
  }
}

test("connections are listed as IPVS lists them", () => {
  const director = new TestDirector();
  const administration = new TableAdministration(new SimulatedPlane(director.machine));
  const key: ServiceKey = { kind: "address", family: 4, protocol: "tcp", address: "192.0.2.1", port: 80 };
  administration.addService({
    ...{
      key,
      scheduler: "rr",
      schedulerFlags: 0,
      persistence: null,
      engine: null,
      onePacket: false,
      clientAddress: "hidden",
    },
  });
  administration.addDestination(key, {
    ...{ family: 4, address: "10.0.0.1", port: 8080, method: "masquerade", tunnel: null, weight: 1 },
    ...{ upperThreshold: 0, lowerThreshold: 0 },
  });
  const frame = tcpFrame("client", "198.18.0.10:40000", "192.0.2.1:80", "S");
  director.receive(frame, { ifindex: interfaceOf("client") });
  director.wait(10);
  assert.deepEqual(
    [...administration.connections()].map(({ timeout: _timeout, service: _service, ...shown }) => shown),
    [
      {
        template: false,
        method: "masquerade",
        protocol: "TCP",
        state: "SYN_RECV",
        expires: 50,
        source: { family: 4, address: "198.18.0.10", port: 40000 },
        local: { family: 4, address: "198.18.0.10", port: 40000 },
        virtual: { family: 4, address: "192.0.2.1", port: 80 },
        destination: { family: 4, address: "10.0.0.1", port: 8080 },
        engine: null,
      },
    ],
  );
  director.wait(60);
  assert.deepEqual([...administration.connections()], []);
});
