import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { feature } from "../../bpf/loader/index.ts";
import { estimates, pressure, ticker } from "../../kernel/tables.ts";
import { CLIENT_SIDE, SERVER_SIDE } from "../../kernel/testing/director.ts";
import { frame, tcpFrame, udpFrame } from "../../kernel/testing/frames.ts";
import { MNT_DETACH, umount } from "../../linux/index.ts";
import { buildEcho, ip } from "../../net/index.ts";
import type { Destination, ServiceKey, VirtualService } from "../model.ts";
import { destinationId } from "../model.ts";
import { plainServer, plainService } from "../testing/plain.ts";
import { explainPacket } from "./explain.ts";
import type { Explanation, Step } from "./model.ts";
import { Trial } from "./testing/trial.ts";
import { optionsIn } from "./testing/trials.ts";

const skip =
  process.getuid?.() !== 0
    ? "namespaces and a director in the kernel need root"
    : feature("tcxLinks").available
      ? false
      : "marks are given here by a program before the director's, which needs tcx links";

const VIP = "192.0.2.1";
const CLIENT = "198.18.0.1:40000";

function key(port: number, protocol: "tcp" | "udp" = "tcp"): ServiceKey {
  return { kind: "address", family: 4, protocol, address: VIP, port };
}

function service(serviceKey: ServiceKey, settings: Partial<VirtualService> = {}): VirtualService {
  return plainService(serviceKey, { scheduler: "wlc", ...settings });
}

function server(last: number, settings: Partial<Destination> = {}): Destination {
  return plainServer(`10.0.0.${last}`, settings);
}

function find<Kind extends Step["step"]>(
  { steps }: Explanation,
  kind: Kind,
): Extract<Step, { step: Kind }> | undefined {
  return steps.find((step): step is Extract<Step, { step: Kind }> => step.step === kind);
}

describe("explanations", { skip }, () => {
  let folder = "";
  let trial: Trial;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "lvs-explain-"));
    trial = await Trial.open(`explained-${process.pid}`, optionsIn(folder));
    // Loading programs may take a while, in which half-open connections would end.
    explain(syn());
  });

  after(() => {
    trial.close();
    umount(join(folder, "run", "bpf"), MNT_DETACH);
    rmSync(folder, { recursive: true, force: true });
  });

  /** The director from nothing: a service with these servers. */
  function configure(virtual: VirtualService, servers: readonly Destination[]): void {
    trial.inside(() => {
      trial.director.flush();
      trial.director.endConnections(() => true);
      trial.director.addService(virtual);
      for (const each of servers) trial.director.addDestination(virtual.key, each);
    });
  }

  function explain(bytes: Uint8Array, side = CLIENT_SIDE): Explanation {
    const explanation = trial.explain({ frame: bytes, side, mark: 0 });
    assert.deepEqual(explanation.disagreement, []);
    return explanation;
  }

  const syn = (from = CLIENT, port = 80) => tcpFrame("client", from, `${VIP}:${port}`, "S");
  const inject = (bytes: Uint8Array, side = CLIENT_SIDE) =>
    trial.inject({ frame: bytes, side, mark: 0 }, 0, 0);

  test("say what the scheduler compared", () => {
    // The heavier takes three of the first four, and is full then.
    configure(service(key(80)), [
      server(1, { weight: 3, upperThreshold: 3 }),
      server(2),
      server(3, { weight: 0 }),
    ]);
    for (let i = 0; i < 5; i++) inject(syn(`198.18.0.2:${41000 + i}`));
    const schedule = find(explain(syn()), "schedule")!;
    assert.equal(schedule.scheduler, "wlc");
    const numbers = schedule.candidates.map(
      ({ server: each, weight, active, excluded, compared, chosen }) =>
        `${destinationId(each)} ${weight} ${active} ${excluded} ${compared?.load}/${compared?.divisor} ${chosen}`,
    );
    assert.deepEqual(numbers, [
      "10.0.0.3:80 0 0 weight 0 undefined/undefined false",
      "10.0.0.2:80 1 2 null 512/1 true",
      "10.0.0.1:80 3 3 overloaded undefined/undefined false",
    ]);
  });

  test("name the services of an address where there is none on a port", () => {
    configure(service(key(80)), [server(1)]);
    const explanation = explain(syn(CLIENT, 81));
    assert.deepEqual(find(explanation, "no-service"), { step: "no-service", services: [key(80)] });
    assert.equal(explanation.verdict.kind, "kernel");
  });

  test("of segments that open nothing, of pings, of frames for others", () => {
    configure(service(key(80)), [server(1)]);
    const segment = explain(tcpFrame("client", CLIENT, `${VIP}:80`, "A"));
    assert.match(find(segment, "opens-nothing")!.why, /SYN/);
    const echo = explain(frame("client", buildEcho({ source: ip("198.18.0.1"), destination: ip(VIP) })));
    assert.match(find(echo, "not-balanced")!.why, /ICMP/);
    const other = syn();
    other[5] = 0x77;
    assert.match(find(explain(other), "not-balanced")!.why, /not addressed/);
  });

  test("of sources that are no client's", () => {
    configure(service(key(80)), [server(1)]);
    for (const source of ["127.0.0.1", "0.0.0.0"]) {
      const explanation = explain(syn(`${source}:40000`));
      assert.match(find(explanation, "opens-nothing")!.why, new RegExp(`^${source} is no client's`));
      assert.equal(explanation.verdict.kind, "kernel");
    }
    assert.equal(find(explain(syn("128.0.0.1:40000")), "opens-nothing"), undefined);
  });

  test("of what the host sends itself: only to its own addresses it comes in, by loopback", () => {
    configure(service(key(80)), [server(1)]);
    const ask = (from: string, to: string, named: string | null = null) =>
      trial.inside(() =>
        explainPacket(
          {
            ...{ protocol: "tcp", flags: null, length: null, dontFragment: false, mac: null, mark: 0 },
            ...{ source: { address: ip(from), port: 99 }, destination: { address: ip(to), port: 80 } },
            interface: named,
          },
          optionsIn(folder),
        ),
      );
    const away = ask("10.0.0.254", "10.0.0.77");
    assert.deepEqual(away.steps, [{ step: "own-packet", interface: "d1" }]);
    assert.equal(away.packet.interface, null);
    assert.ok(away.verdict.kind === "kernel" && away.verdict.fate === "sent");
    const nowhere = ask("10.0.0.254", "203.0.113.1");
    assert.deepEqual(nowhere.steps, [{ step: "own-packet", interface: null }]);
    assert.ok(nowhere.verdict.kind === "kernel" && nowhere.verdict.fate === "unreachable");
    assert.equal(ask("10.0.0.254", VIP).packet.interface, "lo");
    assert.equal(ask("127.0.0.1", VIP).packet.interface, "lo");
    assert.equal(ask("10.0.0.254", "10.0.0.77", "d0").packet.interface, "d0");
    assert.equal(ask("198.18.0.1", "10.0.0.77").packet.interface, "d0");
  });

  test("follow a connection in both directions", () => {
    configure(service(key(80)), [server(1, { port: 8080 })]);
    inject(syn());
    const known = explain(tcpFrame("client", CLIENT, `${VIP}:80`, "A"));
    assert.equal(find(known, "connection")!.entry.state, "SYN_RECV");
    assert.equal(find(known, "connection")!.after!.state, "ESTABLISHED");
    assert.equal(find(known, "schedule"), undefined);
    const answer = explain(tcpFrame("server", "10.0.0.1:8080", CLIENT, "SA"), SERVER_SIDE);
    assert.equal(find(answer, "connection")!.from, "server");
    assert.deepEqual(find(answer, "rewrite")!.after.source, { family: 4, address: VIP, port: 80 });
    assert.deepEqual(answer.verdict, { kind: "sent", interface: "d0", packets: 1 });
    assert.equal(answer.effects.counters!.outPackets, 1);
  });

  test("refuse where no server is usable", () => {
    configure(service(key(80)), [server(1, { weight: 0 })]);
    const explanation = explain(syn());
    assert.equal(find(explanation, "schedule")!.chosen, null);
    assert.deepEqual(explanation.verdict, {
      ...{ kind: "answered", error: "port unreachable", why: null, mtu: null, interface: "d0" },
    });
  });

  test("tell what is too large for the way", () => {
    configure(service(key(80)), [
      server(1, { method: "tunnel", tunnel: { type: "ipip", port: 0, checksum: "none" } }),
    ]);
    const payload = new Uint8Array(1350);
    const long = tcpFrame("client", CLIENT, `${VIP}:80`, "S", { payload, ip: { dontFragment: true } });
    const { verdict } = explain(long);
    assert.deepEqual(verdict, {
      kind: "answered",
      error: "too large",
      why: null,
      mtu: 1380,
      interface: "d0",
    });
    const short = explain(syn());
    assert.equal(find(short, "rewrite")!.outer!.type, "ipip");
    assert.equal(find(short, "next-hop")!.length, 60);
    assert.equal(find(short, "next-hop")!.mtu, 1400);
  });

  test("tell of the tunnel that a connection stays in when its server gets another method", () => {
    const tunnel = { type: "ipip", port: 0, checksum: "none" } as const;
    configure(service(key(80)), [server(1, { method: "tunnel", tunnel })]);
    inject(syn());
    trial.inside(() => trial.director.editDestination(key(80), server(1)));
    const explanation = explain(tcpFrame("client", CLIENT, `${VIP}:80`, "A"));
    const { method, outer } = find(explanation, "rewrite")!;
    assert.deepEqual([method, outer?.type, outer?.destination.address], ["tunnel", "ipip", "10.0.0.1"]);
    assert.deepEqual(explanation.disagreement, []);
  });

  test("tell the chances where lots are drawn", () => {
    configure(service(key(80), { scheduler: "twos" }), [
      server(1, { weight: 3 }),
      server(2),
      server(3, { weight: 0 }),
    ]);
    for (let i = 0; i < 12; i++) inject(syn(`198.18.0.2:${41000 + i}`));
    const schedule = find(explain(syn()), "schedule")!;
    assert.equal(schedule.random, true);
    const chances = schedule.candidates.map(({ chance }) => chance!);
    assert.equal(chances[0], 0);
    assert.ok(Math.abs(chances.reduce((sum, each) => sum + each, 0) - 1) < 1e-9, `${chances}`);
  });

  test("leave the director bit for bit as it is", async () => {
    configure(service(key(80), { scheduler: "wrr", persistence: { timeout: 300, mask: 0xffffffff } }), [
      server(1, { weight: 2 }),
      server(2, { method: "fullnat" }),
      server(3, { method: "route" }),
    ]);
    trial.inside(() =>
      trial.director.addService(service(key(53, "udp"), { scheduler: "lblcr", onePacket: true })),
    );
    trial.inside(() => trial.director.addDestination(key(53, "udp"), server(4, { port: 53 })));
    // Until the sweeper has been by twice, and has freed what the other tests left.
    await setTimeout(2800);
    for (let i = 0; i < 5; i++) inject(syn(`198.18.0.2:${41000 + i}`));
    inject(udpFrame("client", CLIENT, `${VIP}:53`));
    trial.silence();
    const then = trial.contents(LEFT_OUT);
    const packets = [
      ...[syn(), syn("198.18.0.2:41000"), syn("198.18.0.2:41007"), syn(CLIENT, 81)],
      ...["A", "F", "R", "SA"].map((flags) => tcpFrame("client", "198.18.0.2:41000", `${VIP}:80`, flags)),
      udpFrame("client", CLIENT, `${VIP}:53`),
      udpFrame("client", CLIENT, `${VIP}:53`, { payload: new Uint8Array(1440) }),
    ];
    for (const each of packets) explain(each);
    const now = trial.contents(LEFT_OUT);
    for (const [name, bytes] of then)
      assert.ok(Buffer.compare(bytes, now.get(name)!) === 0, `${name} is another`);
    const { sent, up } = trial.silence();
    assert.equal([...sent.values()].flat().length + up.length, 0, "no packet is sent");
  });
});

/** What the clock changes by itself. */
const LEFT_OUT: ReadonlySet<string> = new Set([ticker.name, pressure.name, estimates.name]);
