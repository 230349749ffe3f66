/** The datapath in the kernel, with the memory of a director of the simulator: for tests that run both. */
import { compile } from "../../bpf/compiler/index.ts";
import type { MapDefinition } from "../../bpf/index.ts";
import {
  attachClsact,
  attachTcx,
  createMap,
  feature,
  type LoadedMap,
  type LoadedProgram,
  loadProgram,
} from "../../bpf/loader/index.ts";
import { inNetworkNamespace } from "../../linux/index.ts";
import { PROGRAMS } from "../programs.ts";
import {
  buckets,
  destinationTable,
  localAddresses,
  members,
  PROGRAM_IPV4,
  pools,
  pressure,
  programs,
  servers,
  services,
  serviceTable,
  settings,
} from "../tables.ts";
import type { TestDirector } from "./director.ts";

/** Maps whose contents are the configuration, or what the clock wrote. */
const CONFIGURED: readonly MapDefinition[] = [
  settings,
  services,
  serviceTable,
  pools,
  members,
  buckets,
  localAddresses,
  destinationTable,
  servers,
  pressure,
];

type CompiledProgram = Awaited<ReturnType<typeof compile>>;

export type Options = Readonly<Record<string, number | boolean>>;

function urlOf(module: string): string {
  const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new URL(`../${module}.${suffix}`, import.meta.url).href;
}

/** The datapath's programs, compiled with these options, by their slot in `programs`. */
export async function compilePrograms(options: Options = {}): Promise<Map<number, CompiledProgram>> {
  const compiled = new Map<number, CompiledProgram>();
  for (const program of PROGRAMS) {
    compiled.set(
      program.slot,
      await compile({
        entry: { module: urlOf("ingress"), name: "ingress" },
        options: { cpus: 1, ...options, ...program.options },
        name: "ingress",
        type: "schedCls",
        license: "Dual MIT/GPL",
      }),
    );
  }
  return compiled;
}

/** The datapath in the kernel. Its clock stands still. */
export class KernelDirector {
  readonly maps = new Map<string, LoadedMap>();
  /** The program that is attached: `ingress` for IPv4. */
  readonly program: LoadedProgram;
  readonly #attached: { detach(): void }[] = [];

  /** `entries`: numbers of entries that differ from the tables' own, by map name. */
  constructor(compiled: ReadonlyMap<number, CompiledProgram>, entries: Readonly<Record<string, number>>) {
    for (const map of [...compiled.values()].flatMap((each) => each.maps)) {
      if (this.maps.has(map.name)) continue;
      const own = entries[map.name];
      this.maps.set(map.name, createMap(map, own === undefined ? {} : { entries: own }));
    }
    let main: LoadedProgram | undefined;
    for (const [slot, each] of compiled) {
      const loaded = loadProgram(each, this.maps);
      this.map(programs).setProgram(slot, loaded);
      if (slot === PROGRAM_IPV4) main = loaded;
      else loaded.close();
    }
    if (main === undefined) throw new Error("there is no program for IPv4");
    this.program = main;
  }

  map(definition: MapDefinition): LoadedMap {
    const found = this.maps.get(definition.name);
    if (found === undefined) throw new Error(`no program uses the map ${definition.name}`);
    return found;
  }

  /** Takes over the configuration of a director of the simulator. */
  configureAs(director: TestDirector): void {
    for (const map of CONFIGURED) {
      const { keys, values } = director.machine.map(map).readAll();
      this.maps.get(map.name)?.updateMany(keys, values);
    }
  }

  /** Handles all packets that come in by these interfaces of a namespace. */
  attach(namespace: string, interfaces: readonly number[]): void {
    inNetworkNamespace(namespace, () => {
      for (const ifindex of interfaces) {
        const attach = feature("tcxLinks").available ? attachTcx : attachClsact;
        this.#attached.push(attach(this.program, ifindex));
      }
    });
  }

  close(): void {
    for (const each of this.#attached) each.detach();
    this.program.close();
    for (const map of this.maps.values()) map.close();
  }
}
