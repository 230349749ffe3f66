/** A map for tests: one array of one element. */
import type { MapDefinition } from "../../../map.ts";
import type { Schema } from "../../../schema/types.ts";

function unsignedScalar(size: 4 | 8): Schema {
  return {
    kind: "scalar",
    name: size === 4 ? "u32" : "u64",
    size,
    align: size,
    signed: false,
    bigEndian: false,
  } as Schema;
}

/** An array map of one element of `bytes` bytes. */
export function testMap(name: string, bytes = 64): MapDefinition {
  return {
    kind: "array",
    name,
    key: unsignedScalar(4),
    value: { kind: "array", element: unsignedScalar(8), length: bytes / 8, size: bytes, align: 8 } as Schema,
    entries: 1,
    preallocate: true,
    mappable: false,
  };
}
