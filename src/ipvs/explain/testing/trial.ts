/** A director in a network of namespaces: packets are explained to it, and then really come in. */
import assert from "node:assert/strict";
import { compile } from "../../../bpf/compiler/index.ts";
import { attachTcx, type LoadedProgram, loadProgram, type TcxLink } from "../../../bpf/loader/index.ts";
import { Random, seedOf } from "../../../kernel/fuzz/random.ts";
import { TestNetwork } from "../../../kernel/testing/network.ts";
import { inNetworkNamespace } from "../../../linux/index.ts";
import { describePacket } from "../../../net/index.ts";
import { KernelAdministration } from "../../director/kernel-administration.ts";
import { NamespaceState } from "../../director/namespace-state.ts";
import { TABLES } from "../../director/pinned-tables.ts";
import { choosePlaces, type DirectorOptions } from "../../director/places.ts";
import { unload } from "../../director/status.ts";
import type { ConnectionEntry } from "../../model.ts";
import { FEATURES, type Feature } from "../../plane.ts";
import type { RuleAdministration } from "../../rules/administration.ts";
import { openRules } from "../../rules/kernel-rules.ts";
import { needsOf } from "../explain.ts";
import { Explainer } from "../explainer.ts";
import type { Explanation } from "../model.ts";
import {
  compareFrames,
  expectedFrames,
  hex,
  INTERFACES,
  isLateComplaint,
  isOtherwise,
  isOwnComplaint,
  isSameFlow,
  type Reality,
  timeless,
} from "./expectations.ts";
import { type RandomArrival, randomArrival, randomOpening } from "./random-arrivals.ts";
import { randomChanges, randomCommands } from "./random-director.ts";
import { randomRules } from "./random-rules.ts";
import { compareRules } from "./rule-counts.ts";
import { StackTap } from "./stack-tap.ts";
import { countIn, countOne, type Tally } from "./tally.ts";

/** Of the director's interface towards the servers, bytes: less than that towards clients. */
const SERVER_MTU = 1400;
/** How long to wait for frames that are expected, and for those that are not, ms. */
const PATIENCE = 500;
/** How often a packet is explained again, at most, because connections ended meanwhile. */
const PATIENT = 8;

/** What no random configuration has. */
const LEFT_OUT: ReadonlySet<Feature> = new Set<Feature>(["localServers", "sip", "ftp"]);
/** What only those with rules have. */
const OF_RULES: ReadonlySet<Feature> = new Set<Feature>(["rules", "ruleDrops"]);

/** What is tried. */
export interface TrialSettings {
  /** Whether there are rules, which give marks and drop packets; default: no. */
  readonly rules?: boolean;
}

export class Trial {
  readonly network: TestNetwork;
  readonly director: KernelAdministration;
  readonly #options: DirectorOptions;
  readonly #state: NamespaceState;
  /** Null: there are to be none. */
  readonly #rules: RuleAdministration | null;
  readonly #tap: StackTap;
  readonly #marker: LoadedProgram;
  readonly #links: TcxLink[] = [];
  #explainer: Explainer | undefined;
  readonly tally: Tally = new Map();

  private constructor(
    name: string,
    options: DirectorOptions,
    marker: LoadedProgram,
    { rules = false }: TrialSettings,
  ) {
    this.#options = options;
    this.#marker = marker;
    this.network = new TestNetwork(name, { mtu: SERVER_MTU });
    this.#tap = new StackTap(name, ["d0", "d1", "lo"]);
    this.#state = inNetworkNamespace(name, () => {
      // Before the director's own programs, so that packets carry their marks when they come to those.
      for (const side of INTERFACES.keys()) this.#links.push(attachTcx(marker, this.network.indexOf(side)));
      return new NamespaceState(choosePlaces(options));
    });
    this.director = new KernelAdministration(this.#state);
    // From the beginning programs that can do all that is tried here, so that one set of them does for all configurations.
    const everything = new Set(
      FEATURES.filter((feature) => !LEFT_OUT.has(feature) && (rules || !OF_RULES.has(feature))),
    );
    this.inside(() =>
      this.#state.change(
        () => true,
        (present) => present?.datapath.ensure(everything, () => everything),
      ),
    );
    this.#rules = rules ? this.inside(() => openRules(options)) : null;
  }

  /** Needs root, and a kernel with tcx links. */
  static async open(name: string, options: DirectorOptions, settings: TrialSettings = {}): Promise<Trial> {
    const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const compiled = await compile({
      entry: { module: new URL(`./mark-entry.${suffix}`, import.meta.url).href, name: "markBySource" },
      options: {},
      name: "marker",
      type: "schedCls",
      license: "Dual MIT/GPL",
    });
    return new Trial(name, options, loadProgram(compiled, new Map()), settings);
  }

  inside<T>(work: () => T): T {
    return inNetworkNamespace(this.network.name, work);
  }

  /** Explains a packet to the director as it is now. */
  explain({ frame, side, mark }: RandomArrival): Explanation {
    return this.inside(() => this.#ready().explain({ frame, interface: INTERFACES.get(side)!, mark }));
  }

  #ready(): Explainer {
    this.#explainer ??= this.#state.read((present) => {
      const needs = needsOf(present!)!;
      return new Explainer(present!, needs, choosePlaces(this.#options).cacheDirectory);
    });
    return this.#explainer;
  }

  /** Lets a packet come in, for which so many frames are expected to leave. */
  inject({ frame, side }: RandomArrival, expected: number, out: number): Reality {
    this.silence();
    this.network.send(side, frame);
    const sent = new Map<number, readonly Uint8Array[]>();
    for (const each of INTERFACES.keys()) {
      const count = each === out ? expected : 0;
      const frames = this.network.receive(each, count === 0 ? 0 : PATIENCE, count === 0 ? undefined : count);
      sent.set(
        each,
        frames.filter((bytes) => !isLateComplaint(bytes, frame)),
      );
    }
    return { sent, up: this.#tap.take().filter((bytes) => !isOwnComplaint(bytes)) };
  }

  /** What has come since, without waiting. */
  silence(): Reality {
    const sent = new Map([...INTERFACES.keys()].map((side) => [side, this.network.receive(side, 0)]));
    return { sent, up: this.#tap.take() };
  }

  /** The contents of the director's tables but some, by name. */
  contents(without: ReadonlySet<string>): Map<string, Uint8Array> {
    return this.#state.read((present) => {
      const tables = TABLES.filter(
        ({ name, kind }) => !without.has(name) && kind !== "programArray" && kind !== "ringBuffer",
      );
      return new Map(
        tables
          .filter((table) => present!.tables.exists(table))
          .map((table) => {
            const { keys, values } = present!.tables.map(table).readAll();
            return [table.name, new Uint8Array(Buffer.concat([keys, values]))];
          }),
      );
    });
  }

  /** One random configuration: traffic, maybe a change, and then packets that are explained before they come in. */
  configuration(seed: number, number: number, packets: number): void {
    const random = new Random(seedOf(seed, number));
    const commands = randomCommands(random);
    const services = commands.flatMap((command) =>
      command.kind === "add-service" ? [command.service.key] : [],
    );
    this.inside(() => {
      this.director.apply(commands);
      this.director.endConnections(() => random.once(2));
      for (const family of [4, 6] as const) this.#rules?.change(family, () => randomRules(random, family));
      for (let i = 0; i < 6; i++) this.inject(randomOpening(random, services), 0, 0);
      for (let i = 0; i < 6; i++) this.inject(randomArrival(random, this.#entries()), 0, 0);
      if (random.once(3)) this.director.apply(randomChanges(random, commands));
    });
    for (let packet = 0; packet < packets; packet++) {
      this.inside(() => {
        const arrival = random.once(2)
          ? randomOpening(random, services)
          : randomArrival(random, this.#entries());
        this.#check(arrival, `configuration ${number} of seed ${seed}, packet ${packet}`);
      });
    }
  }

  #entries(): ConnectionEntry[] {
    return [...this.director.connections()];
  }

  #check(arrival: RandomArrival, where: string): void {
    const explanation = this.#explainInPeace(arrival);
    countIn(this.tally, explanation);
    const before = this.#entries();
    const counters = this.#counters(explanation);
    const rules = this.#rules?.ruleSet(explanation.packet.family);
    const said = () =>
      `${where}: ${describePacket(arrival.frame)}, mark ${arrival.mark}\n${JSON.stringify(explanation, null, 1)}`;
    assert.deepEqual(explanation.disagreement, [], said());
    const { expected, out } = expectedFrames(explanation, arrival);
    const reality = this.inject(arrival, expected, out);
    if (isOtherwise(explanation, this.#entries(), reality)) {
      countOne(this.tally, "lots fell otherwise");
      return;
    }
    try {
      if (rules !== undefined) compareRules(explanation, rules, this.#rules!.ruleSet(rules.family));
      compareFrames(explanation, arrival, reality, { expected, out });
      this.#compareTables(explanation, before, counters);
    } catch (error) {
      if (!(error instanceof assert.AssertionError)) throw error;
      const frames = [...reality.sent].flatMap(([side, list]) =>
        list.map((each) => `  by ${INTERFACES.get(side)}: ${describePacket(each)} ${hex(each)}`),
      );
      const up = reality.up.map((each) => `  up: ${describePacket(each)} ${hex(each)}`);
      const now = this.#entries().map((each) => `  ${JSON.stringify(each)}`);
      throw new assert.AssertionError({
        message: [error.message, said(), "really:", ...frames, ...up, "connections:", ...now].join("\n"),
      });
    }
  }

  /** The explanation of a moment in which no connection ended by its time: schedulers go by how many there are. */
  #explainInPeace(arrival: RandomArrival): Explanation {
    for (let i = 0; ; i++) {
      const before = this.#loads();
      const explanation = this.explain(arrival);
      if (this.#loads() === before || i === PATIENT) return explanation;
    }
  }

  #loads(): string {
    const servers = this.director.services().flatMap(({ destinations }) => destinations);
    const numbers = servers.map(({ active, inactive, persistent }) => [active, inactive, persistent]);
    return `${this.#entries().length} ${numbers}`;
  }

  #compareTables(explanation: Explanation, before: readonly ConnectionEntry[], counters: readonly bigint[]) {
    const after = this.#entries();
    const foretold = explanation.effects.connection;
    if (foretold !== null) {
      const found = after.filter((each) => isSameFlow(each, foretold)).map(timeless);
      assert.deepEqual(found, [timeless(foretold)], "the connection is as foretold");
    }
    const gone = explanation.steps.flatMap((step) =>
      step.step === "connection-over" ||
      (step.step === "connection" && step.after === null) ||
      (step.step === "template" && !step.valid)
        ? [step.entry]
        : [],
    );
    const isMade = explanation.steps.some(
      ({ step }) => step === "connection-made" || step === "template-made",
    );
    if (!isMade && foretold === null) {
      const left = before.filter((each) => !gone.some((other) => isSameFlow(each, other)));
      assert.deepEqual(after.map(timeless), left.map(timeless), "nothing else is made or ends");
    }
    for (const step of explanation.steps) {
      if (step.step !== "template-made") continue;
      const found = after.filter((each) => each.template && isSameFlow(each, step.entry)).map(timeless);
      assert.deepEqual(found, [timeless(step.entry)], "the template is as foretold");
    }
    const added = this.#counters(explanation).map((value, index) => Number(value - (counters[index] ?? 0n)));
    const told = explanation.effects.counters;
    if (told === null || added.length === 0) return;
    const { connections, inPackets, inBytes, outPackets, outBytes } = told;
    assert.deepEqual(added, [connections, inPackets, inBytes, outPackets, outBytes], "counters");
  }

  /** The counters of all servers of that address and port, summed up; of one that was removed there are none. */
  #counters({ effects }: Explanation): bigint[] {
    const server = effects.counters?.server;
    if (server === undefined) return [];
    const found = this.director
      .services()
      .flatMap(({ destinations }) => destinations)
      .filter(
        ({ destination }) => destination.address === server.address && destination.port === server.port,
      );
    if (found.length === 0) return [];
    const names = ["connections", "inPackets", "inBytes", "outPackets", "outBytes"] as const;
    return names.map((name) => found.reduce((sum, { statistics }) => sum + statistics[name], 0n));
  }

  close(): void {
    this.#explainer?.close();
    this.inside(() => {
      this.#rules?.close();
      this.director.close();
      unload(this.#options);
    });
    for (const link of this.#links) link.close();
    this.#marker.close();
    this.#tap.close();
    this.network.close();
  }
}
