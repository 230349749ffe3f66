/** The datapath as plain JavaScript, over copies of a director's tables: it tells what it goes by. */
import {
  copy,
  createMachine,
  decode,
  FibLookup,
  type Machine,
  type MapDefinition,
  type MapHandle,
  type Plain,
  SimulatedPacket,
  viewOf,
} from "../../bpf/index.ts";
import { ingress } from "../../kernel/ingress.ts";
import { installPrograms } from "../../kernel/install.ts";
import { TABLES_BY_NAME } from "../director/compiled-programs.ts";
import { optionsOf } from "../director/program-options.ts";
import type { Needs } from "../plane.ts";
import { copyMap } from "./copy-map.ts";

/** What the code said it went by (`trace`), and its numbers. */
export interface Fact {
  readonly what: string;
  readonly values: readonly number[];
}

/** A question to the kernel's routing. */
export interface Inquiry {
  /** What was asked, and what came back. */
  readonly request: Plain<typeof FibLookup>;
  readonly reply: Plain<typeof FibLookup>;
  /** FIB_*. */
  readonly answer: number;
}

/** What became of a packet. */
export interface SimulatedRun {
  readonly verdict: number;
  /** With its bytes, where it was sent to, and the copies of it that were sent before. */
  readonly packet: SimulatedPacket;
  readonly facts: readonly Fact[];
  readonly inquiries: readonly Inquiry[];
}

export interface SimulationOptions {
  /** What the programs are compiled for. */
  readonly needs: Needs;
  /** Whether the namespace's interfaces forward to whom: `Router.ask`. */
  readonly ask: (request: FibLookup) => number;
  /** Numbers of entries, by map. */
  readonly entries: Readonly<Record<string, number>>;
}

export class Simulation {
  readonly machine: Machine;
  #facts: Fact[] = [];
  #inquiries: Inquiry[] = [];
  /** What `random` gives next; then something arbitrary. */
  #drawn: number[] = [];

  constructor({ needs, ask, entries }: SimulationOptions) {
    this.machine = createMachine({
      options: { ...optionsOf(needs), cpus: 1 },
      entries,
      time: process.hrtime.bigint(),
      random: () => this.#drawn.shift() ?? Math.floor(Math.random() * 2 ** 32),
      trace: (what, values) => this.#facts.push({ what, values }),
      fib: (request) => {
        const asked = plain(request);
        const answer = ask(request);
        this.#inquiries.push({ request: asked, reply: plain(request), answer });
        return answer;
      },
    });
    installPrograms(this.machine);
  }

  /** Takes over the contents of these maps, by name. */
  load(maps: ReadonlyMap<string, MapHandle>): void {
    for (const [name, map] of maps) {
      const definition = TABLES_BY_NAME.get(name);
      if (definition !== undefined) copyMap(map, this.machine.map(definition));
    }
  }

  map(definition: MapDefinition): MapHandle {
    return this.machine.map(definition);
  }

  /** Runs the programs on a frame. `draws`: the numbers that `random` gives first. */
  run(
    frame: Uint8Array,
    context: { readonly ifindex: number; readonly mark: number; readonly type: number },
    draws: readonly number[] = [],
  ): SimulatedRun {
    this.#facts = [];
    this.#inquiries = [];
    this.#drawn = [...draws];
    const packet = new SimulatedPacket(frame, context);
    const verdict = this.machine.execute(ingress, packet);
    return { verdict, packet, facts: this.#facts, inquiries: this.#inquiries };
  }
}

function plain(request: FibLookup): Plain<typeof FibLookup> {
  const memory = new ArrayBuffer(FibLookup.size);
  copy(viewOf(FibLookup, new DataView(memory)), request);
  return decode(FibLookup, memory);
}
