import { bpf, close, hasCode } from "../../linux/index.ts";
import type { MapDefinition } from "../map.ts";
import { ForeignPinError, type MapShape } from "./errors.ts";
import { mapInfo } from "./info.ts";
import { LoadedMap } from "./loaded-map.ts";
import { MAP_FLAG } from "./map-attributes.ts";
import { innerCreator, type MapOptions } from "./map-create.ts";
import { holdsMaps, KINDS, mapFlags, mapSizes, typeName } from "./map-kinds.ts";
import { byIdAttribute } from "./object-attributes.ts";
import { openPin } from "./open-pin.ts";

export interface OpenMapOptions extends Omit<MapOptions, "entries"> {
  /** How many elements it must have: a number (default: the definition's) or any. */
  readonly entries?: number | "any";
}

/** Flags that make one map unlike another; the kernel may add others. */
const TELLING_FLAGS = MAP_FLAG.noPreallocate | MAP_FLAG.readOnlyForPrograms | MAP_FLAG.mappable;

/**
 * The map that is pinned at `path`, null if nothing is. Throws {@link ForeignPinError} unless it has the kind, the
 * sizes, the number of elements and the flags of the definition.
 */
export function openMap(
  path: string,
  definition: MapDefinition,
  options: OpenMapOptions = {},
): LoadedMap | null {
  const fd = openPin(path, "map");
  return fd === null ? null : adopt(fd, path, definition, options);
}

/** The map with this kernel-wide number, null if it is gone. Throws as {@link openMap}. */
export function mapById(
  id: number,
  definition: MapDefinition,
  options: OpenMapOptions = {},
): LoadedMap | null {
  try {
    const fd = bpf("BPF_MAP_GET_FD_BY_ID", byIdAttribute(id).bytes, { attempted: `map ${id}` });
    return adopt(fd, `map ${id}`, definition, options);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
}

function adopt(fd: number, where: string, definition: MapDefinition, options: OpenMapOptions): LoadedMap {
  try {
    const info = mapInfo(fd);
    const expected = { ...definitionShape(definition), entries: options.entries ?? definition.entries };
    const found: MapShape = { ...info, type: typeName(info.type), flags: info.flags & TELLING_FLAGS };
    const differences = (Object.keys(expected) as (keyof MapShape)[])
      .filter((field) => expected[field] !== "any" && expected[field] !== found[field])
      .map((field) => ({
        field: WORDS[field],
        expected: String(expected[field]),
        found: String(found[field]),
      }));
    if (differences.length > 0) throw new ForeignPinError(where, `the map "${definition.name}"`, differences);
  } catch (error) {
    close(fd);
    throw error;
  }
  const inner = holdsMaps(definition.kind)
    ? innerCreator(definition, !(options.fixedInner ?? false))
    : undefined;
  return LoadedMap.fromDescriptor(fd, definition, inner);
}

const WORDS: { readonly [K in keyof MapShape]: string } = {
  type: "type",
  keySize: "key size",
  valueSize: "value size",
  entries: "capacity",
  flags: "flags",
};

/** What a map of this definition looks like from outside. */
export function definitionShape(definition: MapDefinition): MapShape {
  const type = KINDS[definition.kind].type;
  const flags = mapFlags(definition) & TELLING_FLAGS;
  return { type: typeName(type), ...mapSizes(definition), entries: definition.entries, flags };
}
