/** The datapath in the kernel, with the memory of a director of the simulator: for tests that run both. */
import { compile } from "../../bpf/compiler/index.ts";
import { type MapDefinition, offsetOf } from "../../bpf/index.ts";
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
import { type DatapathProgram, PROGRAMS } from "../programs.ts";
import {
  buckets,
  callIds,
  clientHops,
  connectionTable,
  counters,
  datagrams,
  destinationTable,
  due,
  events,
  flows,
  heldFragments,
  hostAddresses,
  interfaceAddresses,
  localAddresses,
  localitySets,
  members,
  PROGRAM_IPV4,
  Pressure,
  pools,
  pressure,
  programs,
  servers,
  services,
  serviceTable,
  settings,
  wide,
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
  interfaceAddresses,
  hostAddresses,
];

type CompiledProgram = Awaited<ReturnType<typeof compile>>;

/** What the datapath writes. */
const CLEARED: readonly MapDefinition[] = [
  flows,
  connectionTable,
  due,
  wide,
  counters,
  events,
  clientHops,
  datagrams,
  heldFragments,
  localitySets,
  callIds,
];

export type Options = Readonly<Record<string, number | boolean>>;

function urlOf(module: string): string {
  const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new URL(`../${module}.${suffix}`, import.meta.url).href;
}

/** The datapath's programs, or those that are `wanted`, compiled with these options, by their slot in `programs`. */
export async function compilePrograms(
  options: Options = {},
  wanted: (program: DatapathProgram) => boolean = () => true,
): Promise<Map<number, CompiledProgram>> {
  const compiled = new Map<number, CompiledProgram>();
  for (const program of PROGRAMS.filter(wanted)) {
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
    for (const definition of CONFIGURED) {
      const map = this.maps.get(definition.name);
      if (map === undefined) continue;
      if (definition.kind === "hash") map.deleteMany(map.readAll().keys);
      const { keys, values } = director.machine.map(definition).readAll();
      map.updateMany(keys, values);
    }
  }

  /** Forgets all connections, fragments and what was counted. */
  clear(): void {
    for (const definition of CLEARED) {
      const map = this.maps.get(definition.name);
      if (map === undefined) continue;
      const { keys, values } = map.readAll();
      if (map.definition.kind === "lruHash") map.deleteMany(keys);
      else map.updateMany(keys, new Uint8Array(values.length));
    }
  }

  /** Moves its clock on by so many ticks. */
  advance(ticks: number): void {
    const first = new Uint8Array(4);
    const map = this.map(pressure);
    const value = map.lookup(first)!;
    const view = new DataView(value.buffer, value.byteOffset);
    const at = offsetOf(Pressure, "now");
    view.setUint32(at, view.getUint32(at, true) + ticks, true);
    map.update(first, value);
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
