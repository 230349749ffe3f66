/**
 * A real server's end of tunnels that stays: program and map of addresses pinned in a directory of the network namespace, and
 * the program at interfaces, by pinned links or as filters of clsact. No process of ours needs to live.
 */
import { existsSync, mkdirSync } from "node:fs";
import {
  createMap,
  type LoadedMap,
  type LoadedProgram,
  loadProgram,
  mapInfo,
  openMap,
  openProgram,
  sweepPins,
  unpin,
} from "../../bpf/loader/index.ts";
import { decapsulatedAddresses, sumRoom } from "../../kernel/decapsulate/index.ts";
import { findLink, hasCode, type Link, listLinks, withRouteSocket } from "../../linux/index.ts";
import { Attachments } from "../director/attachments.ts";
import { attachSign, removeSign } from "../director/life-sign.ts";
import { removeDirectory } from "../director/pinned-tables.ts";
import {
  compiledDecapsulation,
  decapsulatedAddress,
  decapsulatedKey,
  decapsulatedPackets,
  decapsulatedSettings,
  decapsulatedValue,
  decapsulationRequest,
  FILTER_NAME,
} from "./decapsulation-program.ts";
import type { RealServerFacts } from "./facts.ts";
import type { TunnelSettings } from "./model.ts";

/** Behind the datapath: what is in a tunnel to this host is none of the director's packets. */
const PRIORITY = 2;

export class TunnelEnd {
  readonly #directory: string;
  readonly #cacheDirectory: string;
  readonly #attachments: Attachments;
  /** What relies on it, and what the map must hold when it has to be made anew. */
  readonly #recorded: () => ReadonlyMap<string, TunnelSettings>;

  /** `directory`: where its things are pinned; it is made when it is first needed. */
  constructor(
    directory: string,
    cacheDirectory: string,
    recorded: () => ReadonlyMap<string, TunnelSettings>,
  ) {
    this.#directory = directory;
    this.#cacheDirectory = cacheDirectory;
    this.#recorded = recorded;
    this.#attachments = new Attachments(directory, "ingress", { name: FILTER_NAME, priority: PRIORITY });
  }

  /** Where it is attached, and for which addresses. */
  facts(): RealServerFacts["tunnelEnd"] {
    const wanted = this.#readyProgramId();
    const links: string[] = [];
    const outdated: string[] = [];
    for (const { link, id } of this.#attached()) (id === wanted ? links : outdated).push(link.name);
    const addresses = this.#withMap((map) => {
      const found = new Map<string, TunnelSettings>();
      for (const { address, value } of elementsOf(map)) found.set(address, decapsulatedSettings(value));
      return found;
    });
    return { links, outdated, addresses: addresses ?? new Map() };
  }

  /** How many packets came in tunnels, by address. */
  packets(): ReadonlyMap<string, number> {
    const counts = this.#withMap(
      (map) =>
        new Map([...elementsOf(map)].map(({ address, value }) => [address, decapsulatedPackets(value)])),
    );
    return counts ?? new Map();
  }

  /** Attaches it to an interface, in place of another version. Throws SystemError; IpvsError EIO if it does not compile. */
  attach(name: string): void {
    this.#withProgram((program) => {
      const { id } = program.info();
      withRouteSocket((socket) => {
        const link = findLink(socket, name);
        if (link !== undefined) this.#attachments.put(link, program, id, socket);
      });
    });
  }

  detach(name: string): void {
    if (!existsSync(this.#directory)) return;
    withRouteSocket((socket) => {
      const link = findLink(socket, name);
      if (link !== undefined) this.#attachments.remove(link, socket);
    });
  }

  /** From now on these tunnels are taken off packets to an address; null: none. What was counted for it stays. */
  set(address: string, settings: TunnelSettings | null): void {
    if (settings === null) {
      this.#withMap((map) => map.delete(decapsulatedKey(address)));
      return;
    }
    // Makes the map, too, if need be.
    this.#withProgram(() => {});
    this.#withMap((map) => map.update(decapsulatedKey(address), decapsulatedValue(settings)));
  }

  /** Makes the directory, with a sign by which others see later whether the namespace is gone. */
  makeDirectory(): void {
    if (existsSync(this.#directory)) sweepPins(this.#directory);
    else mkdirSync(this.#directory, { mode: 0o700 });
    attachSign(this.#directory);
  }

  /**
   * Lets go of interfaces that are gone, and of everything if there is no address left. `keepDirectory`: the directory with the
   * sign of life stays.
   */
  tidy(keepDirectory = false): void {
    if (!existsSync(this.#directory)) return;
    const isFilled = (): boolean => this.#withMap((map) => !map.keys().next().done) ?? false;
    // A map of another version cannot be read: what is recorded relies on it until it is made anew.
    const inUse = this.#recorded().size > 0 || isFilled();
    const links = withRouteSocket(listLinks);
    if (inUse) {
      this.#attachments.forgetAllBut(new Set(links.map(({ index }) => index)));
      return;
    }
    withRouteSocket((socket) => {
      for (const link of links) this.#attachments.remove(link, socket);
    });
    this.#attachments.releaseAll();
    if (keepDirectory) {
      for (const pin of [this.#programPin, this.#mapPin]) unpin(pin);
      return;
    }
    removeSign(this.#directory);
    removeDirectory(this.#directory);
  }

  /** Interfaces with a program of ours, of whatever version. */
  #attached(): { readonly link: Link; readonly id: number }[] {
    return withRouteSocket((socket) =>
      listLinks(socket).flatMap((link) => {
        const id = this.#attachments.programId(link, socket);
        return id === undefined ? [] : [{ link, id }];
      }),
    );
  }

  /** The number of the pinned program, if it is of this version and has the pinned map. */
  #readyProgramId(): number | undefined {
    const program = this.#openReady();
    try {
      return program?.info().id;
    } finally {
      program?.close();
    }
  }

  #openReady(): LoadedProgram | null {
    const program = tolerant(() => openProgram(this.#programPin));
    if (program === null) return null;
    const { name, mapIds } = program.info();
    const mapId = this.#withMap((map) => mapInfo(map.fd).id);
    if (name === decapsulationRequest().name && mapId !== null && mapIds.includes(mapId)) return program;
    program.close();
    return null;
  }

  /** With the pinned program, made if it is not there or not the right one; then it takes the place of what is attached. */
  #withProgram<T>(work: (program: LoadedProgram) => T): T {
    const program = this.#openReady() ?? this.#load();
    try {
      return work(program);
    } finally {
      program.close();
    }
  }

  #load(): LoadedProgram {
    const compiled = compiledDecapsulation(this.#cacheDirectory);
    this.makeDirectory();
    const map = tolerant(() => openMap(this.#mapPin, decapsulatedAddresses)) ?? this.#makeMap();
    const room = createMap(sumRoom);
    try {
      const maps = new Map([map, room].map((each) => [each.definition.name, each]));
      const program = loadProgram(compiled, maps);
      program.pin(this.#programPin, { replace: true });
      const { id } = program.info();
      withRouteSocket((socket) => {
        for (const { link } of this.#attached()) this.#attachments.put(link, program, id, socket);
      });
      return program;
    } finally {
      map.close();
      room.close();
    }
  }

  #makeMap(): LoadedMap {
    unpin(this.#mapPin);
    const map = createMap(decapsulatedAddresses);
    for (const [address, settings] of this.#recorded()) {
      map.update(decapsulatedKey(address), decapsulatedValue(settings));
    }
    map.pin(this.#mapPin);
    return map;
  }

  /** Null if there is none, or that of another version. */
  #withMap<T>(work: (map: LoadedMap) => T): T | null {
    const map = tolerant(() => openMap(this.#mapPin, decapsulatedAddresses));
    if (map === null) return null;
    try {
      return work(map);
    } finally {
      map.close();
    }
  }

  get #mapPin(): string {
    return `${this.#directory}/addresses`;
  }

  get #programPin(): string {
    return `${this.#directory}/program`;
  }
}

function* elementsOf(map: LoadedMap): Generator<{ readonly address: string; readonly value: Uint8Array }> {
  for (const key of [...map.keys()]) {
    const value = map.lookup(key);
    if (value !== null) yield { address: decapsulatedAddress(key), value };
  }
}

/** What is pinned, or null if it is something else. */
function tolerant<T>(open: () => T): T | null {
  try {
    return open();
  } catch (error) {
    if (hasCode(error, "FOREIGN_PIN")) return null;
    throw error;
  }
}
