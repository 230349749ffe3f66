import type { MapDefinition, MapKind } from "../map.ts";
import type { Schema } from "../schema/types.ts";
import { MapError } from "./errors.ts";

/** The kernel's limit (BPF_OBJ_NAME_LEN − 1), in its alphabet without the dot. */
const NAME = /^[A-Za-z0-9_]{1,15}$/;
const PAGE = 4096;
const ARRAYS: readonly MapKind[] = ["array", "perCpuArray", "arrayOfMaps", "constants", "programArray"];

/** Kinds whose elements are no memory that a lookup could give. */
const UNREAD: readonly MapKind[] = ["ringBuffer", "arrayOfMaps", "hashOfMaps", "programArray"];

function contains(schema: Schema, kind: "timer" | "spinLock"): boolean {
  if (schema.kind === kind) return true;
  if (schema.kind === "array") return contains(schema.element, kind);
  return schema.kind === "struct" && schema.fields.some((field) => contains(field.schema, kind));
}

/** Timers and locks: the kernel knows them only at the top level of the value, once each, in some kinds of map. */
function checkOpaque(map: MapDefinition, kind: "timer" | "spinLock", kinds: readonly MapKind[]): void {
  if (contains(map.key, kind)) throw new MapError(`map ${map.name}: a ${kind} cannot be part of a key`);
  if (!contains(map.value, kind)) return;
  if (!kinds.includes(map.kind)) {
    throw new MapError(
      `map ${map.name}: a ${kind} is possible in ${kinds.join(", ")} maps, not in ${map.kind}`,
    );
  }
  const fields = map.value.kind === "struct" ? map.value.fields : [];
  if (fields.filter((field) => contains(field.schema, kind)).length !== 1) {
    throw new MapError(`map ${map.name}: only one ${kind} is possible in a value`);
  }
  if (!fields.some((field) => field.schema.kind === kind)) {
    throw new MapError(
      `map ${map.name}: the ${kind} must be a field of the value itself, not of a struct in it`,
    );
  }
}

function checkValue(map: MapDefinition): void {
  if (UNREAD.includes(map.kind)) return;
  if (map.value.kind !== "struct" && map.value.kind !== "array") {
    throw new MapError(
      `map ${map.name}: a lookup gives a reference, so the value must be a struct or an array; put the ${map.value.kind} into a struct`,
    );
  }
}

function checkTrie(map: MapDefinition): void {
  const first = map.key.kind === "struct" ? map.key.fields[0] : undefined;
  const scalar = first?.schema;
  if (scalar?.kind !== "scalar" || scalar.name !== "u32" || map.key.size < 5 || map.key.size > 4 + 256) {
    throw new MapError(
      `map ${map.name}: the key of an lpmTrie is a struct of a u32 (the prefix length in bits), then 1 to 256 bytes`,
    );
  }
}

/** Throws MapError for a definition that no kernel would accept, saying what would be right. */
export function checkMap(map: MapDefinition): void {
  const { name, kind, entries } = map;
  if (!NAME.test(name)) {
    throw new MapError(`"${name}" cannot name a map: use 1 to 15 letters, digits and _`);
  }
  if (!Number.isSafeInteger(entries) || entries < 1 || entries > 0xffffffff) {
    throw new MapError(
      `map ${name}: the number of entries must be an integer from 1 to 2^32 - 1, not ${entries}`,
    );
  }
  if (kind === "ringBuffer" && (entries < PAGE || (entries & (entries - 1)) !== 0)) {
    throw new MapError(
      `map ${name}: a ring buffer takes a power of two of at least ${PAGE} bytes, not ${entries}`,
    );
  }
  if (ARRAYS.includes(kind) && (map.key.kind !== "scalar" || map.key.name !== "u32")) {
    throw new MapError(`map ${name}: the keys of ${kind} maps are u32`);
  }
  if (map.mappable && kind !== "array") throw new MapError(`map ${name}: only array maps can be mapped`);
  if (map.mappable && (contains(map.value, "timer") || contains(map.value, "spinLock"))) {
    throw new MapError(`map ${name}: a value with a timer or a lock cannot be mapped by user space`);
  }
  checkValue(map);
  checkOpaque(map, "timer", ["hash", "lruHash", "array"]);
  checkOpaque(map, "spinLock", ["hash", "array"]);
  if (kind === "lpmTrie") checkTrie(map);
}
