/**
 * The same packets through the kernel and the simulator: the same verdicts, bytes and tables. The routes and
 * neighbours of both are the same. Nobody draws lots here.
 */
import { decode, type MapDefinition, type MapHandle, type Plain, type Schema } from "../../bpf/index.ts";
import { inNetworkNamespace } from "../../linux/index.ts";
import {
  Connection,
  Counters,
  connectionTable,
  counters,
  Destination,
  destinationTable,
  Events,
  events,
  FlowBucket,
  flows,
  pressure,
  Service,
  scratch,
  serviceTable,
  TICK_SHIFT,
} from "../tables.ts";
import { CLIENT_SIDE, SERVER_SIDE, type TestDirector } from "../testing/director.ts";
import type { TestNetwork } from "../testing/network.ts";
import { type BatchResult, type Failure, MACS, SWITCHES } from "./batch.ts";
import { FastRunner } from "./fast-run.ts";
import { Hostile } from "./hostile.ts";
import { Random, seedOf } from "./random.ts";
import { buildScene } from "./scene.ts";
import { ValidFlow } from "./valid.ts";
import { type Compiled, World } from "./world.ts";
import { LINK, PacketWriter } from "./writer.ts";

const REDIRECT = 7;
const MOST_FAILURES = 20;
const FIRST = new Uint8Array(4);

type Elements = Pick<MapHandle, "readAll" | "cpus" | "stride" | "valueSize">;

/** The elements of a map in the table's order; of those for each CPU, one for each. */
function valuesOf<S extends Schema>(schema: S, handle: Elements): Plain<S>[] {
  const { values } = handle.readAll();
  const step = handle.cpus > 1 || handle.valueSize === handle.stride ? handle.stride : handle.valueSize;
  const list: Plain<S>[] = [];
  for (let at = 0; at < values.length; at += step) {
    list.push(decode(schema, values.subarray(at, at + schema.size)));
  }
  return list;
}

function sums(list: readonly object[]): string[] {
  const total = new Map<string, bigint>();
  for (const each of list) {
    for (const [name, value] of Object.entries(each))
      total.set(name, (total.get(name) ?? 0n) + BigInt(value as bigint));
  }
  return [...total].map(([name, value]) => `${name} ${value}`);
}

function text(value: object): string {
  return JSON.stringify(value, (_key, each: unknown) => (typeof each === "bigint" ? String(each) : each));
}

/** What is compared of each table, in lines. */
const TABLES: readonly { readonly map: MapDefinition; readonly lines: (handle: Elements) => string[] }[] = [
  {
    map: flows,
    lines: (handle) => {
      const words = valuesOf(FlowBucket, handle).flatMap(({ ways }) => ways.filter(({ word }) => word !== 0));
      return [`${words.length} words`];
    },
  },
  {
    map: connectionTable,
    lines: (handle) =>
      valuesOf(Connection, handle)
        .filter(({ state }) => state !== 0)
        // Of whoever follows a template only that it does: slots depend on the CPU.
        .map(({ hop, state, control, kind, ...rest }) =>
          text({
            ...rest,
            kind,
            state: state & 0xffff,
            control: (kind & 0x200) === 0 ? control !== 0 : control,
          }),
        )
        .sort(),
  },
  {
    map: serviceTable,
    lines: (handle) => valuesOf(Service, handle).map(({ cursor, ...rest }) => text(rest)),
  },
  {
    map: destinationTable,
    lines: (handle) => valuesOf(Destination, handle).map(({ hop, ...rest }) => text(rest)),
  },
  { map: counters, lines: (handle) => sums(valuesOf(Counters, handle)) },
  { map: events, lines: (handle) => sums(valuesOf(Events, handle)) },
];

/**
 * A packet without what a director makes up at random: the identification, and so the checksum, of an IPv4 header of its own;
 * the flow label of an IPv6 header.
 */
function withoutRandom(bytes: Uint8Array, verdict: number): string {
  const copy = Uint8Array.from(bytes);
  if (verdict === REDIRECT && copy[12] === 8) copy.fill(0, 18, 20).fill(0, 24, 26);
  if (verdict === REDIRECT && copy[12] === 0x86) copy.fill(0, 15, 18);
  return Buffer.from(copy).toString("hex");
}

/** The datapath in the kernel, beside one in the simulator for each batch. */
export class Comparer {
  readonly #network: TestNetwork;
  readonly #world: World;
  readonly #writer = new PacketWriter();
  readonly #runner: FastRunner;
  readonly #seed: number;

  constructor(compiled: Compiled, seed: number, network: TestNetwork) {
    this.#seed = seed;
    this.#network = network;
    this.#world = new World(compiled, buildScene(false).director);
    this.#runner = new FastRunner(this.#world.director.program, this.#writer.bytes);
  }

  run(batch: number, count: number): BatchResult {
    return inNetworkNamespace(this.#network.name, () => this.#run(batch, count));
  }

  #run(batch: number, count: number): BatchResult {
    const random = new Random(seedOf(this.#seed, batch));
    const { director, services } = buildScene(false);
    const world = this.#world;
    world.reset();
    for (const name of SWITCHES) director.configuration.setSysctl(name, random.below(2));
    world.follow(director);
    const writer = this.#writer;
    const hostile = new Hostile(writer, services, MACS);
    const flowsOf = services.filter((each) => each.isExact).map((each, i) => new ValidFlow(each, i, random));
    const failures: Failure[] = [];
    const verdicts = { next: 0, shot: 0, redirect: 0 };
    let packet = 0;
    let valid = 0;
    let refused = 0;
    for (; packet < count && failures.length < MOST_FAILURES; packet++) {
      let mark = 0;
      let fromServers = false;
      if (packet < flowsOf.length || random.once(8)) {
        const flow = flowsOf[packet < flowsOf.length ? packet : random.below(flowsOf.length)]!;
        flow.write(writer, random, MACS);
        fromServers = flow.fromServers;
        valid++;
      } else {
        hostile.write(random);
        mark = hostile.mark;
        fromServers = hostile.fromServers;
      }
      const difference = this.#compare(director, fromServers ? SERVER_SIDE : CLIENT_SIDE, mark);
      if (difference === "refused") refused++;
      else if (difference !== undefined) {
        const input = Buffer.from(writer.bytes.subarray(0, writer.length)).toString("hex");
        failures.push({ batch, packet, what: difference, input });
      }
      if (this.#runner.verdict === REDIRECT) verdicts.redirect++;
      else if (this.#runner.verdict === 2) verdicts.shot++;
      else verdicts.next++;
      if (packet % 64 === 63) this.#pass(director, random.once(8) ? random.below(60) : 1);
    }
    for (const what of this.#compareTables(director)) failures.push({ batch, packet, what });
    return { packets: packet, valid, refused, connections: 0, verdicts, events: {}, failures };
  }

  #pass(director: TestDirector, ticks: number): void {
    for (let i = 0; i < ticks; i++) {
      director.machine.clock.advance(1n << TICK_SHIFT);
      this.#world.tickAt(director.machine.run(() => pressure.at(0).now));
    }
  }

  /** What differs about the packet in hand. */
  #compare(director: TestDirector, side: number, mark: number): string | undefined {
    const { bytes, length } = this.#writer;
    // Time stands still, so that the limit of ICMP errors in a tick would be reached.
    const simulatedScratch = director.machine.map(scratch);
    simulatedScratch.update(FIRST, new Uint8Array(simulatedScratch.valueSize));
    this.#world.forgetScratch();
    this.#world.allocateAs(director);
    const errno = this.#runner.run(length, this.#network.indexOf(side), mark);
    if (errno !== 0) return errno === 22 && length < LINK + 40 ? "refused" : `error ${errno}`;
    const simulated = director.receive(bytes.slice(0, length), { ifindex: side, mark });
    const { verdict } = this.#runner;
    if (verdict !== simulated.verdict) return `kernel ${verdict | 0}, simulator ${simulated.verdict | 0}`;
    const real = withoutRandom(this.#runner.output.subarray(0, this.#runner.length), verdict);
    const expected = withoutRandom(simulated.packet.bytes, verdict);
    return real === expected
      ? undefined
      : `verdict ${verdict | 0}\n  kernel    ${real}\n  simulator ${expected}`;
  }

  #compareTables(director: TestDirector): string[] {
    const differences: string[] = [];
    for (const { map, lines } of TABLES) {
      const real = lines(this.#world.director.map(map));
      const expected = lines(director.machine.map(map));
      const more = real.filter((line) => !expected.includes(line));
      const less = expected.filter((line) => !real.includes(line));
      if (more.length + less.length === 0 && real.length === expected.length) continue;
      differences.push(
        `table ${map.name}: kernel ${real.length}, simulator ${expected.length} lines\n  kernel only    ${more.slice(0, 4).join("\n                 ")}\n  simulator only ${less.slice(0, 4).join("\n                 ")}`,
      );
    }
    return differences;
  }

  close(): void {
    this.#world.close();
  }
}
