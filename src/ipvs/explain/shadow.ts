/** A director's programs over copies of its tables: they can be run, and nothing of the director changes. */
import type { MapDefinition, MapHandle } from "../../bpf/index.ts";
import { createMap, type LoadedMap, type LoadedProgram, loadProgram } from "../../bpf/loader/index.ts";
import type { CompiledProgram } from "../../bpf/program.ts";
import { PROGRAM_IPV4, programs } from "../../kernel/tables.ts";
import { TABLES_BY_NAME } from "../director/compiled-programs.ts";
import type { PinnedTables } from "../director/pinned-tables.ts";
import type { Plane } from "../plane.ts";
import { copyMap } from "./copy-map.ts";

/** A program, and its slot in the array `programs`. */
export interface PlacedProgram {
  readonly slot: number;
  readonly program: CompiledProgram;
}

/** What a test run of the datapath came to. */
export interface KernelRun {
  readonly verdict: number;
  /** The frame afterwards. */
  readonly frame: Uint8Array;
}

export class Shadow {
  readonly #live: PinnedTables;
  readonly #maps = new Map<string, LoadedMap>();
  readonly #main: LoadedProgram;

  /** Makes maps like those that the programs use, still empty. */
  constructor(live: PinnedTables, placed: readonly PlacedProgram[]) {
    this.#live = live;
    let main: LoadedProgram | undefined;
    try {
      for (const definition of placed.flatMap(({ program }) => program.maps)) {
        if (!this.#maps.has(definition.name)) this.#maps.set(definition.name, this.#create(definition));
      }
      for (const { slot, program } of placed) {
        const loaded = loadProgram(program, this.#maps);
        this.#maps.get(programs.name)?.setProgram(slot, loaded);
        if (slot === PROGRAM_IPV4) main = loaded;
        else loaded.close();
      }
      if (main === undefined) throw new Error("there is no program for IPv4");
      this.#main = main;
    } catch (error) {
      main?.close();
      this.#closeMaps();
      throw error;
    }
  }

  #create(definition: MapDefinition): LoadedMap {
    return createMap(
      definition,
      this.#isLive(definition) ? { entries: this.#live.map(definition).capacity } : {},
    );
  }

  /** Whether the director has that map: tables that few directors need are not made for this. */
  #isLive(definition: MapDefinition): boolean {
    return TABLES_BY_NAME.has(definition.name) && this.#live.exists(definition);
  }

  /** Takes over what is in the director's tables now. */
  refresh(): void {
    for (const [name, map] of this.#maps) {
      const definition = TABLES_BY_NAME.get(name);
      if (definition !== undefined && this.#isLive(definition)) copyMap(this.#live.map(definition), map);
    }
  }

  /** The copies, by name. */
  get maps(): ReadonlyMap<string, LoadedMap> {
    return this.#maps;
  }

  /** Runs the programs in the kernel, on a frame that comes in by that interface of the thread's network namespace. */
  run(frame: Uint8Array, context: { readonly ifindex: number; readonly mark: number }): KernelRun {
    const { verdict, data } = this.#main.run({ data: frame, context });
    return { verdict, frame: data };
  }

  /** The copies as the administration reads a director's tables; of what the programs do not use, the director's. */
  plane(): Plane {
    const map = (definition: MapDefinition): MapHandle =>
      this.#maps.get(definition.name) ?? this.#live.map(definition);
    const refuse = (): never => {
      throw new Error("a copy of a director is not administered");
    };
    return {
      map,
      exists: (definition) => this.#maps.has(definition.name) || this.#live.exists(definition),
      prepare: refuse,
      settle: refuse,
      isUnicast: refuse,
      isLocalAddress: refuse,
      sourceTowards: refuse,
      monotonicTime: () => process.hrtime.bigint(),
    };
  }

  #closeMaps(): void {
    for (const map of this.#maps.values()) {
      map.unmapMemory();
      map.close();
    }
  }

  /** Memory of the copies must not be touched afterwards. */
  close(): void {
    this.#main.close();
    this.#closeMaps();
  }
}
