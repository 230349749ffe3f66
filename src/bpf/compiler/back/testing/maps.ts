/** A map for tests: one array of one element. */
import type { MapDefinition } from "../../../map.ts";
import { arrayMap } from "../../../maps/index.ts";
import { array, u64 } from "../../../schema/index.ts";

/** An array map of one element of `bytes` bytes. */
export function testMap(name: string, bytes = 64): MapDefinition {
  return arrayMap(name, { value: array(u64, bytes / 8), entries: 1 });
}
