/** What would become of a packet that came in now: the director's programs run on it, over copies of the director's tables. */
import type { MapHandle } from "../../bpf/index.ts";
import type { CompiledProgram } from "../../bpf/program.ts";
import { counters } from "../../kernel/tables.ts";
import { type Link, listLinks, withRouteSocket } from "../../linux/index.ts";
import { compiledPrograms } from "../director/compiled-programs.ts";
import { NoInterfaceError } from "../director/interfaces.ts";
import type { Present } from "../director/namespace-state.ts";
import { datapathRequests } from "../director/program-requests.ts";
import type { Needs, Plane } from "../plane.ts";
import { TableRules } from "../rules/table-rules.ts";
import { differences, type End } from "./comparison.ts";
import type { ExplainedPacket, Explanation, Step } from "./model.ts";
import { outcomeOf } from "./outcome.ts";
import { describeFrame, typeOfFrame } from "./packet-facts.ts";
import { Reading } from "./reading.ts";
import { Router, routerRequest } from "./router.ts";
import { drawsFor } from "./scheduling.ts";
import { Shadow } from "./shadow.ts";
import { Simulation } from "./simulation.ts";
import { tell } from "./tale.ts";
import { countedIn, effectsOf, hasOwnHeader, methodOf, type Told, unattached } from "./told.ts";

/** The longest frame that the kernel takes for a test run on every supported version. */
const LONGEST_TEST = 3072;
const FIB_NO_NEIGHBOUR = 7;

/** How a packet comes in. */
export interface Arrival {
  readonly frame: Uint8Array;
  /** Name of the interface. */
  readonly interface: string;
  /** Firewall mark that it carries. */
  readonly mark: number;
}

/** What a simulation begins with, where that is not the copy of the director's tables. */
interface From {
  /** The numbers that lots are drawn with. */
  readonly draws?: readonly number[];
  readonly before?: Reading;
  readonly maps?: ReadonlyMap<string, MapHandle>;
}

/** Explains packets to one director. Changes nothing of it. */
export class Explainer {
  readonly #present: Present;
  readonly #shadow: Shadow;
  readonly #router: Router;
  readonly #simulation: Simulation;
  readonly #before: Reading;
  readonly #after: Reading;
  /** The tables as they were, for kernel functions: made when first needed, and filled once for each packet that needs it. */
  #still: Simulation | undefined;
  #isStill = false;
  readonly #needs: Needs;

  /** `needs`: what the programs that run are made for. */
  constructor(present: Present, needs: Needs, cacheDirectory: string) {
    this.#present = present;
    this.#needs = needs;
    const requests = datapathRequests(needs).filter(({ request }) => request.options.outgoing === false);
    const [router, ...compiled] = compiledPrograms(
      [routerRequest(), ...requests.map(({ request }) => request)],
      cacheDirectory,
    ) as [CompiledProgram, ...CompiledProgram[]];
    this.#shadow = new Shadow(
      present.tables,
      requests.map(({ slot }, index) => ({ slot, program: compiled[index]! })),
    );
    this.#router = new Router(router);
    this.#simulation = this.#newSimulation();
    this.#before = new Reading(this.#shadow.plane());
    this.#after = new Reading(planeOf(this.#simulation, this.#shadow.plane()));
  }

  #newSimulation(): Simulation {
    const entries = Object.fromEntries([...this.#shadow.maps].map(([name, map]) => [name, map.capacity]));
    return new Simulation({ needs: this.#needs, ask: this.#router.ask, entries });
  }

  /** Whether the datapath is at an interface, and why not. */
  #attachment(link: Link): { readonly attached: boolean; readonly why: string | null } {
    const found = this.#present.datapath.interfaces.status().find(({ index }) => index === link.index);
    if (found?.attached === true) return { attached: true, why: null };
    return { attached: false, why: found?.excluded ?? `\`lvs attach ${link.name}\` attaches it` };
  }

  /** What would become of a packet. Throws NoInterfaceError. */
  explain(arrival: Arrival): Explanation {
    const { frame, mark } = arrival;
    const links = withRouteSocket(listLinks);
    const link = links.find(({ name }) => name === arrival.interface);
    if (link === undefined) throw new NoInterfaceError(arrival.interface, links);
    const packet = describeFrame(frame, link, mark);
    const attachment = this.#attachment(link);
    const here: Step = { step: "interface", name: link.name, ...attachment };
    if (!attachment.attached) return unattached(packet, frame, link, here);
    this.#shadow.refresh();
    this.#isStill = false;
    let told = this.#simulate(frame, link, mark, packet);
    const isTestable = told.run.packet.clones.length === 0 && frame.length <= LONGEST_TEST;
    let disagreement: string[] = [];
    let kernel: End | null = null;
    if (isTestable) {
      kernel = this.#runInKernel(frame, link, mark, told);
      disagreement = differences(kernel, told.end, hasOwnHeader(told));
      if (disagreement.length > 0) {
        const again = this.#drawnAs(kernel, told, { frame, link, mark, packet });
        if (again !== null) {
          told = again;
          disagreement = [];
        }
      }
    }
    const server = told.serverFacts;
    const { steps, verdict, goesOn } = outcomeOf({
      frame,
      run: told.run,
      links,
      link,
      server,
      method: methodOf(told),
      keptMtu: this.#keptMtu(told),
    });
    const none = told.steps.length === 0 && verdict.kind === "kernel";
    const tale = none ? [this.#notBalanced(packet, frame, link)] : told.steps;
    return {
      packet,
      steps: [here, ...tale, ...steps],
      verdict,
      effects: effectsOf(told),
      frame: goesOn ? Buffer.from(kernel?.frame ?? told.end.frame).toString("hex") : null,
      ran: isTestable ? "kernel" : "simulator",
      disagreement,
    };
  }

  #simulate(
    frame: Uint8Array,
    link: Link,
    mark: number,
    packet: ExplainedPacket,
    { draws = [], before = this.#before, maps = this.#shadow.maps }: From = {},
  ): Told {
    this.#simulation.load(maps);
    const context = { ifindex: link.index, mark, type: typeOfFrame(frame, link) };
    const run = this.#simulation.run(frame, context, draws);
    const last = (what: string) => run.facts.findLast((fact) => fact.what === what)?.values[0] ?? null;
    const connection = last("connection") ?? last("made");
    const direct = last("by-itself") ?? last("stateless-reply");
    const server = direct ?? (connection === null ? null : this.#after.serverOf(connection));
    const steps = tell(run.facts, {
      packet,
      before,
      after: this.#after,
      rules: (family) => new TableRules(this.#shadow.plane()).ruleSet(family),
      run: (body) => this.#asBefore(body),
    });
    return {
      run,
      steps,
      connection,
      server,
      serverFacts: server === null || server === 0 ? null : this.#after.server(server),
      end: {
        verdict: run.verdict,
        frame: run.packet.bytes.slice(),
        connection: connection === null ? null : this.#after.livingConnection(connection),
        counted: countedIn(run, server),
      },
    };
  }

  /** Runs kernel functions on the tables as they were. */
  #asBefore<T>(body: () => T): T {
    return this.#asWas().machine.run(body);
  }

  #asWas(): Simulation {
    this.#still ??= this.#newSimulation();
    if (!this.#isStill) this.#still.load(this.#shadow.maps);
    this.#isStill = true;
    return this.#still;
  }

  #runInKernel(frame: Uint8Array, link: Link, mark: number, told: Told): End {
    const before = this.#counted(told.server);
    const { verdict, frame: after } = this.#shadow.run(frame, { ifindex: link.index, mark });
    const { connection } = told;
    return {
      verdict,
      frame: after,
      // It need not be in the same slot, as each CPU has a place to look for a free one.
      connection: connection === null ? null : this.#before.sameFlow(this.#after, connection),
      counted: this.#counted(told.server).map((value, index) => value - before[index]!),
    };
  }

  /** What the copy counted of a server: connections, packets and bytes in, packets and bytes out. */
  #counted(server: number | null): number[] {
    const map = this.#shadow.maps.get(counters.name);
    const value =
      server === null ? null : (map?.lookup(new Uint8Array(Uint32Array.of(server).buffer)) ?? null);
    return counters.value.fields.map(({ offset }) => {
      if (map === undefined || value === null) return 0;
      const view = new DataView(value.buffer, value.byteOffset);
      let sum = 0;
      for (let cpu = 0; cpu < map.cpus; cpu++) {
        sum += Number(view.getBigUint64(cpu * map.stride + offset, true));
      }
      return sum;
    });
  }

  /**
   * Where a scheduler draws lots, the kernel's fell otherwise than the simulator's: the run with those lots that come to the kernel's
   * end; null if none do.
   */
  #drawnAs(
    kernel: End,
    told: Told,
    { frame, link, mark, packet }: { frame: Uint8Array; link: Link; mark: number; packet: ExplainedPacket },
  ): Told | null {
    if (!told.steps.some((step) => step.step === "schedule" && step.random)) return null;
    const service = told.run.facts.findLast(({ what }) => what === "service")?.values[0] ?? 0;
    // The kernel has run on the copies; the scheduler's chances were asked of the tables as they were before.
    const still = this.#asWas();
    const before = new Reading(planeOf(still, this.#shadow.plane()));
    const maps = new Map(
      [...this.#shadow.maps.values()].map(({ definition }) => [definition.name, still.map(definition)]),
    );
    const choice = { before, service, run: <T>(body: () => T) => this.#asBefore(body) };
    for (const { slot } of before.members(service)) {
      const draws = drawsFor(choice, slot);
      if (draws === null) continue;
      const again = this.#simulate(frame, link, mark, packet, { draws, before, maps });
      // Of another server the kernel's run was not asked what was counted, nor, if only one of the two makes a connection, for that.
      const isAsked = (told.connection === null) === (again.connection === null);
      const counted = {
        ...kernel,
        counted: again.server === told.server ? kernel.counted : again.end.counted,
        connection: isAsked ? kernel.connection : again.end.connection,
      };
      if (differences(counted, again.end, hasOwnHeader(again)).length === 0) return again;
    }
    return null;
  }

  /** The MTU that is known of the way that the packet goes; 0: none. */
  #keptMtu({ run, connection, server }: Told): number {
    if (run.inquiries.at(-1)?.answer === FIB_NO_NEIGHBOUR) return 0;
    const direction = run.facts.findLast(({ what }) => what === "connection")?.values[1];
    if (connection !== null && direction === 1) return this.#after.mtuToClient(connection);
    return server === null || server === 0 ? 0 : this.#after.destination(server).hop.mtu;
  }

  /** Why the datapath had nothing to do with a packet. */
  #notBalanced(packet: ExplainedPacket, frame: Uint8Array, link: Link): Step {
    if (typeOfFrame(frame, link) !== 0) {
      return { step: "not-balanced", why: `the frame is not addressed to ${link.name} itself` };
    }
    if (packet.protocol === "icmp") {
      return { step: "not-balanced", why: "of ICMP only errors about connections are the director's" };
    }
    if (["tcp", "udp", "sctp"].includes(packet.protocol)) {
      return { step: "no-service", services: this.#before.servicesAt(packet.destination.address) };
    }
    const why = `no service has the protocol ${packet.protocol} over IPv${packet.family}`;
    return { step: "not-balanced", why };
  }

  close(): void {
    this.#router.close();
    this.#shadow.close();
  }
}

/** The tables of a simulation as the administration reads a director's. */
function planeOf(simulation: Simulation, plane: Plane): Plane {
  return { ...plane, map: (definition) => simulation.map(definition), exists: () => true };
}
