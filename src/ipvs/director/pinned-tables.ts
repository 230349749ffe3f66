/** The maps of one namespace, pinned in its directory. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { isMap, type MapDefinition } from "../../bpf/index.ts";
import { createMap, type LoadedMap, openMap } from "../../bpf/loader/index.ts";
import * as kernel from "../../kernel/tables.ts";
import {
  buckets,
  callIds,
  connectionTable,
  due,
  flows,
  ftpControls,
  ftpWork,
  interfaceNames,
  LAYOUT_VERSION,
  localAddresses,
  localities,
  localitySets,
  pieces,
  proxied,
  ruleCounts,
  ruleElements,
  ruleExtras,
  ruleSets,
  ruleTexts,
  ruleVerdicts,
  settings,
  sipMessage,
  wide,
} from "../../kernel/tables.ts";
import { hasCode } from "../../linux/index.ts";
import { IpvsError } from "../errors.ts";

/** Every map of the datapath. */
export const TABLES: readonly MapDefinition[] = Object.values(
  kernel as Readonly<Record<string, unknown>>,
).filter(isMap);

/** Maps whose sizes follow from the size of the connection table. */
const SIZED: ReadonlySet<MapDefinition> = new Set<MapDefinition>([
  connectionTable,
  due,
  flows,
  wide,
  proxied,
  callIds,
  ruleVerdicts,
  ftpControls,
]);

/** Maps that few directors need, made when the first configuration needs them, or the first program. */
const LATE: ReadonlySet<MapDefinition> = new Set<MapDefinition>([
  wide,
  buckets,
  localAddresses,
  localities,
  localitySets,
  proxied,
  ftpControls,
  ftpWork,
  pieces,
  callIds,
  sipMessage,
  interfaceNames,
  ruleCounts,
  ruleElements,
  ruleExtras,
  ruleSets,
  ruleTexts,
  ruleVerdicts,
]);

function entriesOf(definition: MapDefinition, connections: number): number {
  return SIZED.has(definition) ? connections : definition.entries;
}

/** What a directory is called while it is being made. */
const UNFINISHED = "~new";

/** Open maps of a namespace's directory. */
export class PinnedTables {
  readonly directory: string;
  readonly #open: Map<MapDefinition, LoadedMap> = new Map();

  /** Use openTables or createTables. */
  constructor(directory: string, open: ReadonlyMap<MapDefinition, LoadedMap> = new Map()) {
    this.directory = directory;
    for (const [definition, map] of open) this.#open.set(definition, map);
  }

  /**
   * The map of a definition, opened when first asked for; one that few need is made if it is not there. Throws
   * IpvsError EIO if another is not.
   */
  map(definition: MapDefinition): LoadedMap {
    let map = this.#open.get(definition);
    if (map === undefined) {
      const isMissing = LATE.has(definition) && !existsSync(this.#pin(definition));
      map = isMissing ? this.#make(definition) : openPinned(this.#pin(definition), definition);
      this.#open.set(definition, map);
    }
    return map;
  }

  /** Whether there is a map of that definition. */
  exists(definition: MapDefinition): boolean {
    return this.#open.has(definition) || !LATE.has(definition) || existsSync(this.#pin(definition));
  }

  /** The maps that there are, with the bytes of memory that the kernel counts for each. */
  sizes(): { readonly map: string; readonly entries: number; readonly bytes: number }[] {
    return TABLES.filter((definition) => this.exists(definition)).map((definition) => {
      const map = this.map(definition);
      const facts = readFileSync(`/proc/self/fdinfo/${map.fd}`, "utf8");
      const bytes = Number(/^memlock:\s*(\d+)$/m.exec(facts)?.[1] ?? 0);
      return { map: definition.name, entries: map.capacity, bytes };
    });
  }

  /** The pin appears with the map complete: whoever is killed before leaves nothing. */
  #make(definition: MapDefinition): LoadedMap {
    const map = createMap(definition, { entries: entriesOf(definition, this.map(connectionTable).capacity) });
    try {
      map.pin(this.#pin(definition));
      return map;
    } catch (error) {
      map.close();
      throw error;
    }
  }

  #pin(definition: MapDefinition): string {
    return `${this.directory}/${definition.name}`;
  }

  close(): void {
    for (const map of this.#open.values()) map.close();
    this.#open.clear();
  }
}

/** The state found cannot be used; the message says why and what to do. */
export function unusable(reason: string, cause?: unknown): IpvsError {
  const message = `the state of this namespace cannot be used: ${reason}; \`lvs unload\` removes it`;
  return new IpvsError("EIO", { operation: "open", message, cause });
}

/** The tables in that directory. Throws IpvsError EIO if they are another version's, or damaged. */
export function openTables(directory: string): PinnedTables {
  const tables = new PinnedTables(directory);
  try {
    const value = tables.map(settings).lookup(new Uint8Array(4));
    const layout =
      value === null ? 0 : new DataView(value.buffer).getUint32(settings.value.field.layout.offset, true);
    if (layout === LAYOUT_VERSION) return tables;
    throw unusable(`it is of another version (layout ${layout}, this is ${LAYOUT_VERSION})`);
  } catch (error) {
    tables.close();
    throw error;
  }
}

function openPinned(path: string, definition: MapDefinition): LoadedMap {
  const entries = SIZED.has(definition) ? "any" : definition.entries;
  try {
    const map = openMap(path, definition, { entries });
    if (map !== null) return map;
  } catch (error) {
    if (!hasCode(error, "FOREIGN_PIN")) throw error;
    throw unusable((error as Error).message.replace(/^\/proc\/self\/fd\/\d+\//, ""), error);
  }
  throw unusable(`the map ${definition.name} is missing`);
}

/**
 * Makes all maps and their directory. The directory has its name only when it is complete, and `prepare` has done its part; until then it
 * is `unfinished`, and one that a killed process left so is made again.
 */
export function createTables(
  directory: string,
  connections: number,
  prepare: (tables: PinnedTables, unfinished: string) => void,
): PinnedTables {
  const unfinished = `${directory}${UNFINISHED}`;
  removeDirectory(unfinished);
  mkdirSync(unfinished, { mode: 0o700 });
  const open = new Map<MapDefinition, LoadedMap>();
  try {
    for (const definition of TABLES) {
      if (LATE.has(definition)) continue;
      const map = createMap(definition, { entries: entriesOf(definition, connections) });
      open.set(definition, map);
      map.pin(`${unfinished}/${definition.name}`);
    }
    const tables = new PinnedTables(directory, open);
    prepare(tables, unfinished);
    renameSync(unfinished, directory);
    return tables;
  } catch (error) {
    for (const map of open.values()) map.close();
    removeDirectory(unfinished);
    throw error;
  }
}

/** Removes a directory of pins and all in it; whether there was one. */
export function removeDirectory(directory: string): boolean {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
  for (const name of names) {
    const path = `${directory}/${name}`;
    try {
      rmSync(path);
    } catch (error) {
      if (!hasCode(error, "ERR_FS_EISDIR", "EISDIR", "EPERM")) throw error;
      rmdirSync(path);
    }
  }
  rmdirSync(directory);
  return true;
}

/** The directories of namespaces in a state directory: finished ones, and what was left unfinished. */
export function listDirectories(root: string): { readonly cookie: string; readonly finished: boolean }[] {
  return readdirSync(root)
    .filter((name) => /^\d+(~new)?$/.test(name))
    .map((name) => ({ cookie: name.replace(UNFINISHED, ""), finished: !name.endsWith(UNFINISHED) }));
}
