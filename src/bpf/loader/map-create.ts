import { bpf, close, SystemError } from "../../linux/index.ts";
import { BtfBuilder, hasSpecialField, schemaType } from "../btf/index.ts";
import type { MapDefinition } from "../map.ts";
import type { Scalar, Schema } from "../schema/types.ts";
import { loadBtf } from "./btf-load.ts";
import { LoadedMap } from "./loaded-map.ts";
import { type MapCreate, mapCreateAttribute, mapFreezeAttribute } from "./map-attributes.ts";
import { holdsMaps, KINDS, mapFlags, mapSizes } from "./map-kinds.ts";

export interface MapOptions {
  /** Instead of the definition's number of elements (bytes for ring buffers). */
  readonly entries?: number;
  /**
   * Maps of maps over arrays: all inner arrays have the template's length. Look-ups in them are then inlined; else
   * each may have its own length. Default false.
   */
  readonly fixedInner?: boolean;
}

/**
 * Creates the map of a definition. Constants are filled in and frozen. Values that are structs have BTF, so that
 * timers and locks work and tools can print them. Throws SystemError.
 */
export function createMap(definition: MapDefinition, options: MapOptions = {}): LoadedMap {
  if (!holdsMaps(definition.kind)) return create(definition, options.entries, false);
  if (definition.inner === undefined) {
    throw new TypeError(`map ${definition.name}: a map of maps needs a template of the inner maps`);
  }
  const varying = !(options.fixedInner ?? false);
  const template = create(definition.inner, undefined, varying);
  try {
    return create(definition, options.entries, varying, template.fd);
  } finally {
    template.close();
  }
}

function create(
  definition: MapDefinition,
  entries = definition.entries,
  varying = false,
  innerMap?: number,
): LoadedMap {
  const holder = innerMap !== undefined;
  const btf = loadMapBtf(definition);
  const attribute: MapCreate = {
    type: KINDS[definition.kind].type,
    ...mapSizes(definition),
    entries,
    flags: mapFlags(definition, varying && !holder),
    name: definition.name,
    ...(innerMap === undefined ? {} : { innerMap }),
    ...(btf === undefined ? {} : { btf }),
  };
  let fd: number;
  try {
    fd = bpf("BPF_MAP_CREATE", mapCreateAttribute(attribute).bytes, {
      attempted: `${definition.kind} ${definition.name} of ${entries} elements`,
    });
  } finally {
    if (btf !== undefined) close(btf.fd);
  }
  const createInner = (inner?: number): LoadedMap => create(definition.inner!, inner, varying);
  const map = new LoadedMap(fd, definition, { entries, ...(holder ? { createInner } : {}) });
  if (definition.kind !== "constants") return map;
  try {
    map.update(new Uint8Array(4), tableBytes(definition));
    freezeMap(map);
  } catch (error) {
    map.close();
    throw error;
  }
  return map;
}

/** BPF_MAP_FREEZE: from now on user space cannot write to the map. The verifier takes its contents for constants. */
export function freezeMap(map: LoadedMap): void {
  bpf("BPF_MAP_FREEZE", mapFreezeAttribute(map.fd).bytes, { attempted: `map ${map.definition.name}` });
}

/** How inner maps are created for a map of maps that was opened from its pin. */
export function innerCreator(definition: MapDefinition, varying: boolean): (entries?: number) => LoadedMap {
  return (entries) => create(definition.inner!, entries, varying);
}

/** Without BTF a map still works unless its value has a timer or a lock. */
function loadMapBtf(definition: MapDefinition): MapCreate["btf"] {
  const { name, kind, key, value } = definition;
  if (!KINDS[kind].btf || value.kind === "scalar") return undefined;
  const builder = new BtfBuilder();
  const keyType = schemaType(builder, key);
  const valueType = schemaType(builder, value);
  try {
    return { fd: loadBtf(builder.encode(), `map ${name}`), key: keyType, value: valueType };
  } catch (error) {
    if (hasSpecialField(value) || !(error instanceof SystemError)) throw error;
    return undefined;
  }
}

/** The values of a table of constants as they lie in memory. */
export function tableBytes({ name, value, values = [] }: MapDefinition): Uint8Array {
  const element: Schema = value.kind === "array" ? (value.element as Schema) : value;
  if (element.kind !== "scalar") throw new TypeError(`constants ${name}: the elements must be scalars`);
  const bytes = new Uint8Array(element.size * values.length);
  const view = new DataView(bytes.buffer);
  for (const [index, number] of values.entries()) putScalar(view, index * element.size, element, number);
  return bytes;
}

function putScalar(
  view: DataView,
  offset: number,
  { size, bigEndian }: Scalar,
  value: number | bigint,
): void {
  const wide = BigInt(value);
  for (let index = 0; index < size; index++) {
    const shift = BigInt(8 * (bigEndian ? size - 1 - index : index));
    view.setUint8(offset + index, Number((wide >> shift) & 0xffn));
  }
}
