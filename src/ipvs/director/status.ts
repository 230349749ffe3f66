/** What `lvs` can ask and do beyond IPVS: the datapath itself. */

import { type FeatureName, features, type LoadedProgram, programById } from "../../bpf/loader/index.ts";
import { events, LAYOUT_VERSION } from "../../kernel/tables.ts";
import { IpvsError } from "../errors.ts";
import { liveRows } from "../listing.ts";
import { DirectorMemory } from "../memory/director-memory.ts";
import type { ForwardingMethod } from "../model.ts";
import { countRules } from "../rules/table-rules.ts";
import { TableAdministration } from "../table-administration.ts";
import { availableRows } from "../writing/servers.ts";
import { forwardingOff } from "./forwarding.ts";
import { type InterfaceStatus, Interfaces } from "./interfaces.ts";
import { requireRoot } from "./kernel-administration.ts";
import { acceptsLocal } from "./loopback.ts";
import { NamespaceState, type Present } from "./namespace-state.ts";
import { choosePlaces, type DirectorOptions } from "./places.ts";
import { ProgramCache } from "./program-cache.ts";
import { isOfSource, optionsOf, type ProgramOptions, parseProgramName } from "./program-options.ts";
import { sourceHash } from "./sources.ts";
import { fromSystem } from "./system-errors.ts";

/** How full a table is. */
export interface TableFill {
  readonly table: "services" | "servers" | "connections";
  readonly used: number;
  readonly size: number;
}

/** The program that handles packets. */
export interface ProgramStatus {
  readonly id: number;
  readonly name: string;
  /** What it was compiled for, by the names of the datapath's options. */
  readonly options: ProgramOptions;
  /** Whether it was compiled from the code of this installation; if not, the next command replaces it. */
  readonly current: boolean;
  readonly machineCodeBytes: number;
  readonly verifiedInstructions: number;
}

/** The clock that ends connections and estimates rates. */
export interface ClockStatus {
  readonly ticking: boolean;
  /** Since the last tick, ms; null if there was none. */
  readonly age: number | null;
}

/** A map of the datapath. Some are made when the first configuration needs them. */
export interface MapStatus {
  readonly map: string;
  readonly entries: number;
  /** Memory that the kernel counts for it. */
  readonly bytes: number;
}

/** The director of a namespace, from outside. */
export interface DirectorStatus {
  /** "none": nothing was configured yet; "unusable": there is state, but of another version or damaged. */
  readonly state: "none" | "ready" | "unusable";
  /** Why it is unusable, and what to do. */
  readonly problem: string | null;
  /** Where its state is pinned. */
  readonly directory: string;
  readonly layoutVersion: number;
  /** The program that packets come to first. */
  readonly program: ProgramStatus | null;
  /** All that the datapath is made of. */
  readonly programs: readonly ProgramStatus[];
  /** How programs are attached on this kernel. */
  readonly attachment: "tcx" | "clsact";
  readonly interfaces: readonly InterfaceStatus[];
  readonly clock: ClockStatus | null;
  readonly tables: readonly TableFill[];
  readonly maps: readonly MapStatus[];
  /**
   * Whether clients on the director itself are served: loopback is attached to, and takes answers from the director's own
   * addresses (net.ipv4.conf.lo.accept_local, which attaching sets and detaching sets back).
   */
  readonly localClients: boolean;
  /** How many rules there are that give marks, in all chains of a family. */
  readonly rules: { readonly ipv4: number; readonly ipv6: number };
  /** What the datapath counted about itself, by the names of `Events`. */
  readonly events: Readonly<Record<string, bigint>>;
  /**
   * Sysctls of the kernel that must be 1 for packets to be forwarded, and are 0: "net.ipv4.ip_forward", or where it is
   * not all interfaces, "net.ipv4.conf.eth0.forwarding". Only of the families that there are masqueraded or FullNAT servers of.
   */
  readonly forwardingOff: readonly string[];
  /** Features of the running kernel: true, or why it lacks one. */
  readonly features: Readonly<Record<FeatureName, true | { readonly missing: string }>>;
  readonly cache: { readonly directory: string; readonly problem: string | null };
}

/** Throws IpvsError: EPERM without root. */
export function directorStatus(options: DirectorOptions = {}): DirectorStatus {
  return withState(options, (state) => {
    const common = {
      directory: state.name,
      layoutVersion: LAYOUT_VERSION,
      attachment: Interfaces.method(),
      features: Object.fromEntries(
        Object.entries(features()).map(([name, found]) => [
          name,
          found.available ? true : { missing: found.reason },
        ]),
      ) as DirectorStatus["features"],
      cache: {
        directory: state.places.cacheDirectory,
        problem: new ProgramCache(state.places.cacheDirectory).problem() ?? null,
      },
    };
    const nothing = {
      ...{ program: null, programs: [], clock: null, tables: [], maps: [], events: {} },
      ...{ forwardingOff: [], localClients: false, rules: { ipv4: 0, ipv6: 0 } },
    };
    try {
      return state.read((present) =>
        present === null
          ? { ...common, ...nothing, state: "none", problem: null, interfaces: Interfaces.withoutDirector() }
          : { ...common, ...presentStatus(present), state: "ready", problem: null },
      );
    } catch (error) {
      if (!(error instanceof IpvsError) || error.code !== "EIO") throw error;
      const interfaces = state.alone((directory) => new Interfaces(directory).status()) ?? [];
      return { ...common, ...nothing, state: "unusable", problem: error.message, interfaces };
    }
  });
}

/**
 * Attaches to these interfaces (none named: to all), also where that was undone by {@link detach}. False if there is
 * no director yet: its first service attaches it to all.
 */
export function attach(interfaces: readonly string[] = [], options: DirectorOptions = {}): boolean {
  return withState(options, (state) =>
    state.read((present) => {
      if (present === null) {
        Interfaces.check(interfaces);
        return false;
      }
      present.datapath.interfaces.allow(interfaces);
      new TableAdministration(present.plane).refresh();
      present.datapath.refresh();
      return true;
    }),
  );
}

/**
 * Takes the datapath off these interfaces (none named: off all, and off those that come). Services and connections stay. Where there is
 * no director yet, one without services is made, which remembers it. Throws NoInterfaceError; then nothing is made.
 */
export function detach(interfaces: readonly string[] = [], options: DirectorOptions = {}): void {
  withState(options, (state) => {
    // Also from a director whose state is unusable.
    const done = state.alone((directory) => {
      new Interfaces(directory).detach(interfaces);
      return true;
    });
    if (done !== null) return;
    Interfaces.check(interfaces);
    state.change(
      () => true,
      (present) => present!.datapath.interfaces.detach(interfaces),
    );
  });
}

/** Removes everything of ours from the namespace: attachments, services, connections. Whether there was anything. */
export function unload(options: DirectorOptions = {}): boolean {
  return withState(options, (state) => state.unload());
}

function withState<T>(options: DirectorOptions, work: (state: NamespaceState) => T): T {
  requireRoot();
  return fromSystem("open", () => {
    const state = new NamespaceState(choosePlaces(options));
    try {
      return work(state);
    } finally {
      state.close();
    }
  });
}

const NEED_FORWARDING: ReadonlySet<ForwardingMethod> = new Set<ForwardingMethod>(["masquerade", "fullnat"]);

function presentStatus({ tables, plane, datapath }: Present) {
  const memory = new DirectorMemory(plane);
  const last = datapath.lastTick();
  const interfaces = datapath.interfaces.status();
  // Direct routing and tunnels do without: their ways are looked up from loopback.
  const families = new Set(
    new TableAdministration(plane)
      .services()
      .filter(({ destinations }) =>
        destinations.some(({ destination }) => NEED_FORWARDING.has(destination.method)),
      )
      .map(({ service }) => service.key.family),
  );
  return {
    ...programStatuses(datapath),
    interfaces,
    localClients: acceptsLocal() && interfaces.some(({ name, attached }) => name === "lo" && attached),
    maps: tables.sizes(),
    forwardingOff: [...families].sort().flatMap((family) => forwardingOff(family, interfaces)),
    clock: {
      ticking: datapath.isTicking(),
      age: last === 0n ? null : Number((process.hrtime.bigint() - last) / 1_000_000n),
    },
    tables: fills(memory),
    rules: { ipv4: countRules(plane, 4), ipv6: countRules(plane, 6) },
    events: readEvents(memory),
  };
}

function programStatuses(datapath: Present["datapath"]): Pick<DirectorStatus, "program" | "programs"> {
  const first = datapath.open();
  const program = first === null ? null : programStatus(first);
  const others = datapath.programIds().filter((id) => id !== program?.id);
  const programs = others.flatMap((id) => {
    const loaded = programById(id);
    return loaded === null ? [] : [programStatus(loaded)];
  });
  return { program, programs: program === null ? programs : [program, ...programs] };
}

/** Closes the program. */
function programStatus(program: LoadedProgram): ProgramStatus {
  try {
    const { id, name, jitedBytes, verifiedInstructions } = program.info();
    const identity = parseProgramName(name);
    return {
      id,
      name,
      options: identity === undefined ? {} : optionsOf(identity.needs),
      current: identity !== undefined && isOfSource(identity, sourceHash()),
      machineCodeBytes: jitedBytes,
      verifiedInstructions,
    };
  } finally {
    program.close();
  }
}

function fills(memory: DirectorMemory): TableFill[] {
  const { connections, services, destinations } = memory;
  let used = 0;
  for (let row = 0; row < connections.capacity; row++) if (connections.due.get(row) !== 0) used += 1;
  return [
    { table: "services", used: liveRows(memory).length, size: services.capacity - 1 },
    { table: "servers", used: [...availableRows(memory)].length, size: destinations.capacity - 1 },
    { table: "connections", used, size: connections.capacity },
  ];
}

function readEvents({ plane }: DirectorMemory): Record<string, bigint> {
  const handle = plane.map(events);
  const value = handle.lookup(new Uint8Array(4));
  const view = value === null ? null : new DataView(value.buffer, value.byteOffset);
  return Object.fromEntries(
    events.value.fields.map(({ name, offset }) => {
      let sum = 0n;
      for (let cpu = 0; cpu < handle.cpus; cpu++) {
        sum += view?.getBigUint64(cpu * handle.stride + offset, true) ?? 0n;
      }
      return [name, sum];
    }),
  );
}
