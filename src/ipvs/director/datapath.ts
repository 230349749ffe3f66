/** The datapath's programs in the kernel: loaded when the configuration needs them, swapped when it needs others. */
import {
  createMap,
  type LoadedMap,
  type LoadedProgram,
  loadProgram,
  openProgram,
  unpin,
} from "../../bpf/loader/index.ts";
import type { CompiledProgram } from "../../bpf/program.ts";
import { PROGRAMS } from "../../kernel/programs.ts";
import { PROGRAM_IPV4, PROGRAM_IPV4_OUTGOING, programs, ticker } from "../../kernel/tables.ts";
import { IpvsError } from "../errors.ts";
import type { Needs } from "../plane.ts";
import { satisfies } from "../writing/needs.ts";
import { compiledPrograms, TABLES_BY_NAME } from "./compiled-programs.ts";
import { refreshInterfaceAddresses } from "./interface-addresses.ts";
import { refreshInterfaceNames } from "./interface-names.ts";
import { Interfaces } from "./interfaces.ts";
import type { PinnedTables } from "./pinned-tables.ts";
import { ProgramCache } from "./program-cache.ts";
import { suitable } from "./program-ladder.ts";
import { isOfSource, type ProgramIdentity, parseProgramName } from "./program-options.ts";
import { armRequest, datapathRequests } from "./program-requests.ts";
import { sourceHash } from "./sources.ts";

/** Where the programs that are attached are pinned, by their slot. */
const PINS: ReadonlyMap<number, string> = new Map([
  [PROGRAM_IPV4, "ingress"],
  [PROGRAM_IPV4_OUTGOING, "egress"],
]);

/** A clock whose last tick is longer ago than this, in ns, has stopped. Ticks are 134 ms apart. */
const CLOCK_STOPPED = 3_000_000_000n;

/** The shortest frame a test run takes. */
const SHORTEST_FRAME = 14;

/** The datapath of the namespace whose tables these are. */
export class Datapath {
  readonly #tables: PinnedTables;
  readonly #cacheDirectory: string;
  readonly interfaces: Interfaces;
  /** Whether this process started the clock: its first tick may be to come. */
  #armed = false;

  constructor(tables: PinnedTables, cacheDirectory: string) {
    this.#tables = tables;
    this.#cacheDirectory = cacheDirectory;
    this.interfaces = new Interfaces(tables.directory);
  }

  /**
   * Sees to it that a program that does all this runs at all interfaces, and that the clock runs. `whole` is asked for
   * the needs that a new program is made for, if there has to be one.
   */
  ensure(changed: Needs, whole: () => Needs): void {
    const present = this.open();
    try {
      if (present !== null && this.#does(present, changed)) {
        this.#attach(present);
        return;
      }
    } finally {
      present?.close();
    }
    this.#replace(whole());
  }

  /** Attaches the program there is to interfaces that came since. Does nothing before the first service. */
  refresh(): void {
    const present = this.open();
    if (present === null) return;
    try {
      this.#attach(present);
    } finally {
      present.close();
    }
  }

  /** Attaches programs that are there already. */
  #attach(incoming: LoadedProgram): void {
    const outgoing = this.#open(PROGRAM_IPV4_OUTGOING);
    try {
      this.interfaces.attachAll({ incoming, outgoing });
    } finally {
      outgoing?.close();
    }
    refreshInterfaceAddresses(this.#tables);
    refreshInterfaceNames(this.#tables);
    this.#keepTicking();
  }

  /** The program that packets come to first, or null before the first service. Close it. */
  open(): LoadedProgram | null {
    return this.#open(PROGRAM_IPV4);
  }

  #open(slot: number): LoadedProgram | null {
    return openProgram(this.#pin(slot));
  }

  #pin(slot: number): string {
    return `${this.#tables.directory}/${PINS.get(slot)}`;
  }

  /** The kernel-wide numbers of the programs that packets are handed on to. */
  programIds(): number[] {
    const array = this.#tables.map(programs);
    return PROGRAMS.flatMap(({ slot }) => array.programId(slot) ?? []);
  }

  /** What the program that runs was made for; null if there is none or it is not known. */
  identity(): ProgramIdentity | null {
    const present = this.open();
    if (present === null) return null;
    present.close();
    return parseProgramName(present.name) ?? null;
  }

  /** Whether the clock that ends connections has ticked a moment ago. */
  isTicking(): boolean {
    const last = this.lastTick();
    return last !== 0n && process.hrtime.bigint() - last < CLOCK_STOPPED;
  }

  /** When the clock last ticked, ns of CLOCK_MONOTONIC; 0: never. */
  lastTick(): bigint {
    const value = this.#tables.map(ticker).lookup(new Uint8Array(4));
    if (value === null) return 0n;
    return new DataView(value.buffer, value.byteOffset).getBigUint64(ticker.value.field.lastRun.offset, true);
  }

  #keepTicking(): void {
    if (!this.#armed && !this.isTicking()) this.#arm();
  }

  #does(program: LoadedProgram, needs: Needs): boolean {
    const identity = parseProgramName(program.name);
    return identity !== undefined && isOfSource(identity, sourceHash()) && satisfies(identity.needs, needs);
  }

  /**
   * Loads programs that do all this and puts them in place of those that run, each after those that it hands packets on
   * to: at any moment they fit together, and do for the configuration that is published. Whoever is killed before all
   * interfaces have the new one leaves some with the one before, and the next command brings them up to date.
   */
  #replace(needs: Needs): void {
    const requests = datapathRequests(suitable(needs));
    // Also where no program has to be compiled: the commands that are to come keep their own code there (src/cli/compile-cache.ts).
    new ProgramCache(this.#cacheDirectory).prepare();
    const [arm, ...compiled] = compiledPrograms(
      [armRequest(), ...requests.map(({ request }) => request)],
      this.#cacheDirectory,
    ) as [CompiledProgram, ...CompiledProgram[]];
    const loaded: LoadedProgram[] = [];
    try {
      for (const each of compiled) loaded.push(this.#load(each));
      this.#arm(arm);
      const array = this.#tables.map(programs);
      for (const [index, { slot }] of requests.entries()) array.setProgram(slot, loaded[index]!);
      const loadedFor = (slot: number) => loaded[requests.findIndex((each) => each.slot === slot)] ?? null;
      const outgoing = loadedFor(PROGRAM_IPV4_OUTGOING);
      const incoming = loadedFor(PROGRAM_IPV4)!;
      if (outgoing === null) unpin(this.#pin(PROGRAM_IPV4_OUTGOING));
      else outgoing.pin(this.#pin(PROGRAM_IPV4_OUTGOING), { replace: true });
      incoming.pin(this.#pin(PROGRAM_IPV4), { replace: true });
      refreshInterfaceAddresses(this.#tables);
      refreshInterfaceNames(this.#tables);
      this.interfaces.attachAll({ incoming, outgoing });
      const inUse = new Set(requests.map(({ slot }) => slot));
      for (const { slot } of PROGRAMS) if (!inUse.has(slot)) array.clearProgram(slot);
    } finally {
      for (const program of loaded) program.close();
    }
  }

  /** Starts the clock, or hands it over to the code of today. */
  #arm(compiled = compiledPrograms([armRequest()], this.#cacheDirectory)[0]!): void {
    const program = this.#load(compiled);
    try {
      const { verdict } = program.run({ data: new Uint8Array(SHORTEST_FRAME) });
      this.#armed = true;
      if (verdict === 0) return;
      const step = ["", "finding it", "preparing it", "giving it its function", "starting it"][verdict];
      const message = `the datapath's clock cannot be started: ${step ?? verdict} failed`;
      throw new IpvsError("EIO", { operation: "open", message });
    } finally {
      program.close();
    }
  }

  /** Over the namespace's tables, and tables of constants of its own. */
  #load(compiled: CompiledProgram): LoadedProgram {
    const maps = new Map<string, LoadedMap>();
    const own: LoadedMap[] = [];
    try {
      for (const definition of compiled.maps) {
        if (TABLES_BY_NAME.has(definition.name)) {
          maps.set(definition.name, this.#tables.map(definition));
        } else {
          const map = createMap(definition);
          own.push(map);
          maps.set(definition.name, map);
        }
      }
      return loadProgram(compiled, maps);
    } finally {
      for (const map of own) map.close();
    }
  }
}
